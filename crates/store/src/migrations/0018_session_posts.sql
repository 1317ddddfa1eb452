-- Posts of sessions that were counted under a key, so that one that comes again is not counted again.
-- Times are seconds since 1970.
CREATE TABLE session_posts (
    post_key  BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of the key
    content   BYTEA  NOT NULL,             -- SHA-256 of what came with it
    counted   BIGINT NOT NULL,
    uncounted BIGINT NOT NULL,
    posted_at BIGINT NOT NULL,
    CHECK (length(post_key) = 32),
    CHECK (length(content) = 32)
);
CREATE INDEX session_posts_by_time ON session_posts (posted_at);
