//! The statements on reports and on what is summed of them.
//!
//! A plus before a column means that no index is to be chosen for it. The test `plans` says which
//! index each question goes through.

use crate::statement::statements;

/// The numbers of the newest current reports of an index, newest first, before a place.
macro_rules! newest {
    ($which:literal, $more:literal, $rest:literal) => {
        concat!("SELECT id FROM reports WHERE is_current = 1 AND ", $more, $which, $rest)
    };
}

/// The columns from which failures are read.
macro_rules! failing {
    ($rest:literal) => {
        concat!(
            "SELECT id, domain, reporter, day, details, packed, failed_upper, ends_at FROM reports
             WHERE is_current = 1 AND is_failing = 1 AND ",
            $rest
        )
    };
}

statements! {
    // Names.

    DOMAIN_ID = "
        SELECT id FROM report_domains WHERE name = $1";

    NEWEST_DOMAIN = "
        SELECT COALESCE(MAX(id), 0) FROM report_domains";

    ADD_DOMAIN = "
        INSERT INTO report_domains (id, name) VALUES ($1, $2)";

    DOMAIN_NAME = "
        SELECT name FROM report_domains WHERE id = $1";

    FORGET_DOMAIN = "
        DELETE FROM report_domains WHERE id = $1";

    REPORTER_ID = "
        SELECT id, contact FROM reporters WHERE signer = $1 AND organisation = $2";

    NEWEST_REPORTER = "
        SELECT COALESCE(MAX(id), 0) FROM reporters";

    ADD_REPORTER = "
        INSERT INTO reporters (id, signer, organisation, contact) VALUES ($1, $2, $3, $4)";

    RENEW_CONTACT = "
        UPDATE reporters SET contact = $1 WHERE id = $2";

    REPORTER = "
        SELECT signer, organisation, contact FROM reporters WHERE id = $1";

    FORGET_REPORTER = "
        DELETE FROM reporters WHERE id = $1";

    IS_SHOWN = "
        SELECT 1 FROM shown_policies WHERE digest = $1";

    NEWEST_POLICY = "
        SELECT COALESCE(MAX(id), 0) FROM shown_policies";

    SHOW_POLICY = "
        INSERT INTO shown_policies (id, digest, policy) VALUES ($1, $2, $3)";

    SHOWN_POLICY = "
        SELECT policy FROM shown_policies WHERE digest = $1";

    // Acceptance.

    IS_KNOWN = "
        SELECT 1 FROM reports WHERE key = $1 LIMIT 1";

    SAME_PAYLOAD = "
        SELECT id, scope FROM reports WHERE key = $1 AND payload = $2 ORDER BY scope LIMIT 8";

    REVISIONS = "
        SELECT id, is_current, received_at, place FROM reports
        WHERE key = $1 AND +scope = $2 AND +reporter = $3
        ORDER BY received_at DESC, place DESC, id DESC LIMIT 64";

    NEWEST_REPORT = "
        SELECT COALESCE(MAX(id), 0) FROM reports";

    ADD = "
        INSERT INTO reports (id, scope, is_current, key, payload, reporter, domain, day, report_id,
                             begins_at, ends_at, received_at, raw, trust, trust_detail,
                             successful_lower, successful_upper, failed_lower, failed_upper,
                             is_failing, has_addresses, details, of_domain, of_reporter,
                             place, packed)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                $19, $20, $21, $22, $23, $24, $25, $26)";

    SET_CURRENT = "
        UPDATE reports SET is_current = $1 WHERE id = $2";

    FORGET = "
        DELETE FROM reports WHERE id = $1";

    /// What was summed of a report.
    COUNTED = "
        SELECT scope, is_current, key, reporter, domain, day,
               successful_lower, successful_upper, failed_lower, failed_upper, details, packed
        FROM reports WHERE id = $1";

    // Sums.

    COUNT_DAY = "
        INSERT INTO day_counts (scope, kind, day, subject, parts, reports,
                                successful_lower, successful_upper, failed_lower, failed_upper)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (scope, kind, day, subject) DO UPDATE SET
            parts = day_counts.parts + excluded.parts,
            reports = day_counts.reports + excluded.reports,
            successful_lower = day_counts.successful_lower + excluded.successful_lower,
            successful_upper = day_counts.successful_upper + excluded.successful_upper,
            failed_lower = day_counts.failed_lower + excluded.failed_lower,
            failed_upper = day_counts.failed_upper + excluded.failed_upper";

    DROP_EMPTY_DAY = "
        DELETE FROM day_counts
        WHERE scope = $1 AND kind = $2 AND day = $3 AND subject = $4 AND parts = 0";

    COUNT_FAILURE = "
        INSERT INTO failure_history (scope, domain, reporter, policy_type, result_type,
                                     reports, sessions, first_day, last_day)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (scope, domain, reporter, policy_type, result_type) DO UPDATE SET
            reports = failure_history.reports + excluded.reports,
            sessions = failure_history.sessions + excluded.sessions,
            first_day = CASE WHEN excluded.first_day < failure_history.first_day
                             THEN excluded.first_day ELSE failure_history.first_day END,
            last_day = CASE WHEN excluded.last_day > failure_history.last_day
                            THEN excluded.last_day ELSE failure_history.last_day END";

    UNCOUNT_FAILURE = "
        UPDATE failure_history SET reports = reports - 1, sessions = sessions - $1
        WHERE scope = $2 AND domain = $3 AND reporter = $4
              AND policy_type = $5 AND result_type = $6
        RETURNING reports, first_day, last_day";

    NARROW_FAILURE = "
        UPDATE failure_history SET first_day = $1, last_day = $2
        WHERE scope = $3 AND domain = $4 AND reporter = $5
              AND policy_type = $6 AND result_type = $7";

    DROP_FAILURE = "
        DELETE FROM failure_history
        WHERE scope = $1 AND domain = $2 AND reporter = $3
              AND policy_type = $4 AND result_type = $5 AND reports = 0";

    COUNT_REPAIR = "
        INSERT INTO report_repairs (scope, reporter, code, reports, place, report)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (scope, reporter, code) DO UPDATE SET
            reports = report_repairs.reports + excluded.reports,
            place = excluded.place,
            report = excluded.report";

    UNCOUNT_REPAIR = "
        UPDATE report_repairs SET reports = reports - 1
        WHERE scope = $1 AND reporter = $2 AND code = $3";

    DROP_REPAIR = "
        DELETE FROM report_repairs
        WHERE scope = $1 AND reporter = $2 AND code = $3 AND reports = 0";

    // Questions.

    /// Some days of one subject. Each day is looked up by itself: the table lies in the order of
    /// days, so that what comes in together is written together.
    SERIES = "
        WITH RECURSIVE days (day) AS (
            SELECT CAST($1 AS BIGINT)
            UNION ALL
            SELECT day + 1 FROM days WHERE day < CAST($2 AS BIGINT)
        )
        SELECT counts.day, counts.reports, counts.successful_lower, counts.successful_upper,
               counts.failed_lower, counts.failed_upper
        FROM days CROSS JOIN day_counts AS counts
        WHERE counts.scope = $3 AND counts.kind = $4 AND counts.day = days.day
              AND counts.subject = $5
        ORDER BY counts.day";

    /// The same for neighbouring domains, summed. Day by day: what is of one day lies together.
    SUMS_OF_DOMAINS = "
        WITH RECURSIVE days (day) AS (
            SELECT CAST($1 AS BIGINT)
            UNION ALL
            SELECT day + 1 FROM days WHERE day < CAST($2 AS BIGINT)
        )
        SELECT counts.subject, MAX(counts.day),
               CAST(SUM(counts.reports) AS BIGINT),
               CAST(SUM(counts.successful_lower) AS BIGINT),
               CAST(SUM(counts.successful_upper) AS BIGINT),
               CAST(SUM(counts.failed_lower) AS BIGINT),
               CAST(SUM(counts.failed_upper) AS BIGINT)
        FROM days CROSS JOIN day_counts AS counts
        WHERE counts.scope = $3 AND counts.kind = 1 AND counts.day = days.day
              AND counts.subject >= $4 AND counts.subject <= $5
        GROUP BY counts.subject";

    /// What one reporter, or each of them, says of one domain, report by report.
    PARTS = "
        SELECT reporter, day, successful_lower, successful_upper, failed_lower, failed_upper,
               details, packed
        FROM reports
        WHERE is_current = 1 AND of_domain = $1 AND day >= $2 AND day <= $3
              AND ($4 = 0 OR +reporter = $4)
        ORDER BY day, id LIMIT $5";

    /// From one domain of a scope to the next.
    NEXT_DOMAIN = "
        SELECT of_domain FROM reports
        WHERE is_current = 1 AND of_domain > $1 AND of_domain < $2 ORDER BY of_domain LIMIT 1";

    DOMAIN_LAST = "
        SELECT day FROM reports
        WHERE is_current = 1 AND of_domain = $1 ORDER BY day DESC, id DESC LIMIT 1";

    /// From one reporter of a scope to the next.
    NEXT_REPORTER = "
        SELECT of_reporter FROM reports
        WHERE is_current = 1 AND of_reporter > $1 AND of_reporter < $2 ORDER BY of_reporter LIMIT 1";

    REPORTER_FIRST = "
        SELECT day, received_at FROM reports
        WHERE is_current = 1 AND of_reporter = $1 ORDER BY day, id LIMIT 1";

    REPORTER_LAST = "
        SELECT day, received_at FROM reports
        WHERE is_current = 1 AND of_reporter = $1 ORDER BY day DESC, id DESC LIMIT 1";

    /// The report before a day, to step from day to day.
    REPORTER_BEFORE = "
        SELECT day FROM reports
        WHERE is_current = 1 AND of_reporter = $1 AND day < $2
        ORDER BY day DESC LIMIT 1";

    REPAIRS = "
        SELECT code, reports, place, report FROM report_repairs
        WHERE scope = $1 AND reporter = $2 ORDER BY reports DESC, code LIMIT $3";

    HISTORY = "
        SELECT domain, reporter, policy_type, result_type, reports, sessions, first_day, last_day
        FROM failure_history
        WHERE scope = $1 AND last_day >= $2
              AND (domain, reporter, policy_type, result_type) > ($3, $4, $5, $6)
        ORDER BY domain, reporter, policy_type, result_type LIMIT $7";

    HISTORY_OF_DOMAIN = "
        SELECT domain, reporter, policy_type, result_type, reports, sessions, first_day, last_day
        FROM failure_history
        WHERE scope = $1 AND domain = $2 AND last_day >= $3
              AND (reporter, policy_type, result_type) > ($4, $5, $6)
        ORDER BY reporter, policy_type, result_type LIMIT $7";

    LIST = newest!(
        "scope = $1 AND day >= $2 AND day <= $3 AND (day, id) < ($4, $5)", "",
        " ORDER BY day DESC, id DESC LIMIT $6");

    LIST_FAILING = newest!(
        "scope = $1 AND day >= $2 AND day <= $3 AND (day, id) < ($4, $5)", "is_failing = 1 AND ",
        " ORDER BY day DESC, id DESC LIMIT $6");

    LIST_OF_REPORTER = newest!(
        "of_reporter = $1 AND day >= $2 AND day <= $3 AND (day, id) < ($4, $5)", "",
        " ORDER BY day DESC, id DESC LIMIT $6");

    LIST_OF_REPORTER_FAILING = newest!(
        "of_reporter = $1 AND day >= $2 AND day <= $3 AND (day, id) < ($4, $5)",
        "is_failing = 1 AND ", " ORDER BY day DESC, id DESC LIMIT $6");

    LIST_OF_DOMAIN = newest!(
        "of_domain = $1 AND day >= $2 AND day <= $3 AND (day, id) < ($4, $5)", "",
        " AND ($6 = 0 OR +reporter = $6) ORDER BY day DESC, id DESC LIMIT $7");

    LIST_OF_DOMAIN_FAILING = newest!(
        "of_domain = $1 AND day >= $2 AND day <= $3 AND (day, id) < ($4, $5)",
        "is_failing = 1 AND ",
        " AND ($6 = 0 OR +reporter = $6) ORDER BY day DESC, id DESC LIMIT $7");

    REPORT = "
        SELECT reports.id, scope, is_current, day, report_id, begins_at, ends_at, received_at,
               payload, raw, trust, trust_detail, successful_lower, successful_upper,
               failed_lower, failed_upper, is_failing, report_domains.name,
               reporters.id, reporters.signer, reporters.organisation, key, reporters.contact
        FROM reports
        JOIN reporters ON reporters.id = reports.reporter
        JOIN report_domains ON report_domains.id = reports.domain
        WHERE reports.id = $1";

    DETAILS = "
        SELECT details, packed FROM reports WHERE id = $1";

    /// How many mails brought the reports of a reporter within some seconds.
    REPORT_MAILS = "
        SELECT COUNT(DISTINCT raw) FROM reports
        WHERE of_domain = $1 AND is_current = 1 AND day >= $2 AND day <= $3 AND +reporter = $4
          AND received_at >= $5 AND received_at <= $6";

    FAILING = failing!(
        "scope = $1 AND day >= $2 AND day <= $3 ORDER BY day DESC, id DESC LIMIT $4");

    FAILING_OF_REPORTER = failing!(
        "of_reporter = $1 AND day >= $2 AND day <= $3
         ORDER BY day DESC, id DESC LIMIT $4");

    FAILING_OF_DOMAIN = failing!(
        "of_domain = $1 AND day >= $2 AND day <= $3 AND ($4 = 0 OR +reporter = $4)
         ORDER BY day DESC, id DESC LIMIT $5");

    FAILING_FIRST = failing!(
        "of_domain = $1 AND +reporter = $2 ORDER BY day, id LIMIT 2000");

    FAILING_LAST = failing!(
        "of_domain = $1 AND +reporter = $2 ORDER BY day DESC, id DESC LIMIT 2000");

    // Retention.

    WITH_ADDRESSES = "
        SELECT id FROM reports WHERE has_addresses = 1 AND day < $1
        ORDER BY day, id LIMIT $2";

    FORGET_ADDRESSES = "
        UPDATE reports SET has_addresses = 0, details = $1, packed = $2 WHERE id = $3";

    OLD_APART = "
        SELECT id FROM reports WHERE scope > 1 AND received_at < $1
        ORDER BY received_at, id LIMIT $2";

    /// Does a report of any scope name the reporter?
    NAMES_REPORTER = "
        SELECT 1 FROM reports WHERE is_current = 1 AND of_reporter = $1 LIMIT 1";

    NAMES_DOMAIN = "
        SELECT 1 FROM reports WHERE is_current = 1 AND of_domain = $1 LIMIT 1";
}
