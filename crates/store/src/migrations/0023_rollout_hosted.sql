-- Domains whose policy is served here, each by a policy host, which has a name where several with
-- different domains share this store. Those that were taken out of its configuration stay for as long
-- as senders may hold their policy. Times are seconds since 1970.
CREATE TABLE rollout_hosted (
    domain       TEXT NOT NULL,
    host         TEXT NOT NULL,
    taken_out_at BIGINT, -- NULL while it is configured
    PRIMARY KEY (domain, host),
    CHECK (length(domain) <= 253)
);
