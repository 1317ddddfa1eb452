//! Tests of what denials prove, after the examples of RFC 4035 and RFC 5155, and beside them.

use data_encoding::BASE32_DNSSEC;
use hickory_proto::dnssec::Nsec3HashAlgorithm;
use hickory_proto::rr::RecordType::{A, AAAA, CNAME, DNAME, DS, MX, NS, SOA, TXT};

use super::*;

fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

struct Plain(Name, Vec<(Name, NSEC)>);

impl Plain {
    fn of(zone: &str, records: &[(&str, &str, &[RecordType])]) -> Self {
        let record = |(owner, next, types): &(&str, &str, &[RecordType])| {
            (name(owner), NSEC::new(name(next), types.iter().copied()))
        };
        Self(name(zone), records.iter().map(record).collect())
    }

    fn denials(&self) -> Denials<'_> {
        let records = self.1.iter().map(|(owner, denial)| (owner, denial)).collect();
        Denials { zone: &self.0, kind: Kind::Plain(records) }
    }

    fn no_name(&self, text: &str) -> bool {
        self.denials().no_name(&name(text)) == Verdict::Proven
    }

    fn no_data(&self, text: &str, kind: RecordType) -> bool {
        self.denials().no_data(&name(text), kind) == Verdict::Proven
    }

    fn expansion(&self, text: &str, encloser: &str) -> bool {
        self.denials().expansion(&name(text), &name(encloser)) == Verdict::Proven
    }
}

#[test]
fn no_such_name() {
    // RFC 4035 B.2
    let apex: (&str, &str, &[RecordType]) = ("example", "a.example", &[NS, SOA, MX]);
    let b: (&str, &str, &[RecordType]) = ("b.example", "ns1.example", &[NS]);
    assert!(Plain::of("example", &[b, apex]).no_name("ml.example"));
    assert!(!Plain::of("example", &[b]).no_name("ml.example"), "there may be a wildcard");
    assert!(!Plain::of("example", &[apex]).no_name("ml.example"), "nothing covers it");
    assert!(!Plain::of("example", &[b, apex]).no_name("x.b.example"), "below a zone cut");
    assert!(!Plain::of("example", &[b, apex]).no_name("b.example"), "it exists");
    assert!(!Plain::of("example", &[b, apex]).no_name("ml.test"), "not in the zone");

    let last = Plain::of("example", &[("x.example", "example", &[A]), apex]);
    assert!(last.no_name("z.example"), "behind the last name");
    assert!(!last.no_name("z.test"));
    let alone = Plain::of("example", &[("example", "example", &[SOA, NS])]);
    assert!(alone.no_name("z.example") && alone.no_name("a.b.example"));
    let between = Plain::of("example", &[("a.example", "x.y.example", &[A]), apex]);
    assert!(!between.no_name("y.example"), "it has a name below");
    let alias = Plain::of("example", &[("d.example", "e.example", &[DNAME]), apex]);
    assert!(!alias.no_name("x.d.example"), "what is below a DNAME is elsewhere");
    // The wildcard would be below the closest encloser, not below the apex.
    let deep = Plain::of("example", &[("a.w.example", "c.w.example", &[A]), apex]);
    assert!(!deep.no_name("b.w.example"));
    let deep = ("w.example", "a.w.example", &[A][..]);
    let deep = Plain::of("example", &[("a.w.example", "c.w.example", &[A]), deep]);
    assert!(deep.no_name("b.w.example") && deep.no_name("x.b.w.example"));
}

#[test]
fn no_such_data() {
    // RFC 4035 B.3
    let zone = Plain::of("example", &[("ns1.example", "ns2.example", &[A])]);
    assert!(zone.no_data("ns1.example", MX) && zone.no_data("ns1.example", DS));
    assert!(!zone.no_data("ns1.example", A), "it has one");
    assert!(!zone.no_data("ns2.example", MX), "of another name");
    let alias = Plain::of("example", &[("c.example", "d.example", &[CNAME])]);
    assert!(!alias.no_data("c.example", MX), "it is an alias");
    let between = Plain::of("example", &[("a.example", "x.y.example", &[A])]);
    assert!(between.no_data("y.example", A), "it only has a name below");
    assert!(!between.no_data("b.example", A), "nothing says that it exists");

    let cut = Plain::of("example", &[("b.example", "c.example", &[NS])]);
    assert!(cut.no_data("b.example", DS), "the upper side knows DS");
    assert!(!cut.no_data("b.example", MX), "and nothing else");
    let below = Plain::of("b.example", &[("b.example", "c.b.example", &[NS, SOA])]);
    assert!(below.no_data("b.example", MX));
    assert!(!below.no_data("b.example", DS), "the lower side does not know DS");

    // RFC 4035 B.7
    let cover = ("x.y.w.example", "xx.example", &[MX][..]);
    let wildcard = ("*.w.example", "x.w.example", &[MX][..]);
    let zone = Plain::of("example", &[cover, wildcard]);
    assert!(zone.no_data("a.z.w.example", AAAA));
    assert!(!zone.no_data("a.z.w.example", MX), "the wildcard has one");
    assert!(!Plain::of("example", &[wildcard]).no_data("a.z.w.example", AAAA));
    assert!(!Plain::of("example", &[cover]).no_data("a.z.w.example", AAAA));
}

#[test]
fn a_wildcard_that_stands_for_a_name() {
    // RFC 4035 B.6
    let zone = Plain::of("example", &[("x.y.w.example", "xx.example", &[MX])]);
    assert!(zone.expansion("a.z.w.example", "w.example"));
    assert!(!zone.expansion("a.z.w.example", "example"), "a nearer one would count");
    assert!(!zone.expansion("a.y.w.example", "w.example"), "a name is nearer");
    let direct = Plain::of("example", &[("*.w.example", "example", &[MX])]);
    assert!(direct.expansion("a.w.example", "w.example"), "right above it");
    assert!(!direct.expansion("a.w.example", "test"));
    let exists = Plain::of("example", &[("*.w.example", "x.a.w.example", &[MX])]);
    assert!(!exists.expansion("a.w.example", "w.example"), "the name has a name below");
}

struct Hash {
    zone: Name,
    records: Vec<(Name, NSEC3)>,
}

fn hash(text: &str, iterations: u16) -> Vec<u8> {
    let salt = [0xAA, 0xBB];
    Nsec3HashAlgorithm::SHA1.hash(&salt, &name(text), iterations).unwrap().as_ref().to_vec()
}

impl Hash {
    /// The records of all these names, in the order of their hashes.
    fn of(zone: &str, opt_out: bool, names: &[(&str, &[RecordType])]) -> Self {
        Self::with(zone, opt_out, 2, names)
    }

    fn with(zone: &str, opt_out: bool, iterations: u16, names: &[(&str, &[RecordType])]) -> Self {
        let mut hashes: Vec<_> =
            names.iter().map(|(name, types)| (hash(name, iterations), *types)).collect();
        hashes.sort();
        let records = hashes.iter().enumerate().map(|(place, (here, types))| {
            let next = hashes[(place + 1) % hashes.len()].0.clone();
            let denial = NSEC3::new(
                Nsec3HashAlgorithm::SHA1,
                opt_out,
                iterations,
                vec![0xAA, 0xBB],
                next,
                types.iter().copied(),
            );
            (name(zone).prepend_label(BASE32_DNSSEC.encode(here).as_str()).unwrap(), denial)
        });
        Self { zone: name(zone), records: records.collect() }
    }

    fn denials(&self) -> Denials<'_> {
        let records = self.records.iter().map(|(owner, denial)| (owner, denial)).collect();
        Denials { zone: &self.zone, kind: Kind::Hashed(Hashed::new(&self.zone, records)) }
    }
}

const NAMES: &[(&str, &[RecordType])] = &[
    ("example", &[SOA, NS, MX]),
    ("a.example", &[TXT]),
    ("cut.example", &[NS, DS]),
    ("w.example", &[]),
    ("*.w.example", &[TXT]),
    ("d.example", &[DNAME]),
];

#[test]
fn hashes_prove_the_same() {
    use Verdict::{Proven, Unproven};
    let zone = Hash::of("example", false, NAMES);
    let denials = zone.denials();
    for (asked, expected) in [
        ("x.example", Proven),
        ("x.y.a.example", Proven),
        ("a.example", Unproven),     // it exists
        ("x.cut.example", Unproven), // below a zone cut
        ("x.d.example", Unproven),   // below a DNAME
        ("x.w.example", Unproven),   // a wildcard stands for it
        ("x.test", Unproven),        // not in the zone
    ] {
        assert_eq!(denials.no_name(&name(asked)), expected, "{asked}");
    }
    for (asked, kind, expected) in [
        ("a.example", MX, Proven),
        ("a.example", DS, Proven),
        ("a.example", TXT, Unproven),
        ("w.example", TXT, Proven),  // it only has a name below
        ("x.w.example", MX, Proven), // the wildcard has none
        ("x.w.example", TXT, Unproven),
        ("x.example", TXT, Unproven),   // there is no such name
        ("cut.example", TXT, Unproven), // the upper side does not know
        ("cut.example", DS, Unproven),  // it has one
        ("example", DS, Unproven),      // the lower side does not know
        ("d.example", TXT, Proven),
    ] {
        assert_eq!(denials.no_data(&name(asked), kind), expected, "{asked} {kind}");
    }
    let expansion = |asked: &str, encloser: &str| denials.expansion(&name(asked), &name(encloser));
    assert_eq!(expansion("x.w.example", "w.example"), Proven);
    assert_eq!(expansion("x.y.w.example", "w.example"), Proven);
    assert_eq!(expansion("x.a.example", "example"), Unproven, "a name is nearer");
}

#[test]
fn an_opt_out_is_no_proof() {
    use Verdict::{OptOut, Proven};
    let zone = Hash::of("example", true, NAMES);
    let denials = zone.denials();
    assert_eq!(denials.no_name(&name("x.example")), OptOut);
    assert_eq!(denials.no_data(&name("x.example"), DS), OptOut);
    assert_eq!(denials.no_data(&name("a.example"), DS), Proven);
    assert_eq!(denials.no_data(&name("x.w.example"), MX), OptOut);
    assert_eq!(denials.expansion(&name("x.w.example"), &name("w.example")), OptOut);
    assert_eq!(denials.no_data(&name("x.cut.example"), DS), Verdict::Unproven, "not its business");
}

#[test]
fn what_is_too_dear_is_not_counted() {
    for (iterations, expected) in [(100, Verdict::Proven), (101, Verdict::TooDear)] {
        let zone = Hash::with("example", false, iterations, NAMES);
        assert_eq!(zone.denials().no_name(&name("x.example")), expected);
        assert_eq!(zone.denials().no_data(&name("a.example"), MX), expected);
        assert_eq!(zone.denials().types_at(&name("a.example")).is_some(), iterations == 100);
    }
}

#[test]
fn records_that_do_not_belong_together_are_left_out() {
    let mut zone = Hash::of("example", false, NAMES);
    let other = Hash::with("example", false, 3, &[("example", &[SOA]), ("a.example", &[])]);
    let deeper = Hash::of("sub.example", false, &[("sub.example", &[SOA])]);
    let kept = zone.records.len();
    zone.records.extend(other.records);
    zone.records.extend(deeper.records);
    let Denials { kind: Kind::Hashed(hashed), .. } = zone.denials() else { panic!() };
    assert_eq!(hashed.records.len(), kept);
    assert_eq!(zone.denials().no_name(&name("x.example")), Verdict::Proven);
}
