//! The citations of the whole tree: a wrong quotation or an open requirement fails the tests.

#[test]
fn every_citation_is_verbatim_and_every_requirement_accounted_for() {
    let coverage = xtask::Tree::of_this_workspace().coverage().unwrap();
    let faults: Vec<String> = coverage.faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "{}\n{} to mend", faults.join("\n"), faults.len());
    assert!(coverage.rows.len() > 30, "the RFCs were not read: {} rows", coverage.rows.len());
}
