//! The statements on the tables `check…`.

use crate::statement::statements;

statements! {
    /// In hand until then, unless it is already, or was looked at meanwhile. Who has it for more than
    /// twice as long has set his clock back since.
    CLAIM = "
        INSERT INTO checks (domain, due, held_until, errors, warnings)
        VALUES ($1, 0, $2, 0, 0)
        ON CONFLICT (domain) DO UPDATE SET held_until = excluded.held_until
        WHERE (checks.held_until <= CAST($3 AS BIGINT)
               OR checks.held_until > 2 * excluded.held_until - CAST($3 AS BIGINT))
          AND COALESCE(checks.looked_at, -1) = CAST($4 AS BIGINT)
        RETURNING domain";

    RELEASE = "
        UPDATE checks SET held_until = 0 WHERE domain = $1 AND held_until = $2";

    PLANS = "
        SELECT domain, due, looked_at FROM checks WHERE domain > $1 ORDER BY domain LIMIT $2";

    FACTS = "
        SELECT looked_at, facts, evidence FROM checks WHERE domain = $1";

    /// What was the newest goes into the history.
    TO_HISTORY = "
        INSERT INTO check_history (domain, at, evidence)
        SELECT domain, looked_at, evidence FROM checks
        WHERE domain = $1 AND looked_at IS NOT NULL AND evidence IS NOT NULL
        ON CONFLICT (domain, at) DO NOTHING";

    FORGET_HISTORY = "
        DELETE FROM check_history
        WHERE domain = CAST($1 AS TEXT)
          AND at <= (SELECT at FROM check_history WHERE domain = CAST($1 AS TEXT)
                     ORDER BY at DESC LIMIT 1 OFFSET CAST($2 AS BIGINT))";

    /// Nothing, if another look came between.
    KEEP = "
        INSERT INTO checks (domain, due, held_until, looked_at, verdict, errors, warnings,
                            certificate_end, evidence, facts)
        VALUES ($1, $2, 0, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (domain) DO UPDATE SET
            due = excluded.due, held_until = 0, looked_at = excluded.looked_at,
            verdict = excluded.verdict, errors = excluded.errors, warnings = excluded.warnings,
            certificate_end = excluded.certificate_end, evidence = excluded.evidence,
            facts = excluded.facts";

    LOOKED_AT = "
        SELECT looked_at FROM checks WHERE domain = $1";

    LATEST = "
        SELECT looked_at, evidence FROM checks WHERE domain = $1 AND looked_at IS NOT NULL";

    /// A look before a change tells how it was until then, and the newest how it is since the last.
    AS_OF = "
        SELECT at, evidence FROM check_history WHERE domain = $1 AND at >= CAST($2 AS BIGINT)
        ORDER BY at LIMIT 1";

    /// Each tells how it was until then, the newest how it is.
    SINCE = "
        SELECT at, evidence FROM check_history WHERE domain = $1 AND at >= CAST($2 AS BIGINT)
        UNION ALL
        SELECT looked_at, evidence FROM checks
        WHERE domain = $1 AND looked_at >= CAST($2 AS BIGINT)";

    BEFORE_LAST_CHANGE = "
        SELECT at, evidence FROM check_history WHERE domain = $1 ORDER BY at DESC LIMIT 1";

    SUMMARIES = "
        SELECT domain, looked_at, verdict, errors, warnings, certificate_end, due FROM checks
        WHERE domain > $1 AND looked_at IS NOT NULL ORDER BY domain LIMIT $2";

    SUMMARY_OF = "
        SELECT domain, looked_at, verdict, errors, warnings, certificate_end, due FROM checks
        WHERE domain = $1 AND looked_at IS NOT NULL";

    ADD_EVENT = "
        INSERT INTO check_events (id, domain, at, since, change)
        SELECT COALESCE(MAX(id), 0) + 1, CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS BIGINT),
               CAST($4 AS TEXT)
        FROM check_events";

    EVENTS_AFTER = "
        SELECT id, domain, at, since, change FROM check_events
        WHERE id > CAST($1 AS BIGINT) ORDER BY id LIMIT $2";

    EVENTS_OF = "
        SELECT id, domain, at, since, change FROM check_events
        WHERE domain = $1 ORDER BY id DESC LIMIT $2";

    /// All of a domain but the newest. What stays has the highest id, so none is given twice.
    FORGET_EVENTS = "
        DELETE FROM check_events
        WHERE domain = CAST($1 AS TEXT)
          AND id <= (SELECT id FROM check_events WHERE domain = CAST($1 AS TEXT)
                     ORDER BY id DESC LIMIT 1 OFFSET CAST($2 AS BIGINT))";

    /// The newest of all stays, so that no id is given twice.
    FORGET_OLD_EVENTS = "
        DELETE FROM check_events
        WHERE at < CAST($1 AS BIGINT) AND id < (SELECT MAX(id) FROM check_events)";

    FORGET_OLD_HISTORY = "
        DELETE FROM check_history WHERE at < CAST($1 AS BIGINT)";

    FORGET_DOMAINS = "
        DELETE FROM checks WHERE looked_at < CAST($1 AS BIGINT)";
}
