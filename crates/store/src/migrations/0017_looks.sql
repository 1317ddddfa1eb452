-- When the sessions without a policy were, and what was seen of MX hosts around those times. Days are
-- days since 1970, times seconds since 1970.

-- How many of the successful sessions there were in each hour of the day: 9:12 10:3.
ALTER TABLE session_totals ADD COLUMN hours TEXT;

-- What was seen whenever the MX hosts of a domain in mode testing were looked at; `mx_probes` did not
-- say when.
DROP TABLE mx_probes;
CREATE TABLE mx_looks (
    day       BIGINT NOT NULL,
    domain    TEXT   NOT NULL,
    looked_at BIGINT NOT NULL,
    policy    BYTEA  NOT NULL,
    host      TEXT   NOT NULL,
    result    TEXT   NOT NULL, -- passes, fails or unknown
    failure   BYTEA  NOT NULL, -- empty unless it fails
    PRIMARY KEY (day, domain, looked_at, policy, host, result, failure),
    CHECK (length(domain) <= 253),
    CHECK (length(host) <= 253),
    CHECK (length(result) <= 16)
);
