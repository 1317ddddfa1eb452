-- Who may ask over HTTP, and who did what. Times are seconds since 1970.
-- A token is known by its hash alone.
CREATE TABLE tokens (
    name    TEXT   NOT NULL PRIMARY KEY,
    hash    BYTEA  NOT NULL UNIQUE,        -- SHA-256
    rights  TEXT   NOT NULL,               -- read, write
    made_at BIGINT NOT NULL,
    ends_at BIGINT,                        -- none: when it is revoked
    used_at BIGINT,                        -- to the hour
    CHECK (length(name) <= 64),
    CHECK (length(hash) = 32)
);

CREATE TABLE audit (
    id      BIGINT NOT NULL PRIMARY KEY,   -- it grows
    kind    TEXT   NOT NULL,               -- access, change
    at      BIGINT NOT NULL,
    who     TEXT   NOT NULL,
    source  TEXT   NOT NULL,               -- from where
    what    TEXT   NOT NULL,
    about   TEXT   NOT NULL,
    outcome TEXT   NOT NULL,
    CHECK (length(who) <= 200),
    CHECK (length(about) <= 2000),
    CHECK (length(outcome) <= 2000)
);

CREATE INDEX audit_by_kind ON audit (kind, id);
