use super::*;
use crate::{RecordData, zone_file};

fn load(text: &str) -> Result<Domains, String> {
    let section: Section = toml::from_str(text).map_err(|error| error.to_string())?;
    Domains::load(&section, "sealpost.toml", text).map_err(|error| error.to_string())
}

#[track_caller]
fn bad(text: &str, expected: &str) {
    let error = load(text).unwrap_err();
    assert!(error.contains(expected), "{error}");
}

const TWO: &str = r#"
rua = ["mailto:tls-reports@example.com"]
[groups.customers]
providers = ["google-workspace"]
target = ["192.0.2.80", "2001:db8::80"]
rollout = { autonomy = "auto", testing = { days = 3, reporters = 1, sessions = 5, failures_per_million = 0 } }
[domains."example.com"]
group = "customers"
mx = ["mx.example.com", "smtp.google.com"]
[domains."Bücher.example"]
mode = "enforce"
mx = ["mx.example.com"]
rua = ["https://reports.example/v1"]
target = ["policies.example.com"]
ttl = 300
"#;

#[test]
fn a_domain_is_what_it_says_and_else_what_its_group_says() {
    let domains = load(TWO).unwrap();
    let names: Vec<String> = domains.iter().map(|domain| domain.domain.to_string()).collect();
    assert_eq!(names, ["example.com", "xn--bcher-kva.example"]);
    let first = domains.of(&"example.com".parse().unwrap()).unwrap();
    let patterns: Vec<String> = first.patterns.iter().map(ToString::to_string).collect();
    assert_eq!(
        patterns,
        ["smtp.google.com", "aspmx.l.google.com", "*.aspmx.l.google.com", "mx.example.com"]
    );
    assert_eq!(first.settings.testing.days, 3);
    assert_eq!(first.place, "sealpost.toml:7");
    assert_eq!(first.policy(Stage::Record), Ok(None));
    let testing = first.policy(Stage::Testing).unwrap().unwrap();
    assert_eq!((testing.mode(), testing.max_age().as_secs()), (Mode::Testing, 86_400));
    let fixed = domains.iter().last().unwrap().policy(Stage::Nothing).unwrap().unwrap();
    assert_eq!((fixed.mode(), fixed.max_age().as_secs()), (Mode::Enforce, 604_800));
    let left = first.policy(Stage::Leaving).unwrap().unwrap();
    assert_eq!(left.to_string(), "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n");
}

#[test]
fn records_are_those_to_set() {
    let domains = load(TWO).unwrap();
    let id = PolicyId::parse("20261101").unwrap();
    let zone: String = domains.iter().map(|domain| zone_file(&domain.records(Some(&id)))).collect();
    assert_eq!(
        zone,
        "_smtp._tls.example.com. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:tls-reports@example.com\"\n\
         mta-sts.example.com. 3600 IN A 192.0.2.80\n\
         mta-sts.example.com. 3600 IN AAAA 2001:db8::80\n\
         _mta-sts.example.com. 3600 IN TXT \"v=STSv1; id=20261101;\"\n\
         _smtp._tls.xn--bcher-kva.example. 300 IN TXT \"v=TLSRPTv1; rua=https://reports.example/v1\"\n\
         mta-sts.xn--bcher-kva.example. 300 IN CNAME policies.example.com.\n\
         _mta-sts.xn--bcher-kva.example. 300 IN TXT \"v=STSv1; id=20261101;\"\n"
    );
}

#[test]
fn long_and_odd_texts_are_written_in_pieces() {
    let data = RecordData::Txt(format!("a\"\\\u{7f}{}", "x".repeat(260)));
    let record = crate::DnsRecord { name: "a.test".to_owned(), ttl: 1, data };
    let text = record.to_string();
    assert!(text.starts_with("a.test. 1 IN TXT \"a\\\"\\\\\\127xx"), "{text}");
    assert_eq!(text.matches("\" \"").count(), 1);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_line() {
    bad("[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\n[domains.\"a.test\"]\n", "duplicate key");
    bad(
        "[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\n\n[domains.\"A.test\"]\nmx = [\"mx.a.test\"]\n",
        "sealpost.toml:4: a.test is configured at sealpost.toml:1 already",
    );
    bad("[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\nmaxage = 5\n", "line 3");
    bad("direktory = \"a\"", "line 1");
    bad("[domains.\"a.test\"]\nmx = [\"mx.*.test\"]\n", "line 2");
    bad("[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\nmode = \"strict\"\n", "line 3");
    bad("[domains.\"a.test\"]\n", "sealpost.toml:1: a.test has no mail hosts");
    bad("\n[domains.\"a@b.test\"]\nmx = [\"mx.a.test\"]\n", "sealpost.toml:2: \"a@b.test\"");
    bad("[domains.\"a.test\"]\ngroup = \"x\"\n", "a.test names the group \"x\"");
    bad("[groups.x]\ngroup = \"y\"\n", "may not belong to a group");
    bad(
        "[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\nmax_age = 5\n",
        "max_age of a.test is decided by its stage",
    );
    bad(
        "[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\ntarget = [\"192.0.2.1\", \"b.test\"]\n",
        "several addresses, or one name",
    );
    bad("[domains.\"a.test\"]\nmode = \"none\"\nmax_age = 31557601\n", "at most 31557600");
    bad("[domains.\"a.test\"]\nmode = \"none\"\nrua = [\"ftp://a\"]\n", "line 3");
}

#[test]
fn files_of_a_folder_share_groups_and_not_domains() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| fs_err::write(folder.path().join(name), text).unwrap();
    file("a.toml", "[domains.\"a.test\"]\ngroup = \"all\"\n");
    file("b.toml", "\n[groups.all]\nmx = [\"mx.b.test\"]\n[domains.\"b.test\"]\ngroup = \"all\"\n");
    file("c.txt", "not read");
    file(".d.toml", "not read");
    let section = Section { directory: Some(folder.path().to_owned()), ..Section::default() };
    assert_eq!(Domains::load(&section, "", "").unwrap().iter().len(), 2);
    file("c.toml", "\n\n[domains.\"b.test\"]\nmode = \"none\"\n");
    let error = Domains::load(&section, "", "").unwrap_err().to_string();
    assert!(error.contains("c.toml:3: b.test is configured at "), "{error}");
    file("c.toml", "[groups.all]\n");
    let error = Domains::load(&section, "", "").unwrap_err().to_string();
    assert!(error.contains("c.toml:1: the group \"all\" is at "), "{error}");
    file("c.toml", "[domain]\n");
    let error = Domains::load(&section, "", "").unwrap_err().to_string();
    assert!(error.contains("c.toml: ") && error.contains("line 1"), "{error}");
}

#[test]
fn fifty_thousand_domains_load_in_seconds() {
    let folder = tempfile::tempdir().unwrap();
    for part in 0..50 {
        let mut text = String::new();
        for number in 0..1_000 {
            text.push_str(&format!(
                "[domains.\"customer-{part}-{number}.example\"]\ngroup = \"customers\"\n\
                 mx = [\"mx.customer-{part}-{number}.example\"]\n"
            ));
        }
        fs_err::write(folder.path().join(format!("{part}.toml")), text).unwrap();
    }
    let text = "[groups.customers]\nproviders = [\"microsoft-365\"]\n";
    let mut section: Section = toml::from_str(text).unwrap();
    section.directory = Some(folder.path().to_owned());
    let watch = sealpost_runtime::Stopwatch::start();
    let domains = Domains::load(&section, "sealpost.toml", text).unwrap();
    println!("50,000 domains in {} ms", watch.elapsed_ms());
    assert_eq!(domains.iter().len(), 50_000);
    // A build for tests, on a machine that does other things too.
    assert!(watch.elapsed_ms() < 60_000);
}

#[test]
fn an_id_is_known_beforehand_where_it_follows_from_the_configuration() {
    let id_of = |more: &str| {
        let text = format!("[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\n{more}");
        load(&text).unwrap().iter().next().unwrap().fixed_id()
    };
    let own = "host = \"own\"\nmode = \"testing\"\n";
    let text = "version: STSv1\r\nmode: testing\r\nmx: mx.a.test\r\nmax_age: 86400\r\n";
    assert_eq!(id_of(own), Some(Policy::parse(text.as_bytes()).unwrap().id()));
    assert_ne!(id_of(own), id_of(&format!("{own}max_age = 172800\n")));
    for more in [
        "host = \"own\"\n",
        "mode = \"testing\"\n",
        "host = \"own\"\nmode = \"testing\"\nid_style = \"timestamp\"\n",
    ] {
        assert_eq!(id_of(more), None, "{more}");
    }
}

/// Ids of the time are as good as those of the content: one for each body, and never one again.
#[test]
fn an_id_of_the_time_tells_when_its_policy_was_served_first() {
    let text = "[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\nid_style = \"timestamp\"\n";
    let domains = load(text).unwrap();
    let published = domains.iter().next().unwrap();
    let testing = published.policy(Stage::Testing).unwrap().unwrap();
    let enforce = published.policy(Stage::EnforceDay).unwrap().unwrap();
    // 2026-11-01T00:00:00Z.
    let at = |seconds: i64| Time::at(1_793_491_200 + seconds);
    let (hour, none) = (std::time::Duration::from_secs(3_600), std::time::Duration::ZERO);
    let mut history = History::new(at(0), sealpost_rollout::Past::Nothing);
    let mut ids = Vec::new();
    // One policy, another, and the first again; two of them in one second.
    for (policy, second) in [(&testing, 1), (&enforce, 62), (&testing, 62)] {
        history.serve(Some(policy.clone()), at(second), none);
        let id = published.id_after(&history, policy, at(second));
        // It waits, and is asked for later.
        assert_eq!(published.id_after(&history, policy, at(second + 500)), id);
        history.announce(id.clone(), at(second), hour, none);
        // It is live, and stays.
        assert_eq!(published.id_after(&history, policy, at(second + 90_000)), id);
        ids.push(id.to_string());
    }
    let [first, second, third] = &ids[..] else { panic!("{ids:?}") };
    assert_eq!((first.as_str(), second.as_str()), ("20261101000001Z", "20261101000102Z"));
    assert!(third != first && third != second, "{ids:?}");
    // No id says which one that is: the content decides, or the time.
    assert_ne!(ids[0], testing.id().to_string());
}
