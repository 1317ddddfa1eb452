-- Certificates of policy hosts, and what is needed to get them. Times are seconds since 1970. Keys
-- are encrypted by who writes them, if a key file is configured.
CREATE TABLE acme_accounts (
    directory TEXT   NOT NULL PRIMARY KEY, -- the URL of the authority's directory
    key       BYTEA  NOT NULL,
    url       TEXT,                        -- none until the authority has said it
    made_at   BIGINT NOT NULL,
    CHECK (length(directory) <= 1000),
    CHECK (length(url) <= 1000)
);

-- Orders under way, one for each host at most.
CREATE TABLE acme_orders (
    host      TEXT   NOT NULL PRIMARY KEY,
    directory TEXT   NOT NULL,
    key       BYTEA  NOT NULL,
    begun_at  BIGINT NOT NULL,
    asked_at  BIGINT,                      -- from then on the authority may have it
    url       TEXT,
    CHECK (length(host) <= 253),
    CHECK (length(url) <= 1000)
);

CREATE TABLE certificates (
    host       TEXT   NOT NULL PRIMARY KEY,
    directory  TEXT   NOT NULL,
    chain      BYTEA  NOT NULL,            -- PEM
    key        BYTEA  NOT NULL,
    not_before BIGINT NOT NULL,
    not_after  BIGINT NOT NULL,
    renew_at   BIGINT,                     -- as the authority suggests
    ask_at     BIGINT,                     -- when it may be asked for that again
    CHECK (length(host) <= 253),
    CHECK (length(chain) <= 1048576)
);

-- Hosts for which the last try failed.
CREATE TABLE certificate_troubles (
    host     TEXT   NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL,              -- in a row
    next_at  BIGINT NOT NULL,
    what     TEXT   NOT NULL,
    CHECK (length(what) <= 2000)
);

-- How much of what an authority allows is used up: from then on all of it is free again.
CREATE TABLE acme_limits (
    name    TEXT   NOT NULL PRIMARY KEY,
    free_at BIGINT NOT NULL
);
