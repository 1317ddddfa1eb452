-- A counter is one row with its texts in it, so that to write it touches nothing else. What was
-- written before has its policy in session_texts and its failures in session_failures, and is read
-- there until its day is forgotten.

-- The policy, as JSON; NULL if it is in session_texts.
ALTER TABLE session_totals ADD COLUMN content TEXT CHECK (length(content) <= 4194304);
-- The failures, one on each line: sessions that failed, sessions that met it and complied all the
-- same, and the failure as JSON, with blanks between them; NULL if there is none.
ALTER TABLE session_totals ADD COLUMN failures TEXT;
