-- What was seen of our own domains, look by look. Times are seconds since 1970. What is packed is
-- JSON: the length of the text (4 octets, the lowest first), and the text as an LZ4 block.
CREATE TABLE checks (
    domain          TEXT   NOT NULL PRIMARY KEY,
    due             BIGINT NOT NULL,       -- when it is looked at next
    held_until      BIGINT NOT NULL,       -- until then it is in the hand of a process
    looked_at       BIGINT,                -- none: not yet
    verdict         TEXT,                  -- none: too little was asked for to say
    errors          BIGINT NOT NULL,       -- findings
    warnings        BIGINT NOT NULL,
    certificate_end BIGINT,                -- of all that were shown, the first that ends
    evidence        BYTEA,                 -- the newest, packed
    facts           BYTEA,                 -- what the next look is held beside, packed
    CHECK (length(domain) <= 253),
    CHECK (length(verdict) <= 64)
);

-- The last look before each change; the newest of a domain are kept.
CREATE TABLE check_history (
    domain   TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    evidence BYTEA  NOT NULL,
    PRIMARY KEY (domain, at)
);

-- What has changed from one look to the next.
CREATE TABLE check_events (
    id     BIGINT NOT NULL PRIMARY KEY,    -- it grows
    domain TEXT   NOT NULL,
    at     BIGINT NOT NULL,                -- of the look that shows it
    since  BIGINT NOT NULL,                -- of the one before
    change TEXT   NOT NULL,                -- JSON
    CHECK (length(domain) <= 253),
    CHECK (length(change) <= 1048576)
);

CREATE INDEX check_events_by_domain ON check_events (domain, id);
