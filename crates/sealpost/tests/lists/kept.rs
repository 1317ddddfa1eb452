//! Summaries and comparisons of kept results.

use serde_json::Value;

use crate::world::{QUICK, World, quick, results};

/// The results of the quick domains, kept under a name.
fn keep(world: &World, name: &str) -> String {
    let list = world.write("list", quick());
    world.run(&["--from", &list, "--format", "json", "--output", name]);
    fs_err::read_to_string(world.path(name)).unwrap()
}

#[test]
fn a_summary_is_the_same_at_the_end_and_later() {
    let world = World::new();
    let list = world.write("list", quick());
    let (out, ..) = world.run(&["--from", &list, "--format", "json", "--output", "results"]);
    let (later, _, status) = world.run(&["summary", "results"]);
    assert_eq!((out, status), (later.clone(), 0));
    assert!(later.contains("  enforced           2  (25.0 %)\n"), "{later}");
    let (json, ..) = world.run(&["summary", "results", "--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["domains"], QUICK.len());
    assert_eq!(json["verdicts"]["failing"], 2);
    assert_eq!(json["rules"]["MX302"]["domains"], 2);
    let (html, ..) = world.run(&["summary", "results", "--format", "html"]);
    assert!(html.contains("<h1>MTA-STS, DANE and TLS-RPT of 8 domains</h1>"), "{html}");
    let (svg, ..) = world.run(&["summary", "results", "--format", "svg"]);
    assert!(svg.starts_with("<svg ") && html.contains(&svg), "{svg}");
    // People see a line for each domain, and the same sums.
    let (human, ..) = world.run(&["--from", &list]);
    assert!(
        human.contains("\nenforced  good.test\n") || human.starts_with("enforced  good.test\n"),
        "{human}"
    );
    assert!(human.ends_with(&format!("\n{later}")), "{human}");
}

#[test]
fn changes_between_two_runs_are_told() {
    let world = World::new();
    let old = keep(&world, "old");
    let same = world.run(&["diff", "old", "old"]);
    assert!(same.0.starts_with("8 domains, 0 changed; findings: 0 added, "), "{}", same.0);
    assert_eq!(same.2, 0);

    let mut later: Vec<Value> = results(&old);
    later.retain(|result| result["domain"] != "good.test");
    for result in &mut later {
        let findings = result["findings"].as_array().unwrap().clone();
        match result["domain"].as_str().unwrap() {
            // Mended.
            "mx-certificate-expired.test" => result["findings"] = Value::Array(Vec::new()),
            "policy-latin-1.test" => {
                let mut new = findings[0].clone();
                new["code"] = "MX204".into();
                result["findings"] = Value::Array([findings, vec![new]].concat());
            }
            _ => {}
        }
    }
    let later: Vec<String> = later.iter().map(|result| format!("{result}\n")).collect();
    let later = world.write("new", later.concat());
    let (out, said, status) = world.run(&["diff", "old", &later]);
    assert_eq!(status, 1, "{said}");
    assert!(out.contains("good.test: gone, was enforced\n"), "{out}");
    assert!(
        out.contains("mx-certificate-expired.test: failing\n  resolved error    MX302    "),
        "{out}"
    );
    assert!(out.contains("policy-latin-1.test: broken\n  added    error    MX204    "), "{out}");
    let (json, ..) = world.run(&["diff", "old", &later, "--format", "json"]);
    let mut changed: Vec<String> =
        results(&json).iter().map(|change| change["domain"].as_str().unwrap().to_owned()).collect();
    changed.sort();
    assert_eq!(changed, ["good.test", "mx-certificate-expired.test", "policy-latin-1.test"]);
    // What is mended or gone makes no run fail.
    assert_eq!(world.run(&["diff", &later, "old"]).2, 1, "MX302 is new the other way round");
}

#[test]
fn half_a_result_at_the_end_is_left_out_and_told() {
    let world = World::new();
    let text = keep(&world, "old");
    let half = world.write("half", &text[..text.len() - 10]);
    let (out, said, _) = world.run(&["summary", &half]);
    assert!(out.starts_with("7 domains\n"), "{out}");
    assert!(said.contains("its last line is half a result"), "{said}");
    let (_, said, status) = world.run_with(&["summary", "-"], b"{}\n");
    assert!(said.contains("line 1 is no result"), "{said}");
    assert_eq!(status, 2);
}
