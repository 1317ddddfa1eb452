//! The statements on the tables `report_decisions` and `sending`.

use crate::statement::statements;

statements! {
    BEGIN = "
        INSERT INTO sending (id, since_day, secret) VALUES (1, $1, $2)
        ON CONFLICT (id) DO NOTHING";

    SENDING = "
        SELECT since_day, secret FROM sending WHERE id = 1";

    /// Each part has a limit of its own, so that none is read to its end for each page.
    UNDECIDED = "
        SELECT domain FROM (
            SELECT DISTINCT domain FROM session_totals
            WHERE day = $1 AND domain > $2
              AND NOT EXISTS (SELECT 1 FROM report_decisions
                              WHERE report_decisions.day = $1
                                AND report_decisions.domain = session_totals.domain)
            ORDER BY domain LIMIT $3) AS counted
        UNION SELECT domain FROM (
            SELECT DISTINCT host AS domain FROM session_hosts
            WHERE day = $1 AND host > $2
              AND NOT EXISTS (SELECT 1 FROM report_decisions
                              WHERE report_decisions.day = $1
                                AND report_decisions.domain = session_hosts.host)
            ORDER BY domain LIMIT $3) AS hosts
        UNION SELECT domain FROM (
            SELECT DISTINCT domain FROM sender_remarks
            WHERE day = $1 AND domain > $2 AND length(failure) > 0
              AND NOT EXISTS (SELECT 1 FROM report_decisions
                              WHERE report_decisions.day = $1
                                AND report_decisions.domain = sender_remarks.domain)
            ORDER BY domain LIMIT $3) AS remarked
        ORDER BY domain LIMIT $3";

    /// A report knows how many sessions it tells of. Otherwise it is all that there are.
    DECIDE = "
        INSERT INTO report_decisions (day, domain, verdict, decided_at, counted)
        VALUES ($1, $2, $3, $4,
                COALESCE(CAST($5 AS BIGINT),
                         (SELECT CAST(COALESCE(SUM(successful + failed), 0) AS BIGINT)
                          FROM session_totals
                          WHERE session_totals.day = $1 AND session_totals.domain = $2)))
        ON CONFLICT (day, domain) DO NOTHING";

    VERDICTS = "
        SELECT verdict, COUNT(*), CAST(SUM(late) AS BIGINT) FROM report_decisions
        WHERE day = $1 GROUP BY verdict";

    /// Sessions that came after it was decided, where a report would tell of them, and more of them
    /// than are noted.
    LATE = "
        SELECT decisions.domain, decisions.late,
               CAST(SUM(totals.successful + totals.failed) AS BIGINT) - decisions.counted
        FROM report_decisions AS decisions
        JOIN session_totals AS totals
          ON totals.day = decisions.day AND totals.domain = decisions.domain
        WHERE decisions.day = $1 AND decisions.domain > $2
          AND decisions.verdict IN ('queued', 'only-reports', 'told-elsewhere')
        GROUP BY decisions.domain, decisions.late, decisions.counted
        HAVING SUM(totals.successful + totals.failed) > decisions.counted + decisions.late
        ORDER BY decisions.domain LIMIT $3";

    NOTE_LATE = "
        UPDATE report_decisions SET late = $1 WHERE day = $2 AND domain = $3 AND late < $1";

    FORGET = "
        DELETE FROM report_decisions
        WHERE (day, domain) IN (SELECT day, domain FROM report_decisions WHERE day < $1 LIMIT $2)";
}
