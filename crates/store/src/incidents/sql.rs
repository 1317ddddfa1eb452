//! The statements on the tables `incidents` and `notices`.

use crate::statement::statements;

statements! {
    ADD = "
        INSERT INTO incidents
            (id, number, revision, cause, domain, subject, phase, urgency, basis, since, opened_at,
             gone_since, resolved_at, told, told_to, summary, grounds, silent_until)
        VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
        ON CONFLICT DO NOTHING
        RETURNING id";

    NEXT = "
        SELECT COALESCE(MAX(number), 0) + 1 FROM incidents";

    /// Only as it was when the change was thought of.
    CHANGE = "
        UPDATE incidents
        SET revision = revision + 1, phase = $1, urgency = $2, basis = $3, opened_at = $4,
            gone_since = $5, resolved_at = $6, told = $7, told_to = $8, summary = $9,
            grounds = $10, silent_until = $11, since = $12
        WHERE id = $13 AND revision = $14
        RETURNING id";

    FORGET = "
        DELETE FROM incidents WHERE id = $1 AND revision = $2 AND phase = 'pending' RETURNING id";

    TAKE = "
        UPDATE incidents
        SET revision = revision + 1, silent_until = $1, taken_by = $2, taken_at = $3,
            taken_until = $4, taken_reason = $5
        WHERE id = $6 AND phase = 'open'
        RETURNING id";

    /// What nobody needs to be told any more; what may be there already is left.
    DROP_OF_INCIDENT = "
        UPDATE notices SET state = 'dropped', settled_at = $1
        WHERE incident = $2 AND state = 'waiting' AND batch IS NULL
        RETURNING receiver, kind";

    TOLD_TO = "
        SELECT told_to FROM incidents WHERE id = $1";

    KEEP_TOLD_TO = "
        UPDATE incidents SET told_to = $1 WHERE id = $2";

    ONE = "
        SELECT id, number, revision, cause, domain, subject, phase, urgency, basis, since,
               opened_at, gone_since, resolved_at, told, told_to, summary, grounds, silent_until,
               taken_by, taken_at, taken_until, taken_reason
        FROM incidents WHERE id = $1";

    LIVE = "
        SELECT id, number, revision, cause, domain, subject, phase, urgency, basis, since,
               opened_at, gone_since, resolved_at, told, told_to, summary, grounds, silent_until,
               taken_by, taken_at, taken_until, taken_reason
        FROM incidents
        WHERE phase IN ('pending', 'open') AND number > $1 ORDER BY number LIMIT $2";

    LIST = "
        SELECT id, number, revision, cause, domain, subject, phase, urgency, basis, since,
               opened_at, gone_since, resolved_at, told, told_to, summary, grounds, silent_until,
               taken_by, taken_at, taken_until, taken_reason
        FROM incidents
        WHERE phase = $1 AND number < $2 ORDER BY number DESC LIMIT $3";

    LIST_OF_DOMAIN = "
        SELECT id, number, revision, cause, domain, subject, phase, urgency, basis, since,
               opened_at, gone_since, resolved_at, told, told_to, summary, grounds, silent_until,
               taken_by, taken_at, taken_until, taken_reason
        FROM incidents
        WHERE domain = $1 AND phase = $2 AND number < $3 ORDER BY number DESC LIMIT $4";

    OPEN_COUNTS = "
        SELECT urgency, COUNT(*) FROM incidents WHERE phase = 'open' GROUP BY urgency";

    OLD = "
        SELECT id FROM incidents
        WHERE phase = 'resolved' AND resolved_at < $1
          AND NOT EXISTS (SELECT 1 FROM notices
                          WHERE notices.incident = incidents.id AND state = 'waiting')
        ORDER BY number LIMIT $2";

    FORGET_NOTICES = "
        DELETE FROM notices WHERE incident = $1";

    FORGET_OLD = "
        DELETE FROM incidents WHERE id = $1";

    FORGET_OTHER_NOTICES = "
        DELETE FROM notices WHERE incident IS NULL AND state <> 'waiting' AND made_at < $1";

    NEXT_NOTICE = "
        SELECT COALESCE(MAX(id), 0) + 1 FROM notices";

    QUEUE = "
        INSERT INTO notices
            (id, notice_key, receiver, incident, kind, content, made_at, state, due, attempts,
             lease_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, 0, 0)
        ON CONFLICT (notice_key, receiver) DO NOTHING
        RETURNING id";

    /// What waits to be told before it comes no later.
    BRING_FORWARD = "
        UPDATE notices SET due = $1
        WHERE incident = $2 AND receiver = $3 AND state = 'waiting' AND batch IS NULL
          AND due > $1";

    /// What was planned for later, or made later, than anything is.
    SET_RIGHT = "
        UPDATE notices
        SET due = CASE WHEN due > CAST($1 AS BIGINT) THEN CAST($1 AS BIGINT) ELSE due END,
            made_at = CASE WHEN made_at > CAST($1 AS BIGINT) THEN CAST($1 AS BIGINT)
                           ELSE made_at END,
            lease_until = CASE WHEN lease_until > CAST($2 AS BIGINT) THEN CAST($1 AS BIGINT)
                               ELSE lease_until END
        WHERE state = 'waiting'
          AND (lease_until > CAST($2 AS BIGINT) OR made_at > CAST($2 AS BIGINT)
               OR due > CASE WHEN batch IS NULL THEN CAST($3 AS BIGINT)
                             ELSE CAST($2 AS BIGINT) END)";

    /// What a receiver is being told.
    HELD = "
        SELECT COUNT(*) FROM notices
        WHERE receiver = $1 AND state = 'waiting' AND lease_until > $2";

    /// What was tried before and stays together.
    TRIED = "
        SELECT batch, MAX(due) FROM notices
        WHERE receiver = $1 AND state = 'waiting' AND batch IS NOT NULL
        GROUP BY batch ORDER BY batch LIMIT 1";

    DUE = "
        SELECT id FROM notices
        WHERE receiver = $1 AND state = 'waiting' AND batch IS NULL AND due <= $2
        ORDER BY id LIMIT $3";

    PUT_TOGETHER = "
        UPDATE notices SET batch = $1 WHERE id = $2";

    HOLD = "
        UPDATE notices SET owner = $1, lease_until = $2, attempts = attempts + 1
        WHERE receiver = $3 AND batch = $4 AND state = 'waiting'";

    OF_BATCH = "
        SELECT id, notice_key, receiver, incident, kind, content, made_at, state, due, attempts,
               answer, settled_at
        FROM notices WHERE receiver = $1 AND batch = $2 ORDER BY id";

    /// Only of the attempt that was claimed.
    SETTLE = "
        UPDATE notices
        SET state = $1, due = COALESCE($2, due), answer = $3, settled_at = $4, owner = NULL,
            lease_until = 0
        WHERE receiver = $5 AND batch = $6 AND attempts = $7 AND owner = $8 AND state = 'waiting'
          AND lease_until > 0
        RETURNING id";

    EXPIRE = "
        UPDATE notices
        SET state = 'expired', settled_at = $1, owner = NULL, lease_until = 0
        WHERE state = 'waiting' AND lease_until <= $1 AND made_at < $2";

    RELEASE = "
        UPDATE notices SET owner = NULL, lease_until = 0
        WHERE owner = $1 AND lease_until > 0 AND state = 'waiting'
        RETURNING id";

    OF_INCIDENT = "
        SELECT id, notice_key, receiver, incident, kind, content, made_at, state, due, attempts,
               answer, settled_at
        FROM notices WHERE incident = $1 ORDER BY id LIMIT $2";

    WAITING = "
        SELECT id, notice_key, receiver, incident, kind, content, made_at, state, due, attempts,
               answer, settled_at
        FROM notices WHERE state = 'waiting' ORDER BY id LIMIT $1";

    QUEUE_STATE = "
        SELECT COUNT(*), MIN(CASE WHEN attempts = 0 THEN due ELSE made_at END) FROM notices
        WHERE state = 'waiting' AND (due <= $1 OR attempts > 0)";

    NEXT_DUE = "
        SELECT MIN(CASE WHEN lease_until > due THEN lease_until ELSE due END)
        FROM notices WHERE state = 'waiting'";
}
