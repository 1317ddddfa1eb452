//! The texts, each made to be as much work for its size as possible.

use std::hint::black_box;

use mail_domain::DomainName;
use mta_sts::{Policy, Record};
use tls_rpt::{Report, ReportLimits};

/// The largest policy and, less one byte, the largest record.
const LARGEST: usize = 65_536;
const START: &str = "version:STSv1\nmode:enforce\nmax_age:604800\n";

/// A text and the reader it is for.
pub(crate) struct Input {
    pub(crate) name: String,
    reader: Reader,
    text: String,
}

#[derive(Clone, Copy)]
enum Reader {
    Policy,
    PolicyStrictly,
    Record,
    /// The record of RFC 8460.
    ReportingRecord,
    /// The report of RFC 8460.
    Report,
    /// Each line is a name.
    Names,
}

impl Input {
    pub(crate) fn read(&self) {
        match self.reader {
            Reader::Policy => drop(black_box(Policy::read(self.text.as_bytes()))),
            Reader::PolicyStrictly => drop(black_box(Policy::parse(self.text.as_bytes()))),
            Reader::Record => drop(black_box(Record::read(self.text.as_bytes()))),
            Reader::ReportingRecord => {
                drop(black_box(tls_rpt::Record::read(self.text.as_bytes())));
            }
            Reader::Report => {
                drop(black_box(Report::read(self.text.as_bytes(), &ReportLimits::default())));
            }
            Reader::Names => {
                self.text.lines().for_each(|name| drop(black_box(DomainName::parse(name))));
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Lines, or fields of a record.
    pub(crate) fn items(&self) -> usize {
        let end = match self.reader {
            Reader::Record | Reader::ReportingRecord => ';',
            Reader::Policy | Reader::PolicyStrictly | Reader::Report | Reader::Names => '\n',
        };
        self.text.matches(end).count()
    }
}

/// All inputs, the usual ones first.
pub(crate) fn inputs() -> Vec<Input> {
    let mut inputs = vec![
        policy("usual", format!("{START}mx: mx1.example.com\nmx: *.example.net\n")),
        Input {
            name: "record, usual".into(),
            reader: Reader::Record,
            text: "v=STSv1; id=20160831085700Z;".into(),
        },
    ];
    let lines: [(&str, &dyn Fn(usize) -> String); 28] = [
        ("mx, shortest", &|at| format!("mx:{}", letters(at))),
        ("mx, usual", &|at| format!("mx: mx{at}.example.com\r")),
        ("mx, wildcards", &|at| format!("mx:*.{}", letters(at))),
        ("mx, upper case", &|at| format!("mx:{}", letters(at).to_ascii_uppercase())),
        ("mx, long", &|at| format!("mx:{}.{}", letters(at), "a.".repeat(122) + "test")),
        ("mx, too long", &|at| format!("mx:{}.{}", letters(at), "a.".repeat(124) + "test")),
        ("mx, two letters of Greek", &|at| format!("mx:{}", greek(at))),
        ("mx, ten letters of Greek", &|at| format!("mx:{}", long_greek(at))),
        ("mx, A-label and zone", &|at| format!("mx: {}.example.com", greek(at))),
        ("mx, seven A-labels", &|at| {
            (1..7).fold(format!("mx:{}", greek(at)), |name, more| format!("{name}.{}", greek(more)))
        }),
        ("mx, false A-label", &|at| format!("mx:xn--{}", letters(at))),
        ("mx, false A-labels of 1 kB", &|at| {
            format!("mx:{}{}", format!("{}.", greek(3)).repeat(90), letters(at))
        }),
        ("mx, hyphens in A-label", &|at| format!("mx:xn--{}--a", letters(at))),
        ("mx, in Unicode", &|at| format!("mx:ü{}", letters(at))),
        ("mx, in Unicode, long", &|at| format!("mx:{}{}", "ü.".repeat(80), letters(at))),
        ("mx, duplicates", &|_| "mx:a".into()),
        ("mx, underscores", &|at| format!("mx:_{}", letters(at))),
        ("mx, lists", &|at| format!("mx:a,{}", letters(at))),
        ("mx, numbers", &|at| format!("mx:{at}")),
        ("mx, addresses", &|at| format!("mx:::{at}")),
        ("unknown, shortest", &|at| format!("{}:a", letters(at))),
        ("unknown, usual", &|at| format!("unknown-{at}: value\r")),
        ("unknown, duplicates", &|_| "a:b".into()),
        ("blank lines", &|_| String::new()),
        ("malformed lines", &|_| "a".into()),
        ("values missing", &|at| format!("{}:", letters(at))),
        ("tabs", &|at| format!("{}:a\tb", letters(at))),
        ("comments", &|_| "#".into()),
    ];
    for (name, line) in lines {
        inputs.push(policy(name, fill(START.into(), '\n', line)));
    }
    let long =
        |start: &str, unit: &str| start.to_owned() + &unit.repeat((LARGEST - 60) / unit.len());
    inputs.extend([
        policy("one long mx", long("mx:", "a")),
        policy("one long mx with dots", long("mx:", "a.")),
        policy("one long list", long("mx:", "a,")),
        policy("one long name", long("", "a") + ":"),
        policy("one long value", long("a:", "ü")),
        policy("white space", long("mx:", " \t") + "a"),
    ]);
    let strictly: Vec<_> = ["mx, shortest", "mx, usual", "mx, two letters of Greek"]
        .into_iter()
        .filter_map(|name| inputs.iter().find(|input| input.name == format!("policy, {name}")))
        .map(|input| Input {
            name: format!("{}, strictly", input.name),
            reader: Reader::PolicyStrictly,
            text: input.text.clone(),
        })
        .collect();
    inputs.extend(strictly);
    let fields: [(&str, &dyn Fn(usize) -> String); 7] = [
        ("unknown, shortest", &|at| format!("{}=a", letters(at))),
        ("unknown, usual", &|at| format!(" unknown-{at}=value")),
        ("duplicates", &|_| "a=b".into()),
        ("ids", &|at| format!("id={at}")),
        ("empty fields", &|_| " ".into()),
        ("malformed fields", &|at| letters(at)),
        ("not US-ASCII", &|at| format!("{}=ü", letters(at))),
    ];
    for (name, field) in fields {
        inputs.push(Input {
            name: format!("record, {name}"),
            reader: Reader::Record,
            text: fill("v=STSv1;id=1;".into(), ';', field),
        });
    }
    inputs.extend([
        Input {
            name: "TLS-RPT record, usual".into(),
            reader: Reader::ReportingRecord,
            text: "v=TLSRPTv1; rua=mailto:tls-reports@example.com".into(),
        },
        Input {
            name: "TLS-RPT record, addresses".into(),
            reader: Reader::ReportingRecord,
            text: fill("v=TLSRPTv1; rua=mailto:a@example.com".into(), ',', |at| {
                format!("mailto:a{at}@example.com")
            }),
        },
        Input { name: "report, usual".into(), reader: Reader::Report, text: report(1) },
        Input { name: "report, many failures".into(), reader: Reader::Report, text: report(200) },
    ]);
    let names: [(&str, &dyn Fn(usize) -> String); 4] = [
        ("usual", &|at| format!("mx{at}.example.com")),
        ("upper case", &|at| format!("MX{at}.EXAMPLE.COM")),
        ("A-labels", &|at| format!("{}.example.com", greek(at))),
        ("trailing dot", &|at| format!("mx{at}.example.com.")),
    ];
    for (name, line) in names {
        inputs.push(Input {
            name: format!("names, {name}"),
            reader: Reader::Names,
            text: fill(String::new(), '\n', line),
        });
    }
    inputs
}

fn policy(name: &str, body: String) -> Input {
    Input { name: format!("policy, {name}"), reader: Reader::Policy, text: body }
}

/// A report of so many kinds of failures, a line for each.
fn report(failures: usize) -> String {
    let failure = |at: usize| {
        format!(
            "{{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"192.0.2.{}\",\
             \"receiving-mx-hostname\":\"mx{at}.example.com\",\"receiving-ip\":\"198.51.100.1\",\
             \"failed-session-count\":{at}}}",
            at % 256
        )
    };
    let failures: Vec<String> = (1..=failures).map(failure).collect();
    format!(
        "{{\"organization-name\":\"Example\",\"date-range\":{{\"start-datetime\":\"2026-11-01T00:00:00Z\",\
         \"end-datetime\":\"2026-11-01T23:59:59Z\"}},\"contact-info\":\"tls@example.net\",\
         \"report-id\":\"1@example.net\",\"policies\":[{{\"policy\":{{\"policy-type\":\"sts\",\
         \"policy-string\":[\"version: STSv1\",\"mode: enforce\",\"mx: mx1.example.com\",\
         \"max_age: 604800\"],\"policy-domain\":\"example.com\",\"mx-host\":[\"mx1.example.com\"]}},\
         \"summary\":{{\"total-successful-session-count\":9,\"total-failure-session-count\":{}}},\
         \"failure-details\":[\n{}\n]}}]}}",
        failures.len() * (failures.len() + 1) / 2,
        failures.join(",\n")
    )
}

/// Adds items until the text is full.
fn fill(mut text: String, end: char, item: impl Fn(usize) -> String) -> String {
    for at in 0.. {
        let item = item(at);
        if text.len() + item.len() + 1 >= LARGEST {
            break;
        }
        text.push_str(&item);
        text.push(end);
    }
    text
}

/// The number, written in three or more letters.
fn letters(number: usize) -> String {
    let letter = |place: usize| ('a'..='z').nth(number / place % 26);
    let mut text: String = [676, 26, 1].into_iter().filter_map(letter).collect();
    if number >= 17_576 {
        text.push_str(&(number / 17_576).to_string());
    }
    text
}

/// The number, written in two or more Greek letters and then as an A-label.
fn greek(number: usize) -> String {
    a_label(
        (0..2.max(1 + number.checked_ilog(24).unwrap_or(0)))
            .map(|place| number / 24_usize.pow(place) % 24),
    )
}

/// The same with ten letters.
fn long_greek(number: usize) -> String {
    a_label((0..10).map(|place| (number / 24_usize.pow(place) + 5 * place as usize) % 24))
}

fn a_label(letters: impl Iterator<Item = usize>) -> String {
    let letters: String =
        letters.filter_map(|letter| "αβγδεζηθικλμνξοπρστυφχψω".chars().nth(letter)).collect();
    DomainName::parse(&letters).expect("invariant: Greek letters make a label").to_string()
}
