use super::*;

const SAMPLE: &str = "\
Table of Contents

   1.  First ........ 1

1.  First

   A sentence that goes on over the
   page with a non-




Author, et al.               Standards Track                    [Page 1]
\u{c}
RFC 9999                         Sample                   September 2018


   expired end.

   o  \"v\": an item.
1.1.  Below

   Text below; the value MUST be
   ; written in a comment.

9.1 Old style

   Old text.

10.  Tenth

   The last text -- with a dash.
";

#[test]
fn page_breaks_leave_no_trace() {
    let specification = Specification::parse(9999, SAMPLE);
    let first = specification.section("1").unwrap();
    assert_eq!(
        specification.find("over the page with a non-expired end.", first).len(),
        1,
        "{specification:?}"
    );
}

#[test]
fn a_section_holds_its_subsections_and_nothing_after() {
    let specification = Specification::parse(9999, SAMPLE);
    let first = specification.section("1").unwrap();
    let below = specification.section("1.1").unwrap();
    assert_eq!(specification.find("Text below;", first).len(), 1);
    assert_eq!(specification.find("Text below;", below).len(), 1);
    assert_eq!(specification.find("an item", below).len(), 0);
    assert_eq!(specification.find("The last text", first).len(), 0);
    assert_eq!(specification.section_at(below.range.start).unwrap().number, "1.1");
    assert!(specification.section("2").is_none());
    let old = specification.section("9.1").unwrap();
    assert_eq!(specification.find("Old text.", old).len(), 1);
    assert_eq!(specification.find("The last text", old).len(), 0);
}

#[test]
fn list_and_comment_marks_are_not_words() {
    let specification = Specification::parse(9999, SAMPLE);
    let first = specification.section("1").unwrap();
    let paragraphs: Vec<_> = specification.paragraphs(first).map(|(_, text)| text).collect();
    assert!(paragraphs.contains(&"\"v\": an item."), "{paragraphs:?}");
    assert_eq!(specification.find("MUST be written in a comment", first).len(), 1);
}

#[test]
fn a_wrong_word_is_not_found() {
    let specification = Specification::parse(9999, SAMPLE);
    let tenth = specification.section("10").unwrap();
    assert_eq!(specification.find("The  last\n text -- with", tenth).len(), 1);
    assert_eq!(specification.find("the last text", tenth).len(), 0);
    assert_eq!(specification.find(" \n ", tenth).len(), 0);
}
