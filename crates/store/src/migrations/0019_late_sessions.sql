-- Sessions that were written after it was decided what becomes of their day.

-- Those that had been counted then, for each policy; NULL where it was decided before this was kept.
ALTER TABLE report_decisions ADD COLUMN counted BIGINT;
-- Those that came afterwards.
ALTER TABLE report_decisions ADD COLUMN late BIGINT NOT NULL DEFAULT 0;
