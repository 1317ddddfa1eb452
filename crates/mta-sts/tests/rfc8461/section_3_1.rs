//! RFC 8461 §3.1: MTA-STS TXT records.

use mta_sts::{
    PolicyId, Record, RecordDefectKind as Kind, RecordExtension, Selection, select_record,
};

/// The record can be used, with this id.
#[track_caller]
fn good(text: &str, id: &str) {
    match Record::parse(text.as_bytes()) {
        Ok(record) => assert_eq!(record.id.as_str(), id, "{text:?}"),
        Err(error) => panic!("{text:?} is valid, but: {error}"),
    }
}

/// The record can be used, and yet there is this remark on this part of it.
#[track_caller]
fn remark(text: &str, id: &str, message: &str, place: &str) {
    good(text, id);
    defect(text, message, place);
}

/// The record cannot be used; this is said about this part of it.
#[track_caller]
fn bad(text: &str, message: &str, place: &str) {
    if let Ok(record) = Record::parse(text.as_bytes()) {
        panic!("{text:?} was read as {record}");
    }
    defect(text, message, place);
}

#[track_caller]
fn defect(text: &str, message: &str, place: &str) {
    let reading = Record::read(text.as_bytes());
    let found: Vec<_> = reading
        .defects
        .iter()
        .map(|defect| (defect.kind.to_string(), &text[defect.span.range()]))
        .collect();
    assert!(
        found.iter().any(|(said, at)| said.contains(message) && *at == place),
        "{text:?}: {message:?} at {place:?} is not among {found:?}"
    );
}

#[test]
fn the_example_is_read() {
    let record = Record::parse(b"v=STSv1; id=20160831085700Z;").unwrap();
    assert_eq!(record, Record::new(PolicyId::parse("20160831085700Z").unwrap()));
    assert_eq!(record.to_string(), "v=STSv1; id=20160831085700Z;");
}

#[test]
fn delimiters_and_white_space() {
    good("v=STSv1;id=1", "1");
    good("v=STSv1; id=1", "1");
    good("v=STSv1; id=1;", "1");
    good("v=STSv1; id=1 ; ", "1"); // the last delimiter has white space on both sides
    good("v=STSv1;\t \tid=1\t;\t", "1");
    good("v=STSv1; a=b; id=1; c=d;", "1"); // the order of other fields is not significant
    remark("v=STSv1 ;id=1", "1", "some senders discard", " "); // erratum 6285
    remark("v=STSv1\t ; id=1;", "1", "some senders discard", "\t ");
    bad("v=STSv1;;id=1", "remove the extra `;`", "");
    bad("v=STSv1; ; id=1", "remove the extra `;`", " ");
    bad("v=STSv1; id=1;;", "remove the extra `;`", "");
    bad("v=STSv1; id=1; ;", "remove the extra `;`", " ");
    bad("v=STSv1; id=1 ", "white space at the end", " ");
    bad("v=STSv1; id=1\t ", "white space at the end", "\t ");
    bad(" v=STSv1; id=1", "white space before the version", " ");
    bad("v=STSv1; id=1\n", "holds `\\n`", "1\n"); // white space is SP and HTAB only
    bad("v=STSv1, id=1", "is not the version", "v=STSv1, id=1");
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# The TXT record MUST begin with the sts-version field; the order of
//# other fields is not significant.
#[test]
fn the_version_comes_first() {
    good("v=STSv1; x=y; id=1", "1");
    bad("id=1; v=STSv1;", "must be the first field", "v=STSv1");
    bad("id=1;", "no version", "");
    bad("", "no version", "");
    bad("", "no id", "");
    bad(";v=STSv1;id=1", "must be the first field", "v=STSv1");
    bad("V=STSv1; id=1", "is not the version", "V=STSv1");
    bad("v=stsv1; id=1", "is not the version", "v=stsv1");
    bad("v=STSV1; id=1", "in this case", "v=STSV1");
    bad("v = STSv1; id=1", "without spaces", "v = STSv1");
    bad("v=STSv2; id=1", "is not the version", "v=STSv2");
    bad("v=STSv1 id=1", "is not the version", "v=STSv1 id=1");
    bad("\"v=STSv1; id=1\"", "quotation marks", "\"v=STSv1");
    bad("STSv1; id=1", "is not the version", "STSv1");
    bad("v=TLSRPTv1; rua=mailto:a@b.test", "`v=TLSRPTv1` is not the version", "v=TLSRPTv1");
    bad("v=STSv1", "no id", "");
    bad("v=STSv1;", "no id", "");
    bad("v=STSv1; x=y", "no id", "");
}

#[test]
fn ids_are_1_to_32_letters_and_digits() {
    let longest = "a".repeat(32);
    good(&format!("v=STSv1; id={longest};"), &longest);
    good("v=STSv1; id=0;", "0");
    good("v=STSv1; id=aZ9;", "aZ9"); // case is kept
    bad(&format!("v=STSv1; id={longest}b;"), "the id has 33 characters", &format!("{longest}b"));
    bad("v=STSv1; id=;", "the id is empty", "id=");
    bad("v=STSv1; id=2026-04-29;", "the id holds `-`", "2026-04-29");
    bad("v=STSv1; id=a.b;", "the id holds `.`", "a.b");
    bad("v=STSv1; id=a_b;", "the id holds `_`", "a_b");
    bad("v=STSv1; id=a b;", "the id holds ` `", "a b");
    bad("v=STSv1; id=a=b;", "the id holds `=`", "a=b");
    bad("v=STSv1; ID=1;", "write `id` in lower case", "ID=1"); // another field by the grammar
    bad("v=STSv1; ID=1;", "no id", "");
    bad("v=STSv1; id =1;", "white space beside `=`", " =");
    bad("v=STSv1; id= 1;", "white space beside `=`", "= ");
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# This string MUST uniquely identify a given instance of a
//# policy, such that senders can determine when the policy has been
//# updated by comparing to the "id" of a previously seen policy.
#[test]
fn an_id_from_content_changes_with_the_content() {
    let id = PolicyId::from_content(b"mx: a.test");
    assert_eq!(id, PolicyId::from_content(b"mx: a.test"));
    assert_ne!(id, PolicyId::from_content(b"mx: b.test"));
    good(&Record::new(id.clone()).to_string(), id.as_str());
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# There is no implied ordering of "id" fields between revisions.
#[test]
fn ids_differ_by_text_alone() {
    let id = |text| Record::parse(text).unwrap().id;
    assert_ne!(id(b"v=STSv1; id=1;"), id(b"v=STSv1; id=01;"));
    assert_ne!(id(b"v=STSv1; id=a;"), id(b"v=STSv1; id=A;"));
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# MTA-STS TXT records MUST be US-ASCII,
//# semicolon-separated key/value pairs
#[test]
fn records_are_us_ascii() {
    bad("v=STSv1; id=é1;", "outside US-ASCII", "é");
    bad("v=STSv1; id=1; x=aéb€c;", "outside US-ASCII", "éb€");
    bad("\u{feff}v=STSv1; id=1;", "outside US-ASCII", "\u{feff}");
    bad("v=STSv1;\u{a0}id=1;", "outside US-ASCII", "\u{a0}");
    assert!(Record::parse(b"v=STSv1; id=1; x=\xff;").is_err());
    let reading = Record::read("v=STSv1; id=é1;".as_bytes());
    assert!(!reading.defects.iter().any(|defect| defect.kind == Kind::IdMissing));
}

#[test]
fn extensions_are_name_and_value() {
    let longest = "n".repeat(32);
    good(&format!("v=STSv1; id=1; {longest}=v;"), "1");
    good("v=STSv1; id=1; a_-.9=!:<>~\"'\\;", "1");
    good("v=STSv1; id=1; 9=x;", "1");
    remark("v=STSv1; foo=bar; id=1;", "1", "unknown field `foo`", "foo=bar");
    bad("v=STSv1; id=1; foo;", "`foo` is not a field", "foo");
    bad("v=STSv1; id=1; foo=;", "`foo` has no value", "foo=");
    bad("v=STSv1; id=1; =bar;", "`` is not a field name", "");
    bad("v=STSv1; id=1; _a=b;", "`_a` is not a field name", "_a");
    bad(&format!("v=STSv1; id=1; n{longest}=v;"), "is not a field name", &format!("n{longest}"));
    bad("v=STSv1; id=1; a*b=c;", "`a*b` is not a field name", "a*b");
    bad("v=STSv1; id=1; a=b=c;", "the value holds `=`", "=");
    bad("v=STSv1; id=1; a=b c;", "the value holds ` `", " ");
    bad("v=STSv1; id=1; a=b\u{7}c;", "the value holds `\\u{7}`", "\u{7}");
    bad("v=STSv1; id=1; a=b\u{7f};", "the value holds `\\u{7f}`", "\u{7f}");
    bad("v=STSv1; id=1; a = b;", "white space beside `=`", " = ");
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# Parsers MUST accept TXT records and policy files that are
//# syntactically valid (i.e., valid key/value pairs separated by
//# semicolons for TXT records), possibly containing additional key/value
//# pairs not specified in this document, in which case unknown fields
//# SHALL be ignored.
#[test]
fn unknown_fields_are_kept_and_ignored() {
    let record = Record::parse(b"v=STSv1; a=1; id=1; b=2").unwrap();
    let fields = [("a", "1"), ("b", "2")];
    assert_eq!(
        record.extensions,
        fields.map(|(name, value)| RecordExtension::new(name, value).unwrap())
    );
    assert_eq!(record.to_string(), "v=STSv1; id=1; a=1; b=2;");
    // However many there are.
    let many: String = (0..5_000).map(|number| format!("x{number}=y;")).collect();
    let text = format!("v=STSv1;{many}id=1");
    let reading = Record::read(text.as_bytes());
    assert_eq!(reading.record().unwrap().id.as_str(), "1");
    assert_eq!((reading.defects.len(), reading.extensions.len()), (201, 100));
    assert_eq!(reading.defects.last().unwrap().kind, Kind::TooMany);
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# If any non-repeated field -- i.e., all fields
//# excepting "mx" -- is duplicated, all entries except for the first
//# SHALL be ignored.
#[test]
fn the_first_of_duplicates_counts() {
    remark("v=STSv1; id=1; id=2;", "1", "`id` was given before", "id=2");
    remark("v=STSv1; id=1; id=a-b;", "1", "`id` was given before", "id=a-b"); // well formed, ignored
    remark("v=STSv1; v=STSv2; id=1", "1", "`v` was given before", "v=STSv2");
    remark("v=STSv1; x=1; id=1; x=2", "1", "`x` was given before", "x=2");
    bad("v=STSv1; id=a-b; id=1;", "the id holds `-`", "a-b"); // also when the first is invalid
    bad("v=STSv1; id=1; id=;", "`id` has no value", "id="); // outside the grammar, first or not
    assert!(Record::parse(b"v=STSv1; x=1; id=1; x=2").unwrap().extensions.len() == 1);
}

#[test]
fn a_record_longer_than_dns_allows_is_not_read() {
    let mut text = b"v=STSv1; id=1; x=".to_vec();
    text.resize(65_535, b'y');
    assert!(Record::parse(&text).is_ok());
    text.push(b'y');
    let reading = Record::read(&text);
    assert_eq!(reading.defects.len(), 1);
    assert_eq!(reading.defects[0].kind, Kind::TooLarge);
    assert_eq!(reading.defects[0].span.range(), 65_535..65_536);
}

#[test]
fn garbage_is_reported_up_to_a_bound() {
    let reading = Record::read(";".repeat(60_000).as_bytes());
    assert_eq!(reading.defects.len(), 201);
    assert_eq!(reading.defects.last().unwrap().kind, Kind::TooMany);
    // The one fatal defect behind many remarks is not lost.
    let remarks: String = (0..300).map(|number| format!(" x{number}=y;")).collect();
    let reading = Record::read(format!("v=STSv1; id=1;{remarks};").as_bytes());
    assert!(reading.defects.iter().any(|defect| defect.kind == Kind::EmptyField));
    assert!(reading.record().is_err());
    assert!(Record::parse(format!("v=STSv1; id=1;{remarks}").as_bytes()).is_ok());
}

#[test]
fn an_error_names_the_first_fatal_defect_and_counts_the_others() {
    let error = Record::parse(b"v=STSv1; x=y; id=a-b; z; ").unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid STS record: the id holds `-`: only letters and digits are allowed, \
         as in 20261101T120000 (and 1 more)"
    );
}

#[test]
fn an_extension_cannot_break_out_of_its_field() {
    for (name, value) in [
        ("", "x"),
        ("v", "x"),
        ("id", "x"),
        ("a b", "x"),
        ("-a", "x"),
        ("a", ""),
        ("a", "x;y"),
        ("a", "x=y"),
        ("a", "x y"),
        ("a", "x\ny"),
        ("a", "é"),
    ] {
        assert_eq!(RecordExtension::new(name, value), None, "{name:?} {value:?}");
    }
}

#[track_caller]
fn select(records: &[&str], expected: &Selection) {
    assert_eq!(select_record(records.iter().map(|text| text.as_bytes())), *expected, "{records:?}");
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# If multiple TXT records for
//# "_mta-sts" are returned by the resolver, records that do not begin
//# with "v=STSv1;" are discarded.  If the number of resulting records is
//# not one, or if the resulting record is syntactically invalid, senders
//# MUST assume the recipient domain does not have an available MTA-STS
//# Policy and skip the remaining steps of policy discovery.
#[test]
fn exactly_one_record_must_remain() {
    let none = |near_misses: &[usize]| Selection::None { near_misses: near_misses.to_vec() };
    select(&[], &none(&[]));
    select(&["v=STSv1; id=1"], &Selection::One(0));
    select(&["v=STSv1;"], &Selection::One(0)); // it counts, and is then found invalid
    select(&["v=spf1 -all", "v=STSv1; id=1", ""], &Selection::One(1));
    select(&["v=STSv1; id=1", "v=STSv1; id=1"], &Selection::Several(vec![0, 1])); // even if equal
    select(&["v=STSv1; id=1", "x", "v=STSv1;;"], &Selection::Several(vec![0, 2])); // even if invalid
    select(&["v=STSv1; id=1", "V=STSv1; id=2"], &Selection::One(0)); // case matters
    select(&["v=spf1 -all", "google-site-verification=sts"], &none(&[]));
}

#[test]
fn white_space_before_the_first_delimiter_counts_only_alone() {
    let none = |near_misses: &[usize]| Selection::None { near_misses: near_misses.to_vec() };
    select(&["v=STSv1 ;id=1"], &Selection::One(0));
    select(&["v=STSv1\t ;id=1"], &Selection::One(0));
    select(&["v=STSv1 ;id=1", "v=STSv1;id=2"], &Selection::One(1));
    select(&["v=STSv1 ;id=1", "v=spf1 -all"], &none(&[0]));
    select(&["v=STSv1 ;id=1", "v=STSv1 ;id=2"], &none(&[0, 1]));
}

#[test]
fn near_misses_are_told() {
    for text in [
        "V=STSv1; id=1",
        "v=stsv1; id=1",
        "v = STSv1; id=1",
        " v=STSv1; id=1",
        "v=STSv2; id=1",
        "v=STS1; id=1",
        "\"v=STSv1; id=1\"",
        "STSv1; id=1",
        "id=1; v=STSv1",
        "v=STSv1",
        "v=STSv1, id=1",
        "v=MTA-STSv1; id=1",
    ] {
        select(&["v=spf1 -all", text], &Selection::None { near_misses: vec![1] });
        assert!(Record::parse(text.as_bytes()).is_err(), "{text:?}");
    }
}
