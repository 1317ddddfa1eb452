-- What TLS reports said. Days are days since 1970, other times seconds since 1970.
-- A scope is 1 for what counts (trusted and about a domain of ours), 2 for what nobody vouches
-- for, 3 for what is about other domains.
CREATE TABLE report_domains (
    id   INTEGER NOT NULL PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE, -- empty where a report names none
    CHECK (length(name) <= 253)
);

CREATE TABLE reporters (
    id           INTEGER NOT NULL PRIMARY KEY,
    signer       TEXT    NOT NULL, -- empty where nobody vouches for the organisation
    organisation TEXT    NOT NULL,
    contact      TEXT,             -- of the newest report
    UNIQUE (signer, organisation),
    CHECK (length(signer) <= 253),
    CHECK (length(organisation) <= 255),
    CHECK (length(contact) <= 320)
);

-- The policies that reports show. Most are shown again every day.
CREATE TABLE shown_policies (
    id     INTEGER NOT NULL PRIMARY KEY,
    digest BYTEA   NOT NULL UNIQUE, -- 16 octets of SHA-256 of the text
    policy TEXT    NOT NULL,        -- JSON
    CHECK (length(digest) = 16),
    CHECK (length(policy) <= 1048576)
);

CREATE TABLE reports (
    id               INTEGER NOT NULL PRIMARY KEY, -- grows in the order of acceptance
    scope            INTEGER NOT NULL,
    is_current       INTEGER NOT NULL, -- 0 if a revision has taken its place
    key              BYTEA   NOT NULL, -- first day and SHA-256 of what makes it this report
    payload          BYTEA   NOT NULL, -- SHA-256 of the report as it came
    reporter         INTEGER NOT NULL,
    domain           INTEGER NOT NULL,
    of_domain        BIGINT  NOT NULL, -- scope and domain in one: 2^40 times the one and the other
    of_reporter      BIGINT  NOT NULL, -- the same of scope and reporter
    day              BIGINT  NOT NULL, -- the last day of its sessions
    report_id        TEXT    NOT NULL,
    begins_at        BIGINT  NOT NULL,
    ends_at          BIGINT  NOT NULL,
    received_at      BIGINT  NOT NULL,
    raw              BYTEA   NOT NULL, -- the digest of the submission
    trust            TEXT    NOT NULL,
    trust_detail     TEXT    NOT NULL,
    successful_lower BIGINT  NOT NULL, -- over all its days
    successful_upper BIGINT  NOT NULL,
    failed_lower     BIGINT  NOT NULL,
    failed_upper     BIGINT  NOT NULL,
    is_failing       INTEGER NOT NULL, -- 1 if it tells of failures
    has_addresses    INTEGER NOT NULL, -- 1 if the details name addresses
    details          TEXT    NOT NULL, -- JSON
    UNIQUE (key, payload, scope, reporter),
    CHECK (length(key) = 20),
    CHECK (length(payload) = 32),
    CHECK (length(raw) = 32),
    CHECK (length(report_id) <= 1024),
    CHECK (length(trust) <= 16),
    CHECK (length(trust_detail) <= 1024),
    CHECK (length(details) <= 33554432)
);
-- Scope and domain are one column in these indexes. If questions about a domain named the scope as
-- well, SQLite would at times rather go through all days of the scope.
CREATE INDEX reports_by_day ON reports (scope, day, id) WHERE is_current = 1;
CREATE INDEX reports_by_domain ON reports (of_domain, is_current, day, id);
CREATE INDEX reports_by_reporter ON reports (of_reporter, is_current, day, id);
CREATE INDEX failing_by_day ON reports (scope, day, id)
    WHERE is_current = 1 AND is_failing = 1;
CREATE INDEX failing_by_domain ON reports (of_domain, is_current, day, id) WHERE is_failing = 1;
CREATE INDEX failing_by_reporter ON reports (of_reporter, is_current, day, id)
    WHERE is_failing = 1;
CREATE INDEX reports_with_addresses ON reports (day, id) WHERE has_addresses = 1;
CREATE INDEX reports_apart ON reports (received_at, id) WHERE scope > 1;

-- Sums of current reports, by the day of the sessions.
CREATE TABLE day_counts (
    scope            INTEGER NOT NULL,
    kind             INTEGER NOT NULL, -- 0 for all, 1 for a domain, 2 for a reporter
    day              BIGINT  NOT NULL,
    subject          INTEGER NOT NULL, -- 0, or the id of the domain or reporter
    parts            BIGINT  NOT NULL, -- reports that speak of the day
    reports          BIGINT  NOT NULL, -- those of them whose last day it is
    successful_lower BIGINT  NOT NULL,
    successful_upper BIGINT  NOT NULL,
    failed_lower     BIGINT  NOT NULL,
    failed_upper     BIGINT  NOT NULL,
    PRIMARY KEY (scope, kind, day, subject)
);

-- Kinds of failures since the beginning.
CREATE TABLE failure_history (
    scope       INTEGER NOT NULL,
    domain      INTEGER NOT NULL,
    reporter    INTEGER NOT NULL,
    policy_type TEXT    NOT NULL,
    result_type TEXT    NOT NULL,
    reports     BIGINT  NOT NULL,
    sessions    BIGINT  NOT NULL,
    first_day   BIGINT  NOT NULL,
    last_day    BIGINT  NOT NULL,
    PRIMARY KEY (scope, domain, reporter, policy_type, result_type),
    CHECK (length(policy_type) <= 64),
    CHECK (length(result_type) <= 64)
);

-- What had to be repaired in the reports of a reporter.
CREATE TABLE report_repairs (
    scope    INTEGER NOT NULL,
    reporter INTEGER NOT NULL,
    code     TEXT    NOT NULL,
    reports  BIGINT  NOT NULL,
    place    TEXT    NOT NULL, -- in one of them
    report   INTEGER NOT NULL, -- that one, which may be gone
    PRIMARY KEY (scope, reporter, code),
    CHECK (length(code) <= 64),
    CHECK (length(place) <= 255)
);
