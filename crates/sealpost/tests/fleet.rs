//! The fleet of the lab against the rules: every verdict as expected, every rule fired and nearly
//! fired.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use sealpost_lab::Lab;
use sealpost_rules::catalogue;
use serde_json::Value;

/// What no server on loopback can bring about; the tests of the rules crate fire these.
const NOT_IN_THE_LAB: [&str; 3] = ["OBS101", "OBS102", "OBS103"];

#[test]
fn every_domain_is_judged_as_expected() {
    let output = Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["lab", "--once", "--format", "json"])
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Value> = table.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), Lab::fleet().len());
    let wrong: Vec<&Value> = rows.iter().filter(|row| row["expected"] != true).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(output.status.code(), Some(0));
    // The column `expected` is the program's own word; compare with the table once more.
    let verdicts: BTreeMap<&str, (&str, BTreeSet<&str>)> = rows
        .iter()
        .map(|row| {
            let codes = row["findings"].as_array().unwrap().iter().map(|c| c.as_str().unwrap());
            (row["domain"].as_str().unwrap(), (row["verdict"].as_str().unwrap(), codes.collect()))
        })
        .collect();
    for domain in Lab::fleet() {
        let (verdict, codes) = &verdicts[domain.name];
        assert_eq!(*verdict, domain.expect.verdict, "{}", domain.name);
        assert!(codes.iter().eq(domain.expect.findings), "{}", domain.name);
    }
}

#[test]
fn every_rule_has_a_domain_that_fires_it_and_one_that_nearly_does() {
    let fired: BTreeSet<&str> =
        Lab::fleet().iter().flat_map(|domain| domain.expect.findings).copied().collect();
    let nearly: BTreeSet<&str> =
        Lab::fleet().iter().flat_map(|domain| domain.near_miss_of).copied().collect();
    let rules: BTreeSet<&str> = catalogue::rules().map(|rule| rule.code).collect();
    let reachable: BTreeSet<&str> =
        rules.iter().copied().filter(|code| !NOT_IN_THE_LAB.contains(code)).collect();
    let list = |codes: &BTreeSet<&str>, others: &BTreeSet<&str>| {
        codes.difference(others).copied().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(&reachable, &fired), "", "rules that no domain fires");
    assert_eq!(list(&reachable, &nearly), "", "rules that no domain nearly fires");
    assert_eq!(list(&fired, &rules), "", "codes that are no rule");
    assert_eq!(list(&nearly, &rules), "", "codes that are no rule");
    for domain in Lab::fleet() {
        let both: Vec<_> = domain
            .near_miss_of
            .iter()
            .filter(|code| domain.expect.findings.contains(code))
            .collect();
        assert!(both.is_empty(), "{} fires and nearly fires {both:?}", domain.name);
    }
}
