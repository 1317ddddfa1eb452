//! What holds for any input.

use mail_domain::DomainName;
use mta_sts::{
    MaxAge, Mode, MxPattern, Policy, PolicyExtension, PolicyId, Record, RecordExtension, Selection,
    Span, select_record,
};
use proptest::{prelude::*, sample::select};

/// Bytes near a valid text: pieces of it, shuffled, repeated and broken.
fn near(pieces: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        12 => select(pieces).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => any::<char>().prop_map(|character| character.to_string().into_bytes()),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

fn records() -> impl Strategy<Value = Vec<u8>> {
    near(&[
        "v=STSv1;", "v=STSv1", "; ", ";", "id=1;", "id=a1", "id=a-b;", "x=y;", "id", "=", " ", "\t",
    ])
}

fn policies() -> impl Strategy<Value = Vec<u8>> {
    near(&[
        "version: STSv1\r\n",
        "version: STSv1\n",
        "mode: enforce\n",
        "mode: none\r\n",
        "mode: no\n",
        "max_age: 604800\n",
        "max_age: 99999999999\n",
        "mx: a.test\n",
        "mx: *.b.test\r\n",
        "mx: *\n",
        "x: y z\n",
        "x: ü\n",
        "mode",
        "mx",
        ":",
        " ",
        "\t",
        "\r",
        "\n",
        "\u{feff}",
    ])
}

fn names() -> impl Strategy<Value = DomainName> {
    "[a-z0-9]{1,10}(\\.[a-z0-9]{1,10}){0,2}\\.test"
        .prop_map(|text| DomainName::parse(&text).unwrap())
}

fn patterns() -> impl Strategy<Value = MxPattern> {
    prop_oneof![names().prop_map(MxPattern::exact), names().prop_map(MxPattern::wildcard)]
}

fn made_policies() -> impl Strategy<Value = Policy> {
    let extension = ("[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", "[!-~äß€😀]([ !-~äß€😀]{0,20}[!-~äß€😀])?")
        .prop_filter_map("a known field", |(name, value)| PolicyExtension::new(&name, &value));
    (
        select(vec![Mode::Enforce, Mode::Testing, Mode::None]),
        any::<u64>().prop_map(|seconds| MaxAge::clamped_from_secs(seconds % 40_000_000)),
        prop::collection::vec(patterns(), 1..8),
        prop::collection::vec(extension, 0..4),
    )
        .prop_map(|(mode, max_age, mx, extensions)| {
            let policy = Policy::new(mode, max_age, mx).unwrap();
            extensions
                .into_iter()
                .fold(policy, |policy, extension| policy.with_extension(extension).unwrap())
        })
}

fn made_records() -> impl Strategy<Value = Record> {
    let extension = ("[A-Za-z0-9][A-Za-z0-9_.-]{0,31}", "[!-:<>-~]{1,20}")
        .prop_filter_map("a known field", |(name, value)| RecordExtension::new(&name, &value));
    ("[A-Za-z0-9]{1,32}", prop::collection::btree_map("[a-z]{1,3}", extension, 0..4))
        .prop_filter_map("names twice", |(id, extensions)| {
            let mut record = Record::new(PolicyId::parse(&id).unwrap());
            for extension in extensions.into_values() {
                let twice = record.extensions.iter().any(|known| known.name() == extension.name());
                if twice {
                    return None;
                }
                record.extensions.push(extension);
            }
            Some(record)
        })
}

/// The grammar of RFC 8461 once more, written straight from its ABNF and for a verdict only, so
/// that it shares nothing with the readers.
mod grammar {
    use std::collections::HashMap;

    use mta_sts::MxPattern;

    const SPACE: [char; 2] = [' ', '\t'];

    fn is_name(name: &str) -> bool {
        let mut characters = name.chars();
        characters.next().is_some_and(|first| first.is_ascii_alphanumeric())
            && characters.clone().count() <= 31
            && characters.all(|next| next.is_ascii_alphanumeric() || "_-.".contains(next))
    }

    pub(super) fn is_record(text: &[u8]) -> bool {
        let Ok(text) = str::from_utf8(text) else { return false };
        let Some(mut rest) = text.strip_prefix("v=STSv1") else { return false };
        let (mut fields, mut first_id) = (0, None);
        // 1*(sts-field-delim sts-field) [sts-field-delim]
        while !rest.is_empty() {
            let Some(after) = rest.trim_start_matches(SPACE).strip_prefix(';') else {
                return false;
            };
            let field = after.trim_start_matches(SPACE);
            if field.is_empty() {
                break;
            }
            let Some((name, value)) = field.split_once('=') else { return false };
            let end = value.find([' ', '\t', ';']).unwrap_or(value.len());
            let (value, tail) = value.split_at(end);
            let legal = |next: char| matches!(next, '\x21'..='\x3a' | '\x3c' | '\x3e'..='\x7e');
            if name == "id" {
                first_id.get_or_insert(value);
            }
            if !is_name(name) || value.is_empty() || !value.chars().all(legal) {
                return false;
            }
            fields += 1;
            rest = tail;
        }
        let is_id =
            |id: &str| id.len() <= 32 && id.chars().all(|next| next.is_ascii_alphanumeric());
        fields > 0 && first_id.is_some_and(is_id)
    }

    pub(super) fn is_policy(body: &[u8]) -> bool {
        let Ok(text) = str::from_utf8(body) else { return false };
        let text =
            text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        let mut first = HashMap::new();
        let mut valid_mx = false;
        let mut lines = text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let line =
                if lines.peek().is_some() { line.strip_suffix('\r').unwrap_or(line) } else { line };
            let Some((name, value)) = line.split_once(':') else { return false };
            let value = value.trim_matches(SPACE);
            if !is_name(name)
                || value.is_empty()
                || value.contains(|next| next < ' ' || next == '\x7f')
            {
                return false;
            }
            valid_mx |= name == "mx" && MxPattern::parse(value).is_ok();
            first.entry(name).or_insert(value);
        }
        let digits =
            |text: &&str| text.len() <= 10 && text.chars().all(|next| next.is_ascii_digit());
        first.get("version") == Some(&"STSv1")
            && first.get("max_age").is_some_and(digits)
            && match first.get("mode") {
                Some(&"none") => true,
                Some(&("enforce" | "testing")) => valid_mx,
                _ => false,
            }
    }
}

fn check_span(span: Span, text: &[u8]) -> Result<(), TestCaseError> {
    prop_assert!(span.start <= span.end && span.end <= text.len(), "{:?} of {}", span, text.len());
    Ok(())
}

fn check_record(text: &[u8]) -> Result<(), TestCaseError> {
    let reading = Record::read(text);
    let fatal = reading.defects.iter().any(|defect| defect.kind.is_fatal());
    prop_assert_eq!(reading.record().is_err(), fatal, "{:?}", reading.defects);
    prop_assert_eq!(reading.record().is_ok(), grammar::is_record(text), "{:?}", reading.defects);
    for defect in &reading.defects {
        check_span(defect.span, text)?;
        prop_assert!(!defect.kind.to_string().is_empty());
    }
    if let Some((id, span)) = &reading.id {
        prop_assert_eq!(&text[span.range()], id.as_str().as_bytes());
    }
    for (extension, span) in &reading.extensions {
        prop_assert_eq!(text[span.range()].to_vec(), extension.to_string().into_bytes());
    }
    if let Ok(record) = reading.record() {
        prop_assert_eq!(Record::parse(record.to_string().as_bytes()), Ok(record));
        // A record that can be used is selected when it stands alone.
        prop_assert_eq!(select_record([text]), Selection::One(0));
    }
    Ok(())
}

fn check_policy(body: &[u8]) -> Result<(), TestCaseError> {
    let reading = Policy::read(body);
    let fatal = reading.defects.iter().any(|defect| defect.kind.is_fatal());
    prop_assert_eq!(reading.policy().is_err(), fatal, "{:?}", reading.defects);
    prop_assert_eq!(reading.policy().is_ok(), grammar::is_policy(body), "{:?}", reading.defects);
    for defect in &reading.defects {
        check_span(defect.span, body)?;
        prop_assert!(!defect.kind.to_string().is_empty());
    }
    if let Some(span) = reading.version {
        prop_assert_eq!(&body[span.range()], b"STSv1");
    }
    if let Some((mode, span)) = reading.mode {
        prop_assert_eq!(body[span.range()].to_vec(), mode.to_string().into_bytes());
    }
    if let Some((_, span)) = reading.max_age {
        prop_assert!(body[span.range()].iter().all(u8::is_ascii_digit));
    }
    for (pattern, span) in &reading.mx {
        let text = str::from_utf8(&body[span.range()]).unwrap();
        prop_assert_eq!(&text.parse::<MxPattern>().unwrap(), pattern);
    }
    for (extension, span) in &reading.extensions {
        let text = str::from_utf8(&body[span.range()]).unwrap();
        prop_assert!(text.starts_with(extension.name()) && text.ends_with(extension.value()));
    }
    if let Ok(policy) = reading.policy() {
        prop_assert_eq!(Policy::parse(policy.to_string().as_bytes()), Ok(policy));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_read_as_a_record(text in prop::collection::vec(any::<u8>(), 0..200)) {
        check_record(&text)?;
    }

    #[test]
    fn what_is_nearly_a_record_is_read(text in records()) {
        check_record(&text)?;
        check_record(&[b"v=STSv1;", text.as_slice()].concat())?;
        check_record(&[b"v=STSv1; id=1;", text.as_slice()].concat())?;
    }

    #[test]
    fn any_bytes_are_read_as_a_policy(body in prop::collection::vec(any::<u8>(), 0..200)) {
        check_policy(&body)?;
    }

    #[test]
    fn what_is_nearly_a_policy_is_read(body in policies()) {
        check_policy(&body)?;
        let valid = b"version: STSv1\nmode: enforce\nmx: c.test\nmax_age: 1\n";
        check_policy(&[valid, body.as_slice()].concat())?;
    }

    #[test]
    fn a_record_reads_back_as_itself(record in made_records()) {
        prop_assert_eq!(Record::parse(record.to_string().as_bytes()), Ok(record));
    }

    #[test]
    fn a_policy_reads_back_as_itself(policy in made_policies()) {
        let text = policy.to_string();
        prop_assert_eq!(&Policy::parse(text.as_bytes()), &Ok(policy.clone()));
        // Line ends and white space that the grammar leaves free change nothing.
        let loose = text.replace("\r\n", " \t\n").replace(": ", ":\t ");
        if !policy.extensions().iter().any(|extension| extension.value().contains(": ")) {
            prop_assert_eq!(Policy::parse(loose.trim_end().as_bytes()), Ok(policy));
        }
    }

    #[test]
    fn any_text_is_read_as_a_pattern(text in any::<String>()) {
        if let Ok(pattern) = MxPattern::parse(&text) {
            prop_assert_eq!(pattern.to_string().parse(), Ok(pattern));
        }
    }

    #[test]
    fn a_wildcard_matches_children_only(base in names(), label in "[a-z]{1,5}") {
        let wildcard = MxPattern::wildcard(base.clone());
        let child = base.child(&label).unwrap();
        prop_assert!(wildcard.matches(&child));
        prop_assert!(!wildcard.matches(&base));
        prop_assert!(!wildcard.matches(&child.child(&label).unwrap()));
    }

    #[test]
    fn any_records_are_selected_from(texts in prop::collection::vec(records(), 0..4)) {
        let literal: Vec<usize> = (0..texts.len()).filter(|&at| texts[at].starts_with(b"v=STSv1;")).collect();
        match select_record(texts.iter().map(Vec::as_slice)) {
            Selection::One(at) => prop_assert!(literal == [at] || (literal.is_empty() && texts.len() == 1)),
            Selection::None { near_misses } => {
                prop_assert!(literal.is_empty());
                prop_assert!(near_misses.iter().all(|&at| at < texts.len()));
            }
            Selection::Several(several) => prop_assert!(several.len() > 1 && several == literal),
        }
    }
}
