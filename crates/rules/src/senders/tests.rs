use proptest::prelude::*;

use super::*;

/// Who accepts, as a letter for each: strict, literal prefix, Google-like, Postfix-like.
fn accepting(refusal: impl Fn(Sender) -> Option<String>) -> String {
    let letters = ['s', 'l', 'g', 'p'];
    let accepts = Sender::ALL.map(|sender| refusal(sender).is_none());
    letters.iter().zip(accepts).filter(|(_, accepts)| *accepts).map(|(letter, _)| letter).collect()
}

#[track_caller]
fn records(records: &[&str], expected: &str) {
    let records: Vec<&[u8]> = records.iter().map(|record| record.as_bytes()).collect();
    assert_eq!(accepting(|sender| sender.refusal_of_records(&records)), expected, "{records:?}");
}

#[track_caller]
fn policy(body: &str, expected: &str) {
    let sent = SentPolicy { body: body.as_bytes(), charset: None };
    assert_eq!(accepting(|sender| sender.refusal_of_policy(sent)), expected, "{body:?}");
}

#[test]
fn senders_differ_over_records() {
    records(&["v=STSv1; id=1;"], "slgp");
    records(&["v=STSv1; id=1"], "slgp");
    records(&["v=STSv1;id=1"], "slgp");
    records(&["v=STSv1 ; id=1"], "sp");
    records(&["v=STSv1 ; id=1", "v=STSv1; id=2"], "slg");
    records(&["v=STSv1; id=1", "other"], "slgp");
    records(&["v=STSv1; id=1", "v=STSv1; id=2"], "");
    records(&["v=STSv1; id=1", "v=STSv12; id=2"], "slg");
    records(&["v=STSv1; id=not-alphanumeric"], "p");
    records(&["v=STSv1; id=1;;"], "p");
    records(&["v=STSv1; id=1; id=2"], "slgp");
    records(&["v=STSv1"], "");
    records(&[], "");
}

#[test]
fn senders_differ_over_policies() {
    policy("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 86400\n", "slgp");
    policy("version: STSv1\r\nmode: enforce\r\nmx: a.test\r\nmax_age: 86399\r\n", "slp");
    policy("mode: enforce\nversion: STSv1\nmx: a.test\nmax_age: 86400\n", "slp");
    policy("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 99999999\n", "slg");
    policy("version: STSv1\n\nmode: enforce\nmx: a.test\nmax_age: 86400\n", "p");
    policy("version: STSv1\nmode: enforce\nmx: a.test\nmax_age: +86_400\n", "p");
    policy("version: STSv1\nmode: enforce\nmx: not a host\nmax_age: 86400\n", "p");
    policy("version: STSv1\nmode: none\nmax_age: 86400\n", "slgp");
    policy("version: STSv1\nmode: enforce\nmax_age: 86400\n", "");
    policy("version: STSv1\nmode: Enforce\nmx: a.test\nmax_age: 86400\n", "");
    policy("version: STSv1\nmode: testing\nmode: enforce\nmx: a.test\nmax_age: 86400\n", "slgp");
    policy("version : STSv1\nmode: enforce\nmx: a.test\nmax_age: 86400\n", "");
    policy("# b\u{fc}cher\nversion: STSv1\nmode: enforce\nmx: a.test\nmax_age: 86400\n", "");
    policy("", "");
}

#[test]
fn a_declared_charset_counts_for_those_who_look_at_it() {
    let body = "version: STSv1\nmode: enforce\nmx: a.test\nmax_age: 86400\nx: \u{fc}\n".as_bytes();
    let refusal = |charset| Sender::PostfixLike.refusal_of_policy(SentPolicy { body, charset });
    assert!(refusal(None).is_some());
    assert!(refusal(Some("US-ASCII")).is_some());
    assert_eq!(refusal(Some("UTF-8")), None);
    assert_eq!(refusal(Some("iso-8859-1")), None);
}

proptest! {
    #[test]
    fn whoever_is_stricter_accepts_no_more(
        record in "(v=STSv1)?[ ;=ida1\\-]{0,12}",
        body in "((version: STSv1|mode: (none|testing)|max_age: [0-9]{1,6}|mx: a.test|x: y)(\r?\n)?){0,7}",
    ) {
        let by_records = |sender: Sender| sender.refusal_of_records(&[record.as_bytes()]).is_none();
        prop_assert!(!by_records(Sender::LiteralPrefix) || by_records(Sender::Strict));
        let sent = SentPolicy { body: body.as_bytes(), charset: None };
        let by_policy = |sender: Sender| sender.refusal_of_policy(sent).is_none();
        prop_assert!(!by_policy(Sender::GoogleLike) || by_policy(Sender::Strict));
    }

    #[test]
    fn nothing_makes_them_panic(record: Vec<u8>, body: Vec<u8>, charset: Option<String>) {
        for sender in Sender::ALL {
            sender.refusal_of_records(&[&record]);
            sender.refusal_of_policy(SentPolicy { body: &body, charset: charset.as_deref() });
        }
    }
}
