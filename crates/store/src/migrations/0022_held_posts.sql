-- Who counts a post before it is counted; NULL when it is. The key is free again if that node has
-- begun anew since.
ALTER TABLE session_posts ADD COLUMN holder TEXT;
ALTER TABLE session_posts ADD COLUMN held_since BIGINT; -- its epoch
