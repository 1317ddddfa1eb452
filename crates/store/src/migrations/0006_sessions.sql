-- What mail servers told of their sessions. Days are days since 1970, times seconds since 1970.
-- Numbers are absolute for a node and an epoch: an epoch is the time from a start of a collector, or
-- from when it emptied its memory, to its end.
CREATE TABLE session_nodes (
    node  TEXT   NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL, -- the newest
    CHECK (length(node) <= 253)
);

-- Policies and failures, as JSON. Most are met again every day.
CREATE TABLE session_texts (
    digest   BYTEA  NOT NULL PRIMARY KEY, -- 16 octets of SHA-256
    content  TEXT   NOT NULL,
    last_day BIGINT NOT NULL, -- the last day that needs it
    CHECK (length(digest) = 16),
    CHECK (length(content) <= 4194304)
);
CREATE INDEX session_texts_by_day ON session_texts (last_day);

CREATE TABLE session_totals (
    day        BIGINT NOT NULL,
    domain     TEXT   NOT NULL,
    policy     BYTEA  NOT NULL,
    node       TEXT   NOT NULL,
    epoch      BIGINT NOT NULL,
    successful BIGINT NOT NULL,
    failed     BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL, -- the last session
    record     TEXT,            -- the TLS-RPT record as that one had it
    PRIMARY KEY (day, domain, policy, node, epoch),
    CHECK (length(domain) <= 253),
    CHECK (length(record) <= 4096)
);

CREATE TABLE session_failures (
    day       BIGINT NOT NULL,
    domain    TEXT   NOT NULL,
    policy    BYTEA  NOT NULL,
    failure   BYTEA  NOT NULL,
    node      TEXT   NOT NULL,
    epoch     BIGINT NOT NULL,
    failed    BIGINT NOT NULL, -- sessions that failed
    recovered BIGINT NOT NULL, -- sessions that met it and complied all the same
    PRIMARY KEY (day, domain, policy, failure, node, epoch)
);

-- The last datagrams that could not be read.
CREATE TABLE refused_datagrams (
    node       TEXT   NOT NULL,
    id         BIGINT NOT NULL, -- grows
    refused_at BIGINT NOT NULL,
    cause      TEXT   NOT NULL,
    length     BIGINT NOT NULL, -- of the whole
    octets     BYTEA  NOT NULL, -- its beginning
    PRIMARY KEY (node, id),
    CHECK (length(cause) <= 64),
    CHECK (length(octets) <= 65536)
);
