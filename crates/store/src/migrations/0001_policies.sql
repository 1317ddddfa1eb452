-- What an enforcing sender remembers of a policy domain. Times are seconds since 1970.
CREATE TABLE policies (
    domain      TEXT   NOT NULL PRIMARY KEY,
    policy_id   TEXT,
    policy_text BYTEA,  -- the body as it was fetched
    fetched_at  BIGINT, -- the last successful HTTPS fetch
    failed_id   TEXT,
    failure     TEXT,   -- the result type of RFC 8460
    failures    BIGINT, -- in a row
    failed_at   BIGINT, -- the last of them
    last_used   BIGINT NOT NULL,
    CHECK ((policy_id IS NULL) = (policy_text IS NULL)),
    CHECK ((policy_id IS NULL) = (fetched_at IS NULL)),
    CHECK ((failed_id IS NULL) = (failure IS NULL)),
    CHECK ((failed_id IS NULL) = (failures IS NULL)),
    CHECK ((failed_id IS NULL) = (failed_at IS NULL)),
    CHECK (length(domain) <= 253),
    CHECK (length(policy_text) <= 65536),
    CHECK (length(failure) <= 64)
);
