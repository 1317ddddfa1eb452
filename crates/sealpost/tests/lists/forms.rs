//! The forms for other programs: each whole, whatever it holds. Real readers of them are asked in
//! the end-to-end tests.

use crate::world::{QUICK, World, quick};

#[test]
fn each_form_holds_every_domain() {
    let world = World::new();
    let list = world.write("list", quick());
    for (form, status) in
        [("csv", 1), ("junit", 1), ("sarif", 1), ("prometheus", 1), ("nagios", 2), ("github", 1)]
    {
        let (out, said, found) = world.run(&["--from", &list, "--format", form]);
        assert_eq!((said.as_str(), found), ("", status), "{form}");
        for (domain, verdict) in QUICK {
            // Nothing is said there of what is in order; and Nagios names the worst alone.
            let is_silent = verdict == "enforced" && ["sarif", "github"].contains(&form);
            assert!(out.contains(domain) || is_silent || form == "nagios", "{form}: {domain}");
        }
        // The same into a file, and for domains of the command line.
        let file = world.path(form).to_str().unwrap().to_owned();
        let (summary, ..) = world.run(&["--from", &list, "--format", form, "--output", &file]);
        assert!(summary.starts_with("8 domains\n"), "{summary}");
        let (single, _, _) = world.run(&["good.test", "--format", form]);
        assert!(!single.is_empty() || form == "github", "{form}");
    }
}

#[test]
fn monitoring_gets_its_own_statuses() {
    let world = World::new();
    for (domain, begin, status) in [
        (
            "good.test",
            "MTA-STS OK - nothing to mend | domains=1 errors=0;;0 warnings=0;0 unknown=0 certificate_days=",
            0,
        ),
        (
            "mx-certificate-expired.test",
            "MTA-STS CRITICAL - mx-certificate-expired.test: MX302 the certificate",
            2,
        ),
    ] {
        let (out, said, found) = world.run(&[domain, "--format", "nagios"]);
        assert!(out.starts_with(begin), "{out}{said}");
        assert_eq!(found, status, "{out}");
        assert_eq!(out.lines().count(), 1);
    }
    let (out, said, status) = world.run(&["--from", "missing", "--format", "nagios"]);
    assert_eq!(out, "MTA-STS UNKNOWN - the check could not run\n");
    assert!(said.contains("missing"), "{said}");
    assert_eq!(status, 3);
}

#[test]
fn a_form_of_nothing_is_whole_too() {
    let world = World::new();
    let list = world.write("list", "# nothing\n");
    for (form, expected) in [
        ("csv", "domain,verdict,"),
        (
            "junit",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sealpost check\">\n</testsuites>\n",
        ),
        ("nagios", "MTA-STS UNKNOWN - no domain was looked at"),
    ] {
        let (out, ..) = world.run(&["--from", &list, "--format", form]);
        assert!(out.starts_with(expected), "{out}");
    }
    let (sarif, ..) = world.run(&["--from", &list, "--format", "sarif"]);
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 0);
}
