-- What is known of the domains of a day beside their sessions. Days are days since 1970, times seconds
-- since 1970; policies and failures are the digests of texts in session_texts.

-- What an enforcing sender found of a policy.
CREATE TABLE sender_remarks (
    day      BIGINT NOT NULL,
    domain   TEXT   NOT NULL,
    policy   BYTEA  NOT NULL,
    failure  BYTEA  NOT NULL, -- empty: the policy was held beside another, and nothing was wrong
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (day, domain, policy, failure),
    CHECK (length(domain) <= 253)
);

-- Hosts whose TLSA records sessions with a domain were held against.
CREATE TABLE session_hosts (
    day    BIGINT NOT NULL,
    host   TEXT   NOT NULL, -- the TLSA base domain
    domain TEXT   NOT NULL,
    PRIMARY KEY (day, host, domain),
    CHECK (length(host) <= 253),
    CHECK (length(domain) <= 253)
);

-- What was seen when the MX hosts of a domain in mode testing were tried.
CREATE TABLE mx_probes (
    day       BIGINT NOT NULL,
    domain    TEXT   NOT NULL,
    policy    BYTEA  NOT NULL,
    host      TEXT   NOT NULL,
    result    TEXT   NOT NULL, -- passes, fails or unknown
    failure   BYTEA  NOT NULL, -- empty unless it fails
    probed_at BIGINT NOT NULL, -- the last time
    PRIMARY KEY (day, domain, policy, host, result, failure),
    CHECK (length(domain) <= 253),
    CHECK (length(host) <= 253),
    CHECK (length(result) <= 16)
);
