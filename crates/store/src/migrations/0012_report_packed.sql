-- The details of a report where they are long: the length of the text (4 octets, the lowest first),
-- and the text as an LZ4 block. Then `details` is empty.
ALTER TABLE reports ADD COLUMN packed BYTEA;
