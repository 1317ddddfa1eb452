-- What became of each domain on each day that is over, and since when reports are sent at all. Days
-- are days since 1970, times seconds since 1970.
CREATE TABLE report_decisions (
    day        BIGINT NOT NULL,
    domain     TEXT   NOT NULL,
    verdict    TEXT   NOT NULL, -- queued, or why there is no report
    decided_at BIGINT NOT NULL,
    PRIMARY KEY (day, domain),
    CHECK (length(domain) <= 253),
    CHECK (length(verdict) <= 32)
);

CREATE TABLE sending (
    id        INTEGER NOT NULL PRIMARY KEY, -- 1
    since_day BIGINT  NOT NULL, -- days before it are not reported by themselves
    secret    TEXT    NOT NULL, -- what makes ids of mails that nobody can guess
    CHECK (id = 1),
    CHECK (length(secret) <= 64)
);

-- Attempts of a day, by the host that they burden.
CREATE TABLE host_attempts (
    day      BIGINT NOT NULL,
    host     TEXT   NOT NULL,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (day, host),
    CHECK (length(host) <= 253)
);

CREATE INDEX submissions_by_rua ON submissions (rua, state, settled_at);
