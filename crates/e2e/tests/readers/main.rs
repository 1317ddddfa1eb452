//! Records and policies, as our readers and those of other programs see them.
//!
//! `differences.txt` has a line for each case on which they do not all agree, with the sentence that
//! decides it. It is made but for these: `SEALPOST_RENEW_PAGES=1` with this test writes it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use data_encoding::BASE64;
use sealpost_e2e::ask_checker;
use sealpost_rules::senders::{Sender, SentPolicy};
use serde_json::{Value, json};

use self::cases::{Case, Text, cases};

/// Set to anything, it has the table written instead of compared.
const RENEW: &str = "SEALPOST_RENEW_PAGES";
/// What a line of a new difference says until a person has decided it.
const UNDECIDED: &str = "?";
/// The readers: ours, then checkdmarc and postfix-mta-sts-resolver.
const LETTERS: [char; 6] = ['S', 'L', 'G', 'P', 'C', 'R'];
const HEAD: &str = "\
# Records and policies on which readers do not agree. Made by a test, but for the reasons:
# SEALPOST_RENEW_PAGES=1 cargo test -p sealpost-e2e --test readers
#
# who accepts | the reason | the case
#
# S strict, L literal prefix, G Google-like, P Postfix-like: ours. C checkdmarc 6.0.4, R
# postfix-mta-sts-resolver 1.5.1. A reason is the sentence that decides the case, or says what two
# senders do where none does. Quotations are those of the RFC named.
";

#[test]
fn every_difference_between_readers_is_decided() {
    let cases = cases();
    assert!(cases.len() > 180, "{} cases: the corpus was not found", cases.len());
    let asked: Vec<String> = cases.iter().map(|case| question(case).to_string()).collect();
    let others = ask_checker("ask-readers", &asked).unwrap();
    let accepting: Vec<String> =
        cases.iter().zip(&others).map(|(case, others)| accepting(case, others)).collect();

    let models: Vec<_> = cases
        .iter()
        .zip(&accepting)
        .filter(|(_, accepting)| accepting.contains('P') != accepting.contains('R'))
        .collect();
    assert!(models.is_empty(), "the Postfix-like reader is not that of its model: {models:#?}");

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers/differences.txt");
    let kept = Table::parse(&fs_err::read_to_string(&file).unwrap_or_default());
    let mut table = Table { reasons: kept.reasons.clone(), lines: BTreeMap::new() };
    for (case, accepting) in cases.iter().zip(accepting) {
        if !accepting.is_empty() && accepting.len() < LETTERS.len() {
            let reason = kept.lines.get(&case.name).map(|(_, reason)| reason.clone());
            let reason = reason.unwrap_or_else(|| UNDECIDED.to_owned());
            assert!(table.lines.insert(case.name.clone(), (accepting, reason)).is_none());
        }
    }
    if std::env::var_os(RENEW).is_some() {
        fs_err::write(&file, table.text()).unwrap();
    }
    table.assert_decided();
    assert_eq!(table.lines, kept.lines, "set {RENEW} to have the table written");
}

fn question(case: &Case) -> Value {
    match &case.text {
        Text::Records(records) => {
            json!({ "records": records.iter().map(|text| BASE64.encode(text)).collect::<Vec<_>>() })
        }
        Text::Policy(body) => json!({ "policy": BASE64.encode(body) }),
    }
}

/// The letters of those who accept it.
fn accepting(case: &Case, others: &Value) -> String {
    let ours = Sender::ALL.map(|sender| match &case.text {
        Text::Records(records) => {
            let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
            sender.refusal_of_records(&records).is_none()
        }
        Text::Policy(body) => {
            sender.refusal_of_policy(SentPolicy { body, charset: None }).is_none()
        }
    });
    let others = ["checkdmarc", "resolver"].map(|name| others[name].is_null());
    let all = ours.into_iter().chain(others);
    LETTERS.iter().zip(all).filter(|(_, accepts)| *accepts).map(|(letter, _)| letter).collect()
}

/// The differences, as they stand in the file.
struct Table {
    /// Lines `= word: RFC …`.
    reasons: BTreeMap<String, String>,
    /// By the name of the case: who accepts it, and the word of the reason.
    lines: BTreeMap<String, (String, String)>,
}

impl Table {
    fn parse(text: &str) -> Self {
        let mut table = Self { reasons: BTreeMap::new(), lines: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(reason) = line.strip_prefix("= ") {
                let (word, text) = reason.split_once(": ").unwrap();
                table.reasons.insert(word.to_owned(), text.to_owned());
            } else {
                let parts: Vec<&str> = line.splitn(3, " | ").collect();
                let [accepting, reason, name] = parts.as_slice() else { panic!("{line}") };
                let value = (accepting.trim().to_owned(), reason.trim().to_owned());
                table.lines.insert((*name).to_owned(), value);
            }
        }
        table
    }

    fn text(&self) -> String {
        let mut text = HEAD.to_owned() + "\n";
        for (word, reason) in &self.reasons {
            writeln!(text, "= {word}: {reason}").unwrap();
        }
        text.push('\n');
        for (name, (accepting, reason)) in &self.lines {
            writeln!(text, "{accepting:6} | {reason:13} | {name}").unwrap();
        }
        text
    }

    /// Each line has a reason, each reason a line, and what it quotes stands in the RFC.
    fn assert_decided(&self) {
        let undecided: Vec<_> =
            self.lines.iter().filter(|(_, (_, word))| !self.reasons.contains_key(word)).collect();
        assert!(undecided.is_empty(), "no sentence decides these: {undecided:#?}");
        let used: BTreeSet<&String> = self.lines.values().map(|(_, word)| word).collect();
        for (word, reason) in &self.reasons {
            assert!(used.contains(word), "nothing has the reason {word}");
            let (rfc, quotation) = reason.split_once('"').unwrap();
            let number: String = rfc
                .chars()
                .skip_while(|c| !c.is_ascii_digit())
                .take_while(char::is_ascii_digit)
                .collect();
            let spec =
                Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../specs/rfc{number}.txt"));
            let spec = words(&fs_err::read_to_string(spec).unwrap());
            let (quotation, _) = quotation.rsplit_once('"').unwrap();
            assert!(
                spec.contains(&words(quotation)),
                "{word} quotes what RFC {number} does not say"
            );
        }
    }
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
