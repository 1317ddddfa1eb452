-- The version of the reader that found the signature to hold; those of before were of version 3.
ALTER TABLE raw_vouched ADD COLUMN reader BIGINT NOT NULL DEFAULT 3;
