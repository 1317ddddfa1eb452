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

    DECIDE = "
        INSERT INTO report_decisions (day, domain, verdict, decided_at) VALUES ($1, $2, $3, $4)
        ON CONFLICT (day, domain) DO NOTHING";

    VERDICTS = "
        SELECT verdict, COUNT(*) FROM report_decisions WHERE day = $1 GROUP BY verdict";

    FORGET = "
        DELETE FROM report_decisions
        WHERE (day, domain) IN (SELECT day, domain FROM report_decisions WHERE day < $1 LIMIT $2)";
}
