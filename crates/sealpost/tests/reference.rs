//! The reference pages are what the program would write today.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const DASHBOARD: &str = "packaging/grafana/sealpost.json";

#[test]
fn the_page_of_rules_is_fresh() {
    is_fresh("doc/reference/rules.md", &["rule", "--format", "markdown"]);
}

#[test]
fn the_page_of_failures_is_fresh() {
    is_fresh("doc/reference/failures.md", &["failure", "--format", "markdown"]);
}

#[test]
fn the_page_of_metrics_is_fresh() {
    is_fresh("doc/reference/metrics.md", &["metrics"]);
}

#[test]
fn the_dashboard_is_fresh() {
    is_fresh(DASHBOARD, &["metrics", "--format", "grafana"]);
}

/// Each metric of the page of metrics is asked for, no other is, and only with labels whose values it
/// lists.
#[test]
fn the_dashboard_asks_for_the_metrics_that_there_are() {
    let page = fs_err::read_to_string(of_house("doc/reference/metrics.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let metrics: BTreeMap<&str, (&str, &str)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (cells[0].split('`').next().unwrap(), (cells[1], cells[2]))
        })
        .collect();
    assert!(metrics.len() > 50);
    let dashboard = fs_err::read_to_string(of_house(DASHBOARD)).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    let mut asked = BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap();
            let end = query.find('{').unwrap();
            let begin = query[..end].rfind('(').unwrap() + 1;
            let name = &query[begin..end];
            let (kind, label) = match name.strip_suffix("_bucket") {
                Some(histogram) => metrics[histogram],
                None => metrics[name],
            };
            asked.insert(name.trim_end_matches("_bucket"));
            assert_eq!(query.contains("rate("), kind != "gauge", "{query}");
            assert_eq!(query.contains("histogram_quantile("), kind == "histogram", "{query}");
            let by = query.split("by (").nth(1).unwrap().split(')').next().unwrap();
            assert!(
                by == "instance" || by == "le" || label.starts_with(&format!("`{by}`")),
                "{query}"
            );
            // A label that lists no values tells the one version that runs.
            assert!(
                !label.starts_with('`') || label.contains(": `") || label == "`version`",
                "{label}"
            );
            assert_eq!(query.matches('(').count(), query.matches(')').count(), "{query}");
        }
    }
    assert!(asked.iter().eq(metrics.keys()), "{asked:?}");
}

/// What Grafana needs of the classic model in order to import it.
#[test]
fn the_dashboard_is_one_of_grafana() {
    let dashboard = fs_err::read_to_string(of_house(DASHBOARD)).unwrap();
    let dashboard: Value = serde_json::from_str(&dashboard).unwrap();
    assert_eq!(dashboard["schemaVersion"], 39);
    assert_eq!((&dashboard["uid"], &dashboard["title"]), (&"sealpost".into(), &"sealpost".into()));
    assert!(dashboard.get("id").is_none(), "Grafana gives it");
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<&Value> = variables.iter().map(|variable| &variable["name"]).collect();
    assert_eq!(names, ["datasource", "instance"]);
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in dashboard["panels"].as_array().unwrap() {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        assert!(!panel["title"].as_str().unwrap().is_empty());
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(w > 0 && h > 0 && x + w <= 24, "{panel}");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(taken.insert(cell), "two panels at {cell:?}");
        }
        match panel["type"].as_str().unwrap() {
            "row" => assert_eq!(panel["collapsed"], false),
            "timeseries" => {
                assert_eq!(panel["datasource"]["uid"], "${datasource}");
                let places = panel["targets"].as_array().unwrap().iter();
                let places: BTreeSet<&str> =
                    places.map(|target| target["refId"].as_str().unwrap()).collect();
                assert_eq!(places.len(), panel["targets"].as_array().unwrap().len());
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn the_page_of_incidents_is_fresh() {
    is_fresh("doc/reference/incidents.md", &["alert", "causes"]);
}

#[track_caller]
fn is_fresh(page: &str, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost")).args(arguments).output().unwrap();
    let written = fs_err::read_to_string(of_house(page)).unwrap();
    assert!(
        String::from_utf8(output.stdout).unwrap() == written,
        "stale: run `sealpost {} > {page}`",
        arguments.join(" ")
    );
}

fn of_house(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file)
}
