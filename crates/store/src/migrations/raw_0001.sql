-- What came in, as it came. Times are seconds since 1970.
CREATE TABLE raw (
    id               INTEGER NOT NULL PRIMARY KEY, -- grows with each new submission
    digest           BYTEA   NOT NULL UNIQUE,      -- SHA-256 of the octets
    size             BIGINT  NOT NULL,             -- in octets, before they were packed
    origin           TEXT    NOT NULL,
    received_at      BIGINT  NOT NULL,
    peer             TEXT,
    recipient        TEXT,                         -- of the envelope
    arrivals         BIGINT  NOT NULL,             -- how often the same octets came
    last_received_at BIGINT  NOT NULL,
    state            TEXT    NOT NULL,             -- new, read, quarantined or refused
    reason           TEXT,                         -- a stable code
    reader           BIGINT  NOT NULL,             -- the version that read it last, 0 for none
    CHECK (length(digest) = 32),
    CHECK (length(origin) <= 16),
    CHECK (length(peer) <= 64),
    CHECK (length(recipient) <= 320),
    CHECK (length(state) <= 16),
    CHECK (length(reason) <= 64)
);
-- Most submissions are read and never looked for again.
CREATE INDEX raw_waiting ON raw (state, id) WHERE state <> 'read';
CREATE INDEX raw_received ON raw (received_at, id);

CREATE TABLE raw_octets (
    raw      INTEGER NOT NULL PRIMARY KEY, -- the id
    encoding TEXT    NOT NULL,             -- plain or deflate
    octets   BYTEA   NOT NULL,
    CHECK (length(encoding) <= 16),
    CHECK (length(octets) <= 67108864)
);

-- Further arrivals of the same octets.
CREATE TABLE raw_arrivals (
    raw         INTEGER NOT NULL,
    number      BIGINT  NOT NULL, -- 2 for the second arrival
    origin      TEXT    NOT NULL,
    received_at BIGINT  NOT NULL,
    peer        TEXT,
    recipient   TEXT,
    PRIMARY KEY (raw, number),
    CHECK (length(origin) <= 16),
    CHECK (length(peer) <= 64),
    CHECK (length(recipient) <= 320)
);
