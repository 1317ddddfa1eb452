use proptest::prelude::*;
use sealpost_wire::smtp::server::{Host, Mailbox, MailboxError, Receipt};

fn good(text: &str, local_part: &str, host: &str, written: &str) {
    let mailbox = Mailbox::parse(text).unwrap();
    assert_eq!((mailbox.local_part(), &*mailbox.host().to_string()), (local_part, host), "{text}");
    assert_eq!(mailbox.to_string(), written, "{text}");
    assert_eq!(Mailbox::parse(written), Ok(mailbox), "{text}");
}

fn bad(text: &str, expected: MailboxError) {
    assert_eq!(Mailbox::parse(text), Err(expected), "{text}");
}

#[test]
fn mailboxes_are_read_and_written() {
    good("a@b.example", "a", "b.example", "a@b.example");
    good("A.b+c@B.Example.", "A.b+c", "b.example", "A.b+c@b.example");
    good("\"a\"@b.example", "a", "b.example", "a@b.example");
    good("\"a b\"@b.example", "a b", "b.example", "\"a b\"@b.example");
    good("\"a@\\\"\\\\\"@b.example", "a@\"\\", "b.example", "\"a@\\\"\\\\\"@b.example");
    good(".a..@b.example", ".a..", "b.example", ".a..@b.example");
    good("ü@bücher.example", "ü", "xn--bcher-kva.example", "ü@xn--bcher-kva.example");
    good("a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]");
    good("a@[ipv6:2001:DB8::1]", "a", "[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]");
    bad("", MailboxError::LocalPart);
    bad("a", MailboxError::LocalPart);
    bad("@b.example", MailboxError::LocalPart);
    bad("\"\"@b.example", MailboxError::LocalPart);
    bad("\"a@b.example", MailboxError::LocalPart);
    bad("\"a\"b@b.example", MailboxError::LocalPart);
    bad("\"a\\", MailboxError::LocalPart);
    bad("\"a\u{7}\"@b.example", MailboxError::LocalPart);
    bad("a b@b.example", MailboxError::LocalPart);
    bad("a<b@b.example", MailboxError::LocalPart);
    bad("a@", MailboxError::Host);
    bad("a@b_c.example", MailboxError::Host);
    bad("a@[192.0.2.256]", MailboxError::Host);
    bad("a@[IPv6:192.0.2.1]", MailboxError::Host);
    bad("a@[x:y]", MailboxError::Host);
    bad("a@192.0.2.1", MailboxError::Host);
    bad(&format!("{}@b.example", "x".repeat(1_024)), MailboxError::TooLong);
}

#[test]
fn mailboxes_are_compared_as_people_do() {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.2
    //= type=test
    //# For any purposes that require generating or comparing
    //# Local-parts (e.g., to specific mailbox names), all quoted forms MUST
    //# be treated as equivalent
    let same =
        |a: &str, b: &str| Mailbox::parse(a).unwrap().is_same_as(&Mailbox::parse(b).unwrap());
    assert!(same("tls@b.example", "\"TLS\"@B.example"));
    assert!(!same("tls@b.example", "tls@c.example"));
    assert!(!same("tls@b.example", "tls2@b.example"));
    assert!(Mailbox::parse("PostMaster@b.example").unwrap().is_postmaster());
    assert!(matches!(Mailbox::parse("a@b.example").unwrap().host(), Host::Domain(_)));
    assert_eq!(Mailbox::parse("a@[192.0.2.1]").unwrap().domain(), None);
}

#[test]
fn receipts_hold_nothing_that_could_be_a_reply() {
    assert_eq!(Receipt::parse("aZ09-_").unwrap().as_str(), "aZ09-_");
    for text in ["", "a b", "a\r\n250 ok", "ü", &"x".repeat(65)] {
        assert!(Receipt::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,40}") {
        if let Ok(mailbox) = Mailbox::parse(&text) {
            prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
        }
    }

    #[test]
    fn near_mailboxes(text in "[a\"\\\\@.<> \\[\\]:ü]{0,12}@b.example") {
        if let Ok(mailbox) = Mailbox::parse(&text) {
            prop_assert_eq!(Mailbox::parse(&mailbox.to_string()), Ok(mailbox));
        }
    }
}
