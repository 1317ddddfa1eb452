//! The statements on the tables `outgoing_reports`, `submissions` and `suppressions`.

use crate::statement::statements;

statements! {
    NEXT_REPORT = "
        SELECT COALESCE(MAX(id), 0) + 1 FROM outgoing_reports";

    ADD_REPORT = "
        INSERT INTO outgoing_reports (id, report_id, about, day, queued_at, octets)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (report_id) DO NOTHING
        RETURNING id";

    NEXT = "
        SELECT COALESCE(MAX(id), 0) + 1 FROM submissions";

    ADD = "
        INSERT INTO submissions (id, report, rua, host, state, due, lifetime, attempts, lease_until)
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)
        ON CONFLICT (report, rua) DO NOTHING";

    /// What is due and nobody holds, of hosts that are not at their limits, and not suppressed.
    DUE = "
        SELECT id, host FROM submissions
        WHERE state = 'waiting' AND due <= $1 AND lease_until <= $1
          AND host NOT IN (SELECT host FROM submissions WHERE lease_until > 0 AND lease_until > $1
                           GROUP BY host HAVING COUNT(*) >= $2)
          AND NOT EXISTS (SELECT 1 FROM host_attempts
                          WHERE host_attempts.day = $3 AND host_attempts.host = submissions.host
                            AND attempts >= $4)
          AND NOT EXISTS (SELECT 1 FROM suppressions
                          WHERE destination IN (submissions.rua, submissions.host) AND until > $1)
        ORDER BY due, id LIMIT $5";

    ATTEMPTS_OF_HOST = "
        SELECT attempts FROM host_attempts WHERE day = $1 AND host = $2";

    COUNT_ATTEMPT = "
        INSERT INTO host_attempts (day, host, attempts) VALUES ($1, $2, 1)
        ON CONFLICT (day, host) DO UPDATE SET attempts = host_attempts.attempts + 1";

    FORGET_ATTEMPTS = "
        DELETE FROM host_attempts WHERE day < $1";

    /// What a process has left behind that is over.
    RELEASE = "
        UPDATE submissions SET owner = NULL, lease_until = 0
        WHERE owner = $1 AND lease_until > 0 AND state = 'waiting'
        RETURNING id";

    /// What was held back for as long as it would have been tried.
    EXPIRE = "
        UPDATE submissions
        SET state = 'expired', settled_at = $1,
            answer = 'held back until the time was over: the destination is suppressed'
        WHERE state = 'waiting' AND lease_until <= $1 AND due + lifetime < $1
          AND EXISTS (SELECT 1 FROM suppressions
                      WHERE destination IN (submissions.rua, submissions.host) AND until > $1)
        RETURNING report";

    /// Refusals since a time and since the last acceptance.
    REFUSALS = "
        SELECT COUNT(*) FROM submissions
        WHERE rua = $1 AND state = 'refused'
          AND settled_at >= (SELECT COALESCE(MAX(accepted.settled_at), $2)
                             FROM submissions AS accepted
                             WHERE accepted.rua = $1 AND accepted.state = 'accepted'
                               AND accepted.settled_at >= $2)";

    /// A mail that was taken and came back.
    BOUNCE = "
        UPDATE submissions SET state = 'refused', answer = $1, settled_at = $2
        WHERE id = $3 AND rua = $4 AND state = 'accepted'
        RETURNING report";

    RUA = "
        SELECT rua FROM submissions WHERE id = $1";

    /// Mails that were taken within a time, by the domain that they go to.
    MAILS = "
        SELECT host, COUNT(*) FROM submissions
        WHERE state = 'accepted' AND settled_at >= $1 AND settled_at < $2
          AND LOWER(rua) LIKE 'mailto:%'
        GROUP BY host";

    HELD_OF_HOST = "
        SELECT COUNT(*) FROM submissions
        WHERE host = $1 AND lease_until > 0 AND lease_until > $2";

    HOLD = "
        UPDATE submissions
        SET owner = $1, lease_until = $2, attempts = attempts + 1,
            first_try = COALESCE(first_try, $3)
        WHERE id = $4 AND state = 'waiting'";

    /// Only of the attempt that was claimed.
    HOLD_ON = "
        UPDATE submissions SET lease_until = $1
        WHERE id = $2 AND attempts = $3 AND owner = $4 AND state = 'waiting' AND lease_until > 0";

    CLAIMED = "
        SELECT submissions.id, attempts, first_try, lifetime, rua, report_id, about, octets
        FROM submissions JOIN outgoing_reports ON outgoing_reports.id = submissions.report
        WHERE submissions.id = $1";

    /// Only of the attempt that was claimed.
    SETTLE = "
        UPDATE submissions
        SET state = $1, due = COALESCE($2, due), answer = $3, settled_at = $4, owner = NULL,
            lease_until = 0
        WHERE id = $5 AND attempts = $6 AND state = 'waiting' AND lease_until > 0
        RETURNING report";

    SPARE = "
        UPDATE submissions SET state = 'spared', settled_at = $1
        WHERE report = $2 AND state = 'reserve'";

    /// If there is none that is tried already.
    PROMOTE = "
        UPDATE submissions SET state = 'waiting', due = $1
        WHERE id = (SELECT MIN(id) FROM submissions WHERE report = $2 AND state = 'reserve')
          AND NOT EXISTS (SELECT 1 FROM submissions WHERE report = $2 AND state = 'waiting')";

    RETRY = "
        UPDATE submissions
        SET state = 'waiting', due = $1, first_try = NULL, settled_at = NULL
        WHERE id = $2 AND state IN ('refused', 'expired', 'dropped')";

    DROP_WAITING = "
        UPDATE submissions SET state = 'dropped', settled_at = $1, owner = NULL, lease_until = 0
        WHERE id = $2 AND state IN ('waiting', 'reserve')
        RETURNING report";

    OLD = "
        SELECT id FROM outgoing_reports
        WHERE queued_at < $1
          AND NOT EXISTS (SELECT 1 FROM submissions
                          WHERE report = outgoing_reports.id AND state IN ('waiting', 'reserve'))
        ORDER BY id LIMIT $2";

    FORGET_SUBMISSIONS = "
        DELETE FROM submissions WHERE report = $1";

    FORGET_REPORT = "
        DELETE FROM outgoing_reports WHERE id = $1";

    NEXT_DUE = "
        SELECT MIN(CASE WHEN lease_until > due THEN lease_until ELSE due END)
        FROM submissions WHERE state = 'waiting'";

    LIST = "
        SELECT submissions.id, report_id, about, day, rua, state, due, attempts, first_try,
               lease_until, answer, settled_at
        FROM submissions JOIN outgoing_reports ON outgoing_reports.id = submissions.report
        WHERE submissions.id > $1 ORDER BY submissions.id LIMIT $2";

    LIST_STATE = "
        SELECT submissions.id, report_id, about, day, rua, state, due, attempts, first_try,
               lease_until, answer, settled_at
        FROM submissions JOIN outgoing_reports ON outgoing_reports.id = submissions.report
        WHERE state = $1 AND submissions.id > $2 ORDER BY submissions.id LIMIT $3";

    COUNTS = "
        SELECT state, COUNT(*) FROM submissions GROUP BY state";

    FAILING_DESTINATIONS = "
        SELECT COUNT(DISTINCT rua) FROM submissions WHERE state = 'waiting' AND attempts > 0";

    SUPPRESS = "
        INSERT INTO suppressions (destination, since, until, reason) VALUES ($1, $2, $3, $4)
        ON CONFLICT (destination) DO UPDATE SET
            since = CASE WHEN suppressions.until < excluded.since
                         THEN excluded.since ELSE suppressions.since END,
            reason = CASE WHEN suppressions.until < excluded.until
                          THEN excluded.reason ELSE suppressions.reason END,
            until = CASE WHEN suppressions.until < excluded.until
                         THEN excluded.until ELSE suppressions.until END";

    LIFT = "
        DELETE FROM suppressions WHERE destination = $1 RETURNING destination";

    SUPPRESSED = "
        SELECT destination, since, until, reason FROM suppressions
        WHERE until > $1 AND destination > $2 ORDER BY destination LIMIT $3";
}
