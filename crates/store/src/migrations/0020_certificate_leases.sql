-- Hosts that a process is getting a certificate for. Others that share the store leave them alone
-- until then: one that ended meanwhile does not renew its lease.
CREATE TABLE certificate_leases (
    host       TEXT   NOT NULL PRIMARY KEY,
    holder     TEXT   NOT NULL,            -- each process makes one up
    held_until BIGINT NOT NULL,            -- seconds since 1970
    CHECK (length(host) <= 253),
    CHECK (length(holder) <= 64)
);
