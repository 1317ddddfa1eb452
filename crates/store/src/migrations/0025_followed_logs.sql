-- What of log files was counted while they were written, so that whoever reads such a file as a whole
-- leaves it out. A file is known by its first session. Places are octets from its beginning; times,
-- seconds since 1970.
CREATE TABLE followed_logs (
    log      BYTEA  NOT NULL, -- SHA-256 of the line
    begins   BIGINT NOT NULL,
    reached  BIGINT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (log, begins),
    CHECK (length(log) = 32)
);
