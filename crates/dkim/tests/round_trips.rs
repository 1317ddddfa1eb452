//! What is signed here is verified here, and nothing else is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, RsaKeyPair};
use data_encoding::BASE64;
use mail_domain::DomainName;
use proptest::prelude::*;
use sealpost_dkim::{
    Algorithm, Alignment, Authenticity, Doubt, Failure, FromFault, KeyAnswer, KeyFault, Message,
    MessageError, Selector, Service, SignError, Signature, SignatureError, SigningKey,
    SigningKeyError, Verdict, sign,
};
use std::sync::LazyLock;

const NOW: i64 = 1_795_600_000;

const MAIL: &str = "From: \"TLS reports\" <tls@reports.sender.test>\r\n\
    To: tls@receiver.test\r\n\
    Subject: Report Domain: receiver.test\r\n Submitter: sender.test\r\n Report-ID: <1@sender.test>\r\n\
    Date: Thu, 26 Nov 2026 00:05:00 +0000\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/report; report-type=tlsrpt; boundary=b\r\n\
    TLS-Report-Domain: receiver.test\r\n\
    TLS-Report-Submitter: sender.test\r\n\
    \r\n\
    --b\r\n\r\nThis is a report.\r\n--b--\r\n";

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64.encode(der))
}

static RSA: LazyLock<SigningKey> = LazyLock::new(|| {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    SigningKey::from_pem(pem("PRIVATE KEY", pair.as_der().unwrap().as_ref()).as_bytes()).unwrap()
});

static ED25519: LazyLock<SigningKey> = LazyLock::new(|| {
    let pair = Ed25519KeyPair::generate().unwrap();
    let der = pair.to_pkcs8v1().unwrap();
    SigningKey::from_pem(pem("PRIVATE KEY", der.as_ref()).as_bytes()).unwrap()
});

fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

fn signed_by(mail: &str, key: &SigningKey, signer: &str) -> String {
    let selector = Selector::parse("s1").unwrap();
    sign(mail.as_bytes(), key, &selector, &domain(signer), NOW).unwrap() + mail
}

fn signed(mail: &str) -> String {
    signed_by(mail, &ED25519, "sender.test")
}

fn answer(record: &str) -> KeyAnswer {
    KeyAnswer::Found(vec![record.as_bytes().to_vec()])
}

/// The verdict on the only signature, with the record of the key for Ed25519.
fn verdict(mail: &str) -> Verdict {
    verdict_with(mail, &answer(&ED25519.record().unwrap()))
}

fn verdict_with(mail: &str, answer: &KeyAnswer) -> Verdict {
    let message = Message::read(mail.as_bytes()).unwrap();
    let signatures = message.signatures();
    assert_eq!(signatures.len(), 1, "{mail}");
    signatures.first().unwrap().as_ref().unwrap().verify(&message, answer, NOW)
}

#[test]
fn what_is_signed_holds() {
    for (key, algorithm, bits) in
        [(&*RSA, Algorithm::RsaSha256, Some(2048)), (&*ED25519, Algorithm::Ed25519Sha256, None)]
    {
        let mail = signed_by(MAIL, key, "sender.test");
        assert!(mail.lines().all(|line| line.len() <= 80), "{mail}");
        let message = Message::read(mail.as_bytes()).unwrap();
        let signature = message.signatures().remove(0).unwrap();
        assert_eq!(signature.algorithm(), algorithm);
        assert_eq!(signature.query_name(), "s1._domainkey.sender.test");
        assert_eq!(signature.signed_at(), Some(NOW));
        assert_eq!((signature.expires_at(), signature.body_length()), (None, None));
        for name in ["From", "Subject", "TLS-Report-Domain", "TLS-Report-Submitter", "Content-Type"]
        {
            assert!(signature.covers(&message, name), "{name}");
        }
        assert!(!signature.covers(&message, "Message-ID")); // there is none
        let verdict = signature.verify(&message, &answer(&key.record().unwrap()), NOW);
        let Verdict::Pass(pass) = verdict else { panic!("{verdict}") };
        assert_eq!((pass.service, pass.rsa_bits, pass.is_test), (Service::All, bits, false));
        let verdicts = [(signature, verdict)];
        let Authenticity::Authentic(found) = message.authenticity(&verdicts) else { panic!() };
        assert_eq!(found.alignment, Alignment::SignerAbove);
        assert_eq!(found.signer, domain("sender.test"));
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# This
//# ensures attackers cannot append extraneous or misleading data to a
//# report without breaking the signature.
#[test]
fn changes_on_the_way_are_told_from_tampering() {
    let mail = signed(MAIL);
    let good = |mail: &str| assert!(matches!(verdict(mail), Verdict::Pass(_)), "{mail}");
    let bad =
        |mail: &str, failure: Failure| assert_eq!(verdict(mail), Verdict::Fail(failure), "{mail}");
    good(&mail);
    good(&mail.replace("\r\n", "\n")); // kept in a mailbox of Unix
    good(&format!("Received: by relay.test\r\n{mail}"));
    good(&format!("From root Thu Nov 26 17:01:49 2026\r\n{mail}"));
    good(&mail.replace("Submitter: sender", "Submitter:  sender"));
    good(&mail.replace("Date: ", "DATE:\t"));
    good(&format!("{mail}\r\n\r\n")); // empty lines at the end
    good(&mail.replace("This is a report.", "This  is a\treport. "));
    bad(&format!("{mail}--b\r\n\r\n{{}}\r\n"), Failure::BodyChanged);
    bad(&mail.replace("This is", "That is"), Failure::BodyChanged);
    bad(&mail.replace("\r\n--b--", ""), Failure::BodyChanged);
    bad(&mail.replace("Domain: receiver", "Domain: another"), Failure::HeaderChanged);
    bad(&mail.replace("boundary=b", "boundary=c"), Failure::HeaderChanged);
    // A second one on top, which programs show that take the first.
    for field in
        ["From: x@evil.test", "Subject: x", "TLS-Report-Domain: x.test", "Content-Type: text/plain"]
    {
        bad(&format!("{field}\r\n{mail}"), Failure::HeaderChanged);
    }
    bad(&mail.replace("t=1795600000", "t=1795600001"), Failure::HeaderChanged);
    // Somebody else's key.
    let other = verdict_with(
        &mail,
        &answer("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
    );
    assert_eq!(other, Verdict::Fail(Failure::HeaderChanged));
}

#[test]
fn keys_are_judged_before_they_are_used() {
    let mail = signed(MAIL);
    let record = ED25519.record().unwrap();
    let p = record.rsplit_once("p=").unwrap().1.to_owned();
    let with = |record: &str| verdict_with(&mail, &answer(record));
    let good = |record: &str, service: Service| match with(record) {
        Verdict::Pass(pass) => assert_eq!(pass.service, service, "{record}"),
        other => panic!("{record}: {other}"),
    };
    let bad = |record: &str, fault: KeyFault| {
        assert_eq!(with(record), Verdict::Fail(Failure::Key(fault)), "{record}");
    };
    good(&format!("k=ed25519;p={p}"), Service::All);
    good(&format!("v=DKIM1; k=ed25519; s=*; p={p}"), Service::All);
    good(&format!("v=DKIM1; k=ed25519; s=email; p={p}"), Service::Email);
    good(&format!("v=DKIM1; k=ed25519; s=email : TLSRPT; p={p}"), Service::TlsReports);
    good(&format!("v=DKIM1; k=ed25519; h=sha1:sha256; n=note; x=y; p={p};"), Service::All);
    bad(&format!("v=DKIM1; k=ed25519; s=other; p={p}"), KeyFault::Service);
    bad(&format!("v=DKIM1; k=ed25519; s=; p={p}"), KeyFault::Service);
    bad(&format!("v=DKIM1; k=ed25519; h=sha1; p={p}"), KeyFault::Hash);
    bad(&format!("v=DKIM2; k=ed25519; p={p}"), KeyFault::Version);
    bad(&format!("k=ed25519; v=DKIM1; p={p}"), KeyFault::Version); // must come first
    bad("v=DKIM1; k=ed25519; p=", KeyFault::Revoked);
    bad("v=DKIM1; k=ed25519", KeyFault::NoKey);
    bad("v=spf1 -all", KeyFault::Version); // a wildcard of another purpose
    bad("hello", KeyFault::Malformed);
    bad("", KeyFault::NoKey);
    bad(&format!("v=DKIM1; k=ed25519; p={p}; p={p}"), KeyFault::Malformed);
    bad(&format!("v=DKIM1; k=dsa; p={p}"), KeyFault::Kind);
    bad(&format!("v=DKIM1; p={p}"), KeyFault::Unreadable); // RSA is the default
    bad("v=DKIM1; k=ed25519; p=AAAA", KeyFault::Unreadable);
    bad("v=DKIM1; k=ed25519; p=!", KeyFault::Unreadable);
    // 512 bits.
    let weak = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJtGhbLPrgGrkOGewLbTNrGP5CnkwGrGjlAKkM436qu7GWquRAqCawVjgxx7gzfQlOjPO0NEPW7scfu9DJZaNb8CAwEAAQ==";
    bad(&format!("v=DKIM1; p={weak}"), KeyFault::Weak { bits: 512 });
    let of_rsa = with(&RSA.record().unwrap());
    assert_eq!(of_rsa, Verdict::Fail(Failure::KeyOfOtherKind));
    let test = with(&format!("v=DKIM1; k=ed25519; t=y:s; p={p}"));
    assert!(matches!(test, Verdict::Pass(pass) if pass.is_test), "{test}");
    // What is not there, and what could not be told.
    assert_eq!(verdict_with(&mail, &KeyAnswer::Absent), Verdict::Fail(Failure::KeyGone));
    assert_eq!(verdict_with(&mail, &KeyAnswer::Found(vec![])), Verdict::Fail(Failure::KeyGone));
    assert_eq!(verdict_with(&mail, &KeyAnswer::Unknown), Verdict::Undecided);
    // Several records: one of them may be the key.
    let records = ["v=spf1 -all", &record].map(|record| record.as_bytes().to_vec());
    assert!(matches!(verdict_with(&mail, &KeyAnswer::Found(records.to_vec())), Verdict::Pass(_)));
    let many = vec![b"v=spf1 -all".to_vec(); 5];
    let many = [many, vec![record.into_bytes()]].concat();
    let fault = Failure::Key(KeyFault::Version);
    assert_eq!(verdict_with(&mail, &KeyAnswer::Found(many)), Verdict::Fail(fault));
}

/// A signature with the tags, before a mail of which it is true that its body is empty.
fn parse(tags: &str) -> Result<Signature, SignatureError> {
    let mail = format!("DKIM-Signature: {tags}\r\nFrom: a@b.test\r\n\r\n");
    let message = Message::read(mail.as_bytes()).unwrap();
    message.signatures().remove(0)
}

#[test]
fn signatures_are_read_by_the_rfc() {
    const BASE: &str = "v=1; a=rsa-sha256; c=relaxed/relaxed; d=b.test; s=s; h=from; \
        bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA";
    let good = |tags: &str| assert!(parse(tags).is_ok(), "{tags}: {:?}", parse(tags));
    let bad = |tags: &str, error: SignatureError| assert_eq!(parse(tags), Err(error), "{tags}");
    let invalid = |name| SignatureError::TagInvalid { name };
    good(BASE);
    good(&BASE.replace("h=from", "h=To : FROM\r\n\t:From"));
    good(&BASE.replace("d=b.test", "d=B.Test; i=x@sub.b.test; q=dns/txt; z=ignored; t=5; x=6"));
    for name in ["v", "a", "d", "s", "h", "bh", "b"] {
        let without = BASE.replace(&format!("{name}="), &format!("{name}x="));
        bad(&without, SignatureError::TagMissing { name });
    }
    bad(&format!("{BASE}; v=1"), SignatureError::TagRepeated);
    bad(&format!("{BASE}; nonsense"), SignatureError::Malformed);
    bad(&BASE.replace("v=1", "v=2"), SignatureError::Version);
    bad(&BASE.replace("rsa-sha256", "rsa-sha1"), SignatureError::Sha1);
    bad(&BASE.replace("rsa-sha256", "rsa-sha512"), SignatureError::Algorithm);
    bad(&BASE.replace("relaxed/relaxed", "nowsp"), SignatureError::Canonicalization);
    bad(&BASE.replace("h=from", "h=to"), SignatureError::FromNotSigned);
    bad(&BASE.replace("h=from", "h=from:"), invalid("h"));
    bad(&BASE.replace("h=from", &format!("h=from{}", ":x".repeat(100))), invalid("h"));
    bad(&BASE.replace("d=b.test", "d=b.test; i=@evil.test"), SignatureError::IdentityElsewhere);
    bad(&BASE.replace("d=b.test", "d=b.test; i=@test"), SignatureError::IdentityElsewhere);
    bad(&BASE.replace("d=b.test", "d=b.test; i=x"), invalid("i"));
    bad(&BASE.replace("d=b.test", "d=b..test"), invalid("d"));
    bad(&BASE.replace("s=s", "s=a/b"), invalid("s"));
    bad(&BASE.replace("b=AAAA", "b=A!"), invalid("b"));
    bad(&format!("{BASE}; q=dns/other"), invalid("q"));
    bad(&format!("{BASE}; l=-1"), invalid("l"));
    bad(&format!("{BASE}; t=soon"), invalid("t"));
    bad(&format!("{BASE}; t=6; x=6"), invalid("x"));
    bad(&format!("{BASE}; n={}", "x".repeat(16 << 10)), SignatureError::TooLong);

    let limited = parse(&format!("{BASE}; l=0")).unwrap();
    let mail = "From: a@b.test\r\n\r\n";
    let message = Message::read(mail.as_bytes()).unwrap();
    assert_eq!(
        limited.verify(&message, &KeyAnswer::Unknown, NOW),
        Verdict::Fail(Failure::BodyLengthUsed)
    );
    let expiring = |x: i64| {
        parse(&format!("{BASE}; x={x}")).unwrap().verify(&message, &KeyAnswer::Unknown, NOW)
    };
    assert_eq!(expiring(NOW), Verdict::Fail(Failure::Expired { at: NOW }));
    assert_eq!(expiring(NOW + 1), Verdict::Undecided);
    let far = parse(&format!("{BASE}; x={}", "9".repeat(76))).unwrap();
    assert_eq!(far.expires_at(), Some(i64::MAX));
}

#[test]
fn the_signer_must_be_of_the_domain_in_from() {
    let alignment = |signer: &str, from: &str| Alignment::of(&domain(signer), &domain(from));
    assert_eq!(alignment("google.com", "google.com"), Some(Alignment::Exact));
    assert_eq!(alignment("google.com", "tls.google.com"), Some(Alignment::SignerAbove));
    assert_eq!(alignment("mail.google.com", "google.com"), Some(Alignment::SignerBelow));
    assert_eq!(alignment("com", "google.com"), None); // nobody's
    assert_eq!(alignment("google.com", "com"), None);
    assert_eq!(alignment("agoogle.com", "google.com"), None); // only the letters are the same
    assert_eq!(alignment("a.google.com", "b.google.com"), None);

    let judged = |mail: &str, verdicts: &[&str]| {
        let message = Message::read(mail.as_bytes()).unwrap();
        let record = answer(&ED25519.record().unwrap());
        let verdicts: Vec<(Signature, Verdict)> = message
            .signatures()
            .into_iter()
            .zip(verdicts)
            .map(|(signature, answered)| {
                let signature = signature.unwrap();
                let answer = match *answered {
                    "found" => &record,
                    "absent" => &KeyAnswer::Absent,
                    _ => &KeyAnswer::Unknown,
                };
                let verdict = signature.verify(&message, answer, NOW);
                (signature, verdict)
            })
            .collect();
        message.authenticity(&verdicts)
    };
    let other = signed_by(MAIL, &ED25519, "relay.test");
    let both = signed_by(&other, &ED25519, "sender.test"); // the topmost is the sender's
    assert_eq!(judged(MAIL, &[]), Authenticity::Doubtful(Doubt::NoSignature));
    assert_eq!(judged(&other, &["found"]), Authenticity::Doubtful(Doubt::NotAligned));
    assert!(
        matches!(judged(&both, &["found", "found"]), Authenticity::Authentic(a) if a.signature == 0)
    );
    assert_eq!(
        judged(&both, &["absent", "found"]),
        Authenticity::Doubtful(Doubt::Failed(Failure::KeyGone))
    );
    assert_eq!(judged(&both, &["unknown", "found"]), Authenticity::Undecided);
    // The best of several: exact before above.
    let exact = signed_by(&signed(MAIL), &ED25519, "reports.sender.test");
    let Authenticity::Authentic(found) = judged(&exact, &["found", "found"]) else { panic!() };
    assert_eq!((found.alignment, found.signature), (Alignment::Exact, 0));
    let Authenticity::Authentic(found) = judged(&exact, &["unknown", "found"]) else { panic!() };
    assert_eq!((found.alignment, found.signature), (Alignment::SignerAbove, 1));
}

#[test]
fn from_must_be_one_address() {
    let from = |header: &str| {
        let mail = format!("{header}\r\nTo: z@z.test\r\n\r\n");
        let message = Message::read(mail.as_bytes()).unwrap();
        message.from_domain().map(|domain| domain.as_str().to_owned())
    };
    let good = |header: &str| assert_eq!(from(header).as_deref(), Ok("b.test"), "{header}");
    let bad = |header: &str, fault: FromFault| assert_eq!(from(header), Err(fault), "{header}");
    good("From: a@b.test");
    good("from : \"x, y@z.test\" <a@B.Test.>");
    good("From:\r\n\t<a@b.test>\r\n (comment)");
    good("From: =?utf-8?q?a=40evil.test?= <a@b.test>");
    bad("X: y", FromFault::Missing);
    bad("From: a@b.test\r\nFrom: a@b.test", FromFault::Several);
    bad("From: a@b.test, c@d.test", FromFault::Several);
    bad("From: a", FromFault::Unreadable);
    bad("From:", FromFault::Unreadable);
    bad("From: a@[192.0.2.1]", FromFault::Unreadable);
    bad(&format!("From: {}a@b.test", " ".repeat(20_000)), FromFault::Unreadable);
    assert_eq!(Message::read(b"").err(), Some(MessageError::NoHeader));
    assert_eq!(Message::read(&b"A: b\r\n".repeat(1001)).err(), Some(MessageError::TooManyFields));
    let many = "DKIM-Signature: v=1\r\n".repeat(50) + "\r\n";
    assert_eq!(Message::read(many.as_bytes()).unwrap().signatures().len(), Message::MAX_SIGNATURES);
}

#[test]
fn what_cannot_be_signed_is_refused() {
    let selector = Selector::parse("s1").unwrap();
    let bad = |mail: &str, error: SignError| {
        let result = sign(mail.as_bytes(), &ED25519, &selector, &domain("b.test"), NOW);
        assert_eq!(result, Err(error), "{mail}");
    };
    bad("", SignError::Message(MessageError::NoHeader));
    bad("To: a@b.test\r\n\r\n", SignError::From);
    bad("From: a@b.test\r\nFrom: a@b.test\r\n\r\n", SignError::From);
    bad("From: a@b.test\n\n", SignError::LineEnd);
    bad("From: a@b.test\r\n\r\na\rb\r\n", SignError::LineEnd);
    bad("From: a@b.test\r\n\r\na\r", SignError::LineEnd);
    assert_eq!(SigningKey::from_pem(b"hello").unwrap_err(), SigningKeyError::NoKey);
    let broken = pem("PRIVATE KEY", b"\x30\x00");
    assert_eq!(SigningKey::from_pem(broken.as_bytes()).unwrap_err(), SigningKeyError::Unusable);
    assert_eq!(
        format!("{:?} {:?}", *ED25519, *RSA),
        "SigningKey(ed25519-sha256) SigningKey(rsa-sha256)"
    );
}

proptest! {
    #[test]
    fn any_mail_that_can_be_signed_holds(
        subject in "[ -~\u{e4}]{0,40}",
        body in "([ -~\t]{0,20}(\r\n)?){0,6}",
    ) {
        let mail = format!("From: a@sender.test\r\nSubject: {subject}\r\n\r\n{body}");
        prop_assert!(matches!(verdict(&signed(&mail)), Verdict::Pass(_)), "{mail}");
    }

    #[test]
    fn octets_never_panic(octets in prop::collection::vec(any::<u8>(), 0..300), record in prop::collection::vec(any::<u8>(), 0..100)) {
        let mail = [b"From: a@b.test\r\nDKIM-Signature:".as_slice(), &octets].concat();
        let message = Message::read(&mail).unwrap();
        for signature in message.signatures().into_iter().flatten() {
            let _ = signature.verify(&message, &KeyAnswer::Found(vec![record.clone()]), NOW);
        }
        let _ = verdict_with(&signed(MAIL), &KeyAnswer::Found(vec![record]));
    }
}
