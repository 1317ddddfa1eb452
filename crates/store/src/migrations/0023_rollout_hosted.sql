-- Domains whose policy is served here, by the policy host. Those that were taken out of the
-- configuration stay for as long as senders may hold it. Times are seconds since 1970.
CREATE TABLE rollout_hosted (
    domain       TEXT NOT NULL PRIMARY KEY,
    taken_out_at BIGINT, -- NULL while it is configured
    CHECK (length(domain) <= 253)
);
