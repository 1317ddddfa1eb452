-- What an operator wants done by the daemon. Times are seconds since 1970.
CREATE TABLE intents (
    id       BIGINT NOT NULL PRIMARY KEY, -- grows with each asking
    verb     TEXT   NOT NULL,
    domain   TEXT   NOT NULL,
    asked_at BIGINT NOT NULL,
    UNIQUE (verb, domain),
    CHECK (length(verb) <= 16),
    CHECK (length(domain) <= 253)
);
