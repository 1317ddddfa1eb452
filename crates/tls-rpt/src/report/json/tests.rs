//! The cursor beside `serde_json`: on what is JSON they agree, and on what is not, both say so.

use proptest::prelude::*;
use serde_json::Value;

use super::{Cursor, RepairKind, Shape, is_plain, plain_length};

/// Reads a whole text: its compact form and the faults.
fn read(text: &[u8]) -> (String, Vec<RepairKind>) {
    let mut cursor = Cursor::new(text);
    let mut out = String::new();
    cursor.copy(128, &mut out);
    cursor.skip_space();
    if !cursor.rest().is_empty() {
        cursor.fault(RepairKind::TrailingOctets);
    }
    (out, cursor.take_faults())
}

fn check(text: &[u8]) -> Result<(), TestCaseError> {
    // The cursor does not take a number at the end of a text; a report is never one.
    let text = [text, b" "].concat();
    let (compact, faults) = read(&text);
    let mended = serde_json::from_str::<Value>(&compact);
    match serde_json::from_slice::<Value>(&text) {
        Ok(value) => {
            prop_assert_eq!(&faults, &[], "of {}", text.escape_ascii());
            prop_assert_eq!(mended.unwrap(), value, "of {}", text.escape_ascii());
        }
        // It has no form for numbers above a double, and stops at a depth of its own.
        Err(error) if error.to_string().contains("out of range") => {}
        Err(error) if error.to_string().contains("recursion limit") => {}
        Err(error) => {
            prop_assert!(!faults.is_empty(), "{} passes: {error}", text.escape_ascii());
            let is_out_of_range = |e: &serde_json::Error| e.to_string().contains("out of range");
            let is_json = mended.as_ref().err().is_none_or(is_out_of_range);
            prop_assert!(is_json, "{} became {compact}", text.escape_ascii());
        }
    }
    Ok(())
}

fn near_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\"a\"",
        "\"a\":",
        "\\u00e9",
        "\\ud83d",
        "\\ude00",
        "\\n",
        "\\x",
        "\\",
        "null",
        "true",
        "false",
        "NaN",
        "-Infinity",
        "0",
        "-0",
        "01",
        "1.5",
        "1e9",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        " ",
        "\n",
        "\t",
        "é",
        "'",
        "/",
        "\0",
        "\u{1}",
        "\u{FEFF}",
        "\u{7F}",
    ]);
    let anything = prop::collection::vec(any::<u8>(), 0..2);
    let part = prop_oneof![9 => piece.prop_map(|p| p.as_bytes().to_vec()), 1 => anything];
    prop::collection::vec(part, 0..24).prop_map(|parts| parts.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e30..1e30).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn texts_near_json(text in near_json()) {
        check(&text)?;
    }

    #[test]
    fn json_is_read_as_it_is(value in any_json(), is_pretty in any::<bool>()) {
        let write = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let text = write(&value).unwrap();
        check(text.as_bytes())?;
        prop_assert_eq!(read(format!("{text} ").as_bytes()).0, value.to_string());
    }

    /// Eight octets at a time or each by itself: every octet, at every place, beside its likes.
    #[test]
    fn strings_end_where_they_end(
        mut octets in prop::collection::vec(prop_oneof![0x20_u8..=0x23, 0x5B_u8..=0x5D, any::<u8>()], 0..40),
        octet in any::<u8>(),
        place in any::<prop::sample::Index>(),
    ) {
        octets.iter_mut().for_each(|octet| if !is_plain(*octet) { *octet = b'x' });
        prop_assert_eq!(plain_length(&octets), octets.len());
        octets.insert(place.index(octets.len() + 1), octet);
        let expected = octets.iter().take_while(|octet| is_plain(**octet)).count();
        prop_assert_eq!(plain_length(&octets), expected);
    }

    #[test]
    fn cut_json_says_so(value in any_json(), cut in any::<prop::sample::Index>()) {
        let text = serde_json::to_string(&[value]).unwrap();
        let (head, _) = text.as_bytes().split_at(cut.index(text.len()));
        let (compact, faults) = read(head);
        prop_assert!(faults.contains(&RepairKind::JsonTruncated));
        prop_assert!(serde_json::from_str::<Value>(&compact).is_ok());
    }
}

#[test]
fn what_is_deeper_than_allowed_becomes_null() {
    let mut cursor = Cursor::new(br#"[1, [2, [3, "]"]], {"a": {}}, 4] "#);
    let mut out = String::new();
    cursor.copy(2, &mut out);
    assert_eq!(out, r#"[1,[2,null],{"a":null},4]"#);
    assert_eq!(cursor.take_faults(), [RepairKind::NestedTooDeep]);
}

#[test]
fn a_stopped_cursor_stays_at_the_end() {
    let mut cursor = Cursor::new(br#"{"a": ?, "b": 1}"#);
    cursor.open();
    assert_eq!(cursor.key().as_deref(), Some("a"));
    assert_eq!(cursor.shape(), Shape::Nothing);
    cursor.nothing();
    assert_eq!(cursor.key(), None);
    assert!(cursor.is_stopped() && cursor.rest().is_empty());
    assert_eq!(cursor.take_faults(), [RepairKind::JsonBroken]);
}
