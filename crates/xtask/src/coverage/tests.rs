use super::*;

const TEXT: &str = "\
3.  Rules

   A sender MUST try, and SHOULD NOT give up.

3.1.  More rules

   A sender MUST try.

4.  Other

   Nothing SHALL bind here.
";

fn citation(section: &str, quotation: &str, kind: Kind) -> Citation {
    Citation {
        place: Place { file: PathBuf::from("a.rs"), line: 7 },
        rfc: 9999,
        section: section.to_owned(),
        quotation: quotation.to_owned(),
        kind,
    }
}

fn exception(section: &str, quote: &str) -> Exception {
    Exception {
        rfc: 9999,
        section: section.to_owned(),
        quote: quote.to_owned(),
        reason: "the sender comes later".to_owned(),
    }
}

fn faults(citations: &[Citation], exceptions: &[Exception]) -> Vec<String> {
    let claims = Claims {
        citations: citations.to_vec(),
        exceptions: exceptions.to_vec(),
        exceptions_file: PathBuf::from("specs/exceptions.toml"),
    };
    let specification = Specification::parse(9999, TEXT);
    compare(&[specification], &[(9999, "3")], &claims)
        .faults
        .into_iter()
        .map(|fault| fault.message)
        .collect()
}

#[track_caller]
fn good(citations: &[Citation], exceptions: &[Exception]) {
    assert_eq!(faults(citations, exceptions), Vec::<String>::new());
}

#[track_caller]
fn bad(citations: &[Citation], exceptions: &[Exception], expected: &str) {
    let faults = faults(citations, exceptions);
    assert!(
        faults.len() == 1 && faults.iter().all(|fault| fault.contains(expected)),
        "expected one fault with {expected:?}: {faults:?}"
    );
}

#[test]
fn every_key_word_is_cited_or_excepted() {
    let whole = citation("3", "A sender MUST try, and SHOULD NOT give up.", Kind::Code);
    let more = citation("3.1", "MUST try.", Kind::Test);
    good(&[whole.clone(), more.clone()], &[]);
    good(std::slice::from_ref(&whole), &[exception("3.1", "A sender MUST try.")]);
    good(
        &[citation("3", "A sender MUST try,", Kind::Code), more],
        &[exception("3", "SHOULD NOT give up")],
    );
    bad(&[whole], &[], "section 3.1: MUST neither cited nor excepted: \"A sender MUST try.\"");
}

#[test]
fn a_quotation_must_be_of_its_section() {
    let all = [
        citation("3", "A sender MUST try, and SHOULD NOT give up.", Kind::Code),
        citation("3.1", "A sender MUST try.", Kind::Code),
    ];
    let with = |section: &str, quotation: &str| {
        let mut citations = all.to_vec();
        citations.push(citation(section, quotation, Kind::Code));
        citations
    };
    good(&with("4", "Nothing SHALL bind"), &[]); // outside the covered sections, but true
    bad(&with("3.1", "SHOULD NOT give up"), &[], "section 3.1 does not say");
    bad(&with("3", "A sender must try"), &[], "section 3 does not say");
    bad(&with("5", "A sender"), &[], "no section 5");
    let mut other = all.to_vec();
    other.push(Citation { rfc: 1, ..citation("3", "A sender", Kind::Code) });
    bad(&other, &[], "specs/rfc1.txt is missing");
}

#[test]
fn stale_exceptions_are_faults() {
    let all = [
        citation("3", "A sender MUST try, and SHOULD NOT give up.", Kind::Test),
        citation("3.1", "A sender MUST try.", Kind::Code),
    ];
    bad(&all, &[exception("3", "SHOULD NOT give up")], "stale: this SHOULD NOT is cited at a.rs:7");
    bad(&all, &[exception("3", "SHOULD NOT give in")], "does not say");
    bad(&all, &[exception("3", "give up")], "no binding key word");
    bad(&all, &[exception("4", "Nothing SHALL bind")], "no binding key word of a covered section");
    let first = std::slice::from_ref(&all[0]);
    let twice = [exception("3.1", "A sender MUST try."), exception("3.1", "MUST try.")];
    bad(first, &twice, "excepted twice");
    let mute = Exception { reason: " ".to_owned(), ..exception("3.1", "A sender MUST try.") };
    bad(first, &[mute], "no reason given");
}
