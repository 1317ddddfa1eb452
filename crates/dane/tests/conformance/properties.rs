//! What holds for any input.

use std::sync::LazyLock;

use dane::{DaneOutcome, Requirement, Standing, TlsaRecord, TlsaSet, Usability, expects, verify};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::fixture::{Authority, Leaf, MX, NOW, authority_params, domain, params, record};

struct World {
    root: Authority,
    middle: Authority,
    leaf: Leaf,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let root = Authority::root("Root");
    let middle = root.below(authority_params("Middle"));
    let leaf = middle.issue(&params(&[MX]));
    World { root, middle, leaf }
});

impl World {
    fn chain(&self) -> [&[u8]; 3] {
        [&self.leaf, &self.middle, &self.root]
    }
}

/// Small numbers, which mean something, and any.
fn number() -> impl Strategy<Value = u8> {
    prop_oneof![8 => 0_u8..5, 1 => any::<u8>()]
}

/// Records near those that match: of the right contents, or nonsense of the right length.
fn records() -> impl Strategy<Value = TlsaRecord> {
    let matching = (0_u8..4, 0_u8..2, 0_u8..3, 0_usize..3)
        .prop_map(|(usage, selector, form, at)| record([usage, selector, form], WORLD.chain()[at]));
    let octets = prop_oneof![vec(any::<u8>(), 32), vec(any::<u8>(), 64), vec(any::<u8>(), 0..80)];
    let nonsense =
        (number(), number(), number(), octets).prop_map(|(usage, selector, form, octets)| {
            TlsaRecord::from_rdata(&[&[usage, selector, form], octets.as_slice()].concat()).unwrap()
        });
    prop_oneof![matching, nonsense]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn octets_and_text_survive_a_round_trip(rdata in vec(any::<u8>(), 0..200)) {
        match TlsaRecord::from_rdata(&rdata) {
            Ok(record) => {
                prop_assert_eq!(record.to_rdata(), rdata);
                prop_assert_eq!(record.to_string().parse(), Ok(record));
            }
            Err(_) => prop_assert!(rdata.len() < 3),
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[0-9a-f() \t.x-]{0,40}|\\PC{0,40}") {
        if let Ok(record) = TlsaRecord::parse(&text) {
            prop_assert_eq!(record.to_string().parse(), Ok(record));
        }
    }

    #[test]
    fn the_order_of_the_records_makes_no_difference(
        mut records in vec(records(), 0..8).prop_shuffle(),
    ) {
        let set = TlsaSet::new(records.clone());
        records.reverse();
        prop_assert_eq!(TlsaSet::new(records.clone()), set.clone());
        records.extend(records.clone());
        prop_assert_eq!(TlsaSet::new(records), set);
    }

    #[test]
    fn records_oblige_to_what_they_are(records in vec(records(), 0..8)) {
        let usable = records.iter().any(|record| record.usability() == Usability::Usable);
        let expected = match (records.is_empty(), usable) {
            (true, _) => Requirement::Nothing,
            (false, false) => Requirement::Encryption,
            (false, true) => Requirement::Authentication,
        };
        let set = TlsaSet::new(records);
        prop_assert_eq!(set.requirement(), expected);
        // Agility never takes away the last record of a kind.
        for member in set.members() {
            if let Standing::Outranked { by } = member.standing {
                let outranks = |record: &TlsaRecord| {
                    record.usage() == member.record.usage()
                        && record.selector() == member.record.selector()
                        && record.matching_type() == by
                };
                prop_assert!(set.used().any(outranks));
            }
        }
    }

    /// The rules once more, for this one chain: contents alone decide, at the right depth.
    #[test]
    fn a_record_matches_exactly_the_certificate_that_it_is_of(
        records in vec(records(), 0..6),
    ) {
        let set = TlsaSet::new(records);
        let chain = WORLD.chain();
        let outcome = verify(&set, &chain, &[domain(MX)], NOW);
        let is_of = |record: &TlsaRecord, depth: usize| {
            let numbers = [record.usage().into(), record.selector().into(), record.matching_type().into()];
            crate::fixture::record(numbers, chain[depth]) == *record
        };
        let used = set.used().count();
        prop_assert_eq!(outcome.matches().len() + outcome.failures().len(), used);
        for record in set.used() {
            let expected = match u8::from(record.usage()) {
                3 => is_of(record, 0).then_some(0),
                _ => (1..3).find(|depth| is_of(record, *depth)),
            };
            let found = outcome.matches().iter().find(|found| found.record == *record);
            prop_assert_eq!(found.map(|found| found.depth), expected.map(Some));
        }
        prop_assert_eq!(outcome == DaneOutcome::NoUsableRecord, used == 0);
    }

    /// A server with one bit wrong in what is signed is never authenticated by its issuer.
    #[test]
    fn a_changed_certificate_has_no_path(at in any::<Index>(), bit in 0_u8..8) {
        let mut changed = WORLD.leaf.to_vec();
        let at = at.index(changed.len());
        changed[at] ^= 1 << bit;
        let chain: [&[u8]; 3] = [&changed, &WORLD.middle, &WORLD.root];
        for numbers in [[2, 0, 1], [2, 1, 0], [3, 0, 1]] {
            let certificate = if numbers[0] == 3 { WORLD.chain()[0] } else { &WORLD.root };
            let set = TlsaSet::new([record(numbers, certificate)]);
            let outcome = verify(&set, &chain, &[domain(MX)], NOW);
            prop_assert!(!outcome.is_authenticated(), "octet {}, bit {}", at, bit);
        }
    }

    #[test]
    fn any_octets_for_certificates(
        records in vec(records(), 0..4),
        mut chain in vec(vec(any::<u8>(), 0..60), 0..4),
        place in select(vec![0_usize, 1, 2]),
        cut in any::<Index>(),
        now in any::<i64>(),
    ) {
        let genuine = WORLD.chain()[place];
        chain.push(genuine[..cut.index(genuine.len())].to_vec());
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let set = TlsaSet::new(records);
        let outcome = verify(&set, &chain, &[domain(MX)], now);
        prop_assert_eq!(outcome.matches(), []);
        let expectation = expects(&set, &chain);
        prop_assert!(expectation.current.is_empty());
    }
}
