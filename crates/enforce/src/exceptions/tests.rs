use super::*;

fn parse(text: &str) -> Result<Exceptions, ExceptionsError> {
    file::parse(Path::new("exceptions.toml"), text)
}

/// 2027-02-01T00:00:00Z
const FIRST_OF_FEBRUARY: i64 = 1_801_440_000;

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn exception(domain: &str, rest: &str) -> String {
    format!("[[exception]]\ndomain = \"{domain}\"\n{rest}\n")
}

const OFF: &str = "do = \"off\"\nreason = \"x\"\nuntil = \"2027-01-31\"";

#[test]
fn the_domain_itself_comes_first_and_then_the_longest_suffix() {
    let written = |domain, word: &str| exception(domain, &OFF.replace("off", word));
    let text = [
        written(".example.com", "testing"),
        written(".a.example.com", "require"),
        written("b.a.example.com", "observe"),
    ];
    let exceptions = parse(&text.concat()).unwrap();
    for (domain, expected) in [
        ("example.com", None), // only what is below it
        ("x.example.com", Some("testing")),
        ("a.example.com", Some("testing")),
        ("x.a.example.com", Some("require")),
        ("b.a.example.com", Some("observe")),
        ("c.b.a.example.com", Some("require")),
        ("notexample.com", None),
        ("com", None),
    ] {
        let found = exceptions.of(&name(domain), 0).map(|found| found.treatment.as_str());
        assert_eq!(found, expected, "{domain}");
    }
    assert_eq!(exceptions.len(), 3);
}

#[test]
fn an_exception_ends_with_its_last_day() {
    let exceptions = parse(&exception("a.test", OFF)).unwrap();
    let holds = |now| exceptions.of(&name("a.test"), now).is_some();
    assert!(holds(FIRST_OF_FEBRUARY - 1));
    assert!(!holds(FIRST_OF_FEBRUARY));
    assert_eq!(exceptions.ended(FIRST_OF_FEBRUARY - 1).count(), 0);
    let ended: Vec<_> = exceptions.ended(FIRST_OF_FEBRUARY).collect();
    assert_eq!(ended[0].0, "a.test");
    assert_eq!(ended[0].1.to_string(), "off until 2027-01-31: x");
    let between = |before, now| exceptions.ended_since(before, now).count();
    assert_eq!(between(FIRST_OF_FEBRUARY - 5, FIRST_OF_FEBRUARY), 1);
    assert_eq!(between(FIRST_OF_FEBRUARY - 5, FIRST_OF_FEBRUARY - 1), 0);
    assert_eq!(between(FIRST_OF_FEBRUARY, FIRST_OF_FEBRUARY + 5), 0, "told already");
}

#[test]
fn a_suffix_takes_over_when_the_exception_for_the_domain_has_ended() {
    let later = OFF.replace("2027-01-31", "2028-01-31").replace("off", "testing");
    let text = [exception("a.b.test", OFF), exception(".b.test", &later)].concat();
    let exceptions = parse(&text).unwrap();
    let found = exceptions.of(&name("a.b.test"), FIRST_OF_FEBRUARY).unwrap();
    assert_eq!(found.treatment, Treatment::Testing);
}

#[test]
fn a_pin_is_a_policy() {
    let pin = OFF.replace("off", "pin") + "\nmx = [\"mx1.a.test\", \"*.b.test\"]";
    let exceptions = parse(&exception("a.test", &pin)).unwrap();
    let Treatment::Pin(policy) = &exceptions.of(&name("a.test"), 0).unwrap().treatment else {
        panic!()
    };
    assert_eq!(policy.mode(), mta_sts::Mode::Enforce);
    let patterns: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
    assert_eq!(patterns, ["mx1.a.test", "*.b.test"]);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let bad = |text: &str, line: &str, expected: &str| {
        let error = parse(text).unwrap_err().to_string();
        assert!(error.contains(line) && error.contains(expected), "{error}");
    };
    let one = |rest: &str| exception("a.test", rest);
    bad(&exception("a b", OFF), "line 2", "not a domain name");
    bad(&exception("192.0.2.1", OFF), "line 2", "not a domain name");
    bad(&one(&OFF.replace("off", "of")), "line 3", "unknown variant");
    bad(&one(&OFF.replace("\"x\"", "\" \"")), "line 4", "say why");
    bad(&one(&OFF.replace("\"x\"", "\"a\\nb\"")), "line 4", "one line");
    bad(&one(&OFF.replace("01-31", "02-30")), "line 5", "2027-02-30"); // no such day
    bad(&one(&OFF.replace("until", "till")), "line 5", "unknown field `till`");
    bad(&one("do = \"off\"\nreason = \"x\""), "line 1", "missing field `until`");
    bad(&one(&format!("{OFF}\nmx = [\"mx.a.test\"]")), "line 1", "`mx` goes with");
    bad(&one(&OFF.replace("off", "pin")), "line 1", "needs the MX hosts");
    let mx = "\nmx = [\"mx.*.test\"]";
    bad(&one(&(OFF.replace("off", "pin") + mx)), "line 6", "not an MX pattern");
    bad(&[one(OFF), one(OFF)].concat(), "exceptions.toml", "there are two for a.test");
}

#[test]
fn a_file_without_exceptions_is_one() {
    assert!(parse("").unwrap().is_empty());
}
