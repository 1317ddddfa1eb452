-- The place of the submission in the order of arrival, which is its id in the raw file; 0 for what
-- was taken in before. It decides between revisions that came in the same second.
ALTER TABLE reports ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
