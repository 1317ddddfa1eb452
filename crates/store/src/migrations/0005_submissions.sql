-- Reports on their way out. Times are seconds since 1970.
CREATE TABLE outgoing_reports (
    id        INTEGER NOT NULL PRIMARY KEY, -- grows in the order of queuing
    report_id TEXT    NOT NULL UNIQUE,
    about     TEXT    NOT NULL, -- the domain
    day       BIGINT  NOT NULL, -- days since 1970
    queued_at BIGINT  NOT NULL,
    octets    BYTEA   NOT NULL, -- the report: JSON, packed with gzip
    CHECK (length(report_id) <= 512),
    CHECK (length(about) <= 253),
    CHECK (length(octets) <= 16777216)
);
CREATE INDEX outgoing_by_day ON outgoing_reports (day, id);

-- One of them on its way to one destination. The state is one of: reserve (another destination is
-- tried first), waiting, accepted, refused, expired, spared (another destination has accepted it),
-- dropped.
CREATE TABLE submissions (
    id           INTEGER NOT NULL PRIMARY KEY, -- grows, for one report in the order of its record
    report       INTEGER NOT NULL,
    rua          TEXT    NOT NULL, -- the URI as published
    host         TEXT    NOT NULL, -- whom it burdens: the mail domain, or the host of the URI
    state        TEXT    NOT NULL,
    due          BIGINT  NOT NULL,
    lifetime     BIGINT  NOT NULL, -- seconds after the first attempt
    attempts     BIGINT  NOT NULL, -- begun ones
    first_try    BIGINT,
    owner        TEXT,             -- who is at it
    lease_until  BIGINT  NOT NULL, -- 0 if nobody is
    answer       TEXT,             -- what came of the last attempt
    settled_at   BIGINT,
    UNIQUE (report, rua),
    CHECK (length(rua) <= 2048),
    CHECK (length(host) <= 253),
    CHECK (length(state) <= 16),
    CHECK (length(owner) <= 128),
    CHECK (length(answer) <= 1024)
);
CREATE INDEX submissions_due ON submissions (due, id, host, lease_until) WHERE state = 'waiting';
CREATE INDEX submissions_leased ON submissions (host, lease_until) WHERE lease_until > 0;
CREATE INDEX submissions_by_state ON submissions (state, id);

-- Destinations that get nothing for a while: an address, or a host.
CREATE TABLE suppressions (
    destination TEXT   NOT NULL PRIMARY KEY,
    since       BIGINT NOT NULL,
    until       BIGINT NOT NULL,
    reason      TEXT   NOT NULL,
    CHECK (length(destination) <= 2048),
    CHECK (length(reason) <= 1024)
);
