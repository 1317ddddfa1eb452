//! Each question goes through the index that was made for it.

use rusqlite::Connection;

use super::*;

#[tokio::test]
async fn every_question_goes_through_its_index() {
    let (folder, store) = open().await;
    store.close().await;
    let connection = Connection::open(folder.path().join("store.sqlite")).unwrap();
    let key = "sqlite_autoindex_reports_1 (key=? AND payload=?)";
    // The planner looks at what is bound, above all at the limit.
    let bound = |statement: &mut rusqlite::Statement<'_>| {
        for index in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(index, 100).unwrap();
        }
    };
    for (statement, expected) in [
        (sql::SAME_PAYLOAD, key),
        (sql::REVISIONS, "sqlite_autoindex_reports_1 (key=?)"),
        (sql::SERIES, "sqlite_autoindex_day_counts_1 (scope=? AND kind=? AND day=? AND subject=?)"),
        (
            sql::SUMS_OF_DOMAINS,
            "sqlite_autoindex_day_counts_1 (scope=? AND kind=? AND day=? AND subject>? AND subject<?)",
        ),
        (sql::LIST, "reports_by_day (scope=? AND day>?"),
        (sql::LIST_FAILING, "failing_by_day (scope=? AND day>?"),
        (sql::LIST_OF_DOMAIN, "reports_by_domain (of_domain=? AND is_current=? AND day>?"),
        (sql::LIST_OF_DOMAIN_FAILING, "failing_by_domain (of_domain=? AND is_current=? AND day>?"),
        (sql::LIST_OF_REPORTER, "reports_by_reporter (of_reporter=? AND is_current=? AND day>?"),
        (
            sql::LIST_OF_REPORTER_FAILING,
            "failing_by_reporter (of_reporter=? AND is_current=? AND day>?",
        ),
        (sql::PARTS, "reports_by_domain (of_domain=? AND is_current=? AND day>?"),
        (sql::NEXT_DOMAIN, "reports_by_domain (of_domain>? AND of_domain<?)"),
        (sql::DOMAIN_LAST, "reports_by_domain (of_domain=? AND is_current=?)"),
        (sql::NEXT_REPORTER, "reports_by_reporter (of_reporter>? AND of_reporter<?)"),
        (sql::REPORTER_FIRST, "reports_by_reporter (of_reporter=? AND is_current=?)"),
        (sql::REPORTER_LAST, "reports_by_reporter (of_reporter=? AND is_current=?)"),
        (sql::REPORTER_BEFORE, "(of_reporter=? AND is_current=? AND day<?)"),
        (sql::FAILING, "failing_by_day (scope=? AND day>?"),
        (sql::FAILING_OF_DOMAIN, "failing_by_domain (of_domain=? AND is_current=?"),
        (sql::FAILING_OF_REPORTER, "failing_by_reporter (of_reporter=? AND is_current=?"),
        (sql::FAILING_FIRST, "failing_by_domain (of_domain=? AND is_current=?)"),
        (sql::FAILING_LAST, "failing_by_domain (of_domain=? AND is_current=?)"),
        (sql::HISTORY_OF_DOMAIN, "sqlite_autoindex_failure_history_1 (scope=? AND domain=?"),
        (sql::REPAIRS, "sqlite_autoindex_report_repairs_1 (scope=? AND reporter=?)"),
        (sql::WITH_ADDRESSES, "reports_with_addresses (day<?)"),
        (sql::OLD_APART, "reports_apart (received_at<?)"),
        (sql::NAMES_DOMAIN, "reports_by_domain (of_domain=? AND is_current=?)"),
        (sql::NAMES_REPORTER, "reports_by_reporter (of_reporter=? AND is_current=?)"),
    ] {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
        bound(&mut plan);
        let lines = plan.raw_query().mapped(|row| row.get::<_, String>(3));
        let plan: Vec<String> = lines.map(Result::unwrap).collect();
        let plan = plan.join("\n");
        assert!(plan.contains(expected), "{statement}\n{plan}");
        // What is sorted first is read as a whole, which these may: it is little.
        let is_sorted = plan.contains("TEMP B-TREE");
        let may_be =
            [sql::REPAIRS, sql::REVISIONS, sql::SAME_PAYLOAD, sql::SERIES, sql::SUMS_OF_DOMAINS]
                .contains(&statement);
        assert!(!is_sorted || may_be, "{statement}\n{plan}");
    }
}
