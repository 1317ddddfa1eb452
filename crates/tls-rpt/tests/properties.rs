//! What holds for every text.

use proptest::prelude::*;
use tls_rpt::{Record, RecordDefectKind, RecordReading, ReportUri};

/// Texts near enough to a record to reach every branch of the reader.
fn near_record() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "v=TLSRPTv1",
        "v=TLSRPTv2",
        "V=",
        "rua=",
        "mailto:",
        "https://",
        "a@b.test",
        "c.test/x?y",
        "u:p@h:8",
        "[::1]",
        "%2C",
        "%",
        "!",
        ",",
        ";",
        ";",
        " ",
        "\t",
        "=",
        "x=1",
        "\"",
        "é",
        "\0",
    ]);
    let anything = prop::collection::vec(any::<u8>(), 0..3);
    let part = prop_oneof![8 => piece.prop_map(|p| p.as_bytes().to_vec()), 1 => anything];
    (any::<bool>(), prop::collection::vec(part, 0..20)).prop_map(|(has_version, parts)| {
        let start: &[u8] = if has_version { b"v=TLSRPTv1;rua=mailto:a@b.test" } else { b"" };
        [start, &parts.concat()].concat()
    })
}

fn check(text: &[u8]) -> Result<(), TestCaseError> {
    let reading = Record::read(text);
    let fatal = reading.defects.iter().find(|defect| defect.kind.is_fatal());
    match (reading.record(), fatal) {
        (Ok(record), None) => check_round_trip(&record)?,
        (Err(error), Some(defect)) => prop_assert_eq!(&error.defect, defect),
        (result, fatal) => prop_assert!(false, "{:?} beside {:?}", result, fatal),
    }
    prop_assert_eq!(Record::parse(text), reading.record());
    check_spans(text, &reading)
}

fn check_round_trip(record: &Record) -> Result<(), TestCaseError> {
    prop_assert!(!record.rua.is_empty());
    let written = record.to_string();
    prop_assert_eq!(Record::parse(written.as_bytes()), Ok(record.clone()));
    Ok(())
}

fn check_spans(text: &[u8], reading: &RecordReading) -> Result<(), TestCaseError> {
    for defect in &reading.defects {
        let marked = text.get(defect.span.range());
        prop_assert!(marked.is_some(), "{:?} is outside the text", defect);
        let message = defect.kind.to_string();
        prop_assert!(!message.contains(char::is_control), "{message:?} holds control characters");
    }
    for (uri, span) in &reading.rua {
        prop_assert_eq!(text.get(span.range()), Some(uri.as_str().as_bytes()));
    }
    for (field, span) in &reading.extensions {
        let written = field.to_string();
        prop_assert_eq!(text.get(span.range()), Some(written.as_bytes()));
    }
    prop_assert!(reading.version.is_none_or(|s| text.get(s.range()) == Some(b"v=TLSRPTv1")));
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&text)?;
    }

    #[test]
    fn texts_near_a_record(text in near_record()) {
        check(&text)?;
    }

    #[test]
    fn uris_are_kept_as_written(text in "(mailto:|https://|[a-z]{1,3}:)?[!-~é]{0,30}") {
        if let Ok(uri) = ReportUri::parse(&text) {
            prop_assert_eq!(uri.as_str(), &text);
            prop_assert!(text.to_ascii_lowercase().starts_with(uri.scheme()));
        }
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let uris: Vec<String> = (0..3_000).map(|number| format!("mailto:a@b{number}.test")).collect();
    let fields: Vec<String> = (0..3_000).map(|number| format!("x{number}=1")).collect();
    let text = format!("v=TLSRPTv1;rua={};{}", uris.join(","), fields.join(";"));
    let reading = Record::read(text.get(..Record::MAX_LENGTH).unwrap_or(&text).as_bytes());
    assert_eq!(reading.rua.len(), Record::MAX_URIS);
    assert!(reading.defects.iter().any(|d| d.kind == RecordDefectKind::TooManyUris));

    let text = format!("v=TLSRPTv1;{};rua=mailto:a@b.test", fields.join(";"));
    let reading = Record::read(text.as_bytes());
    let notes = reading.defects.iter().filter(|d| d.kind == RecordDefectKind::TooManyFields);
    assert_eq!((reading.extensions.len(), notes.count()), (Record::MAX_EXTENSIONS, 1));
    assert_eq!(reading.record().expect("the record is valid").rua.len(), 1, "a late rua counts");
}

#[test]
fn a_late_fatal_defect_is_not_lost() {
    let text = format!("v=TLSRPTv1;rua=mailto:a@b.test{};oops", ",ftp:".repeat(1_000));
    let reading = Record::read(text.as_bytes());
    assert!(reading.defects.len() <= 201, "{} defects were kept", reading.defects.len());
    assert!(reading.record().is_err());
}
