-- How far the roll-out of each domain has come, and what senders may hold. Times are seconds since
-- 1970. What is still so has no end.
CREATE TABLE rollout_domains (
    domain       TEXT   NOT NULL PRIMARY KEY,
    stage        TEXT   NOT NULL,
    entered_at   BIGINT NOT NULL,
    known_since  BIGINT NOT NULL, -- what was served before is not in rollout_bodies
    past         TEXT   NOT NULL, -- 'unknown', 'at-most' or 'nothing'
    past_max_age BIGINT,          -- the longest, as a person states
    CHECK (length(domain) <= 253),
    CHECK (length(stage) <= 32),
    CHECK (past IN ('unknown', 'at-most', 'nothing')),
    CHECK ((past = 'at-most') = (past_max_age IS NOT NULL))
);

-- Every body that was ever served. A row is never removed while somebody may hold the policy.
CREATE TABLE rollout_bodies (
    domain       TEXT   NOT NULL,
    first_served BIGINT NOT NULL,
    last_served  BIGINT,          -- not served from then on, anywhere
    body         BYTEA  NOT NULL,
    PRIMARY KEY (domain, first_served),
    CHECK (last_served >= first_served),
    CHECK (length(body) <= 65536)
);

CREATE TABLE rollout_ids (
    domain          TEXT   NOT NULL,
    first_announced BIGINT NOT NULL,
    last_announced  BIGINT,
    id              TEXT   NOT NULL,
    ttl             BIGINT NOT NULL,
    PRIMARY KEY (domain, first_announced),
    CHECK (last_announced >= first_announced),
    CHECK (length(id) <= 32)
);

CREATE TABLE rollout_mx (
    domain          TEXT   NOT NULL,
    first_published BIGINT NOT NULL,
    last_published  BIGINT,
    hosts           TEXT   NOT NULL, -- JSON: a list of names
    ttl             BIGINT NOT NULL,
    PRIMARY KEY (domain, first_published),
    CHECK (last_published >= first_published)
);

-- The logbook.
CREATE TABLE rollout_entries (
    domain TEXT   NOT NULL,
    number BIGINT NOT NULL, -- grows with each row of a domain
    at     BIGINT NOT NULL,
    entry  TEXT   NOT NULL, -- JSON
    PRIMARY KEY (domain, number),
    CHECK (length(entry) <= 65536)
);
