//! Faults of the SMTP dialogue and of the handshake behind STARTTLS.

use crate::{
    Domain,
    host::{Dialogue, Handshake, MailHost, OldTls},
};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = dialogues();
    domains.extend(names());
    domains.extend(handshakes());
    domains.extend(old_tls());
    domains
}

fn dialogues() -> Vec<Domain> {
    let saying = |name, about, dialogue| {
        Domain::good(name, about).mail_hosts(vec![MailHost::saying("mx1", dialogue)])
    };
    vec![
        saying(
            "mx-greeting-554.test",
            "the MX host refuses to talk",
            Dialogue::Refusal("554 5.7.1 No service for you\r\n"),
        )
        .expect("failing", &["MX202"])
        .near_miss_of(&["MX203", "MX207"]),
        saying(
            "mx-greeting-421.test",
            "the MX host is busy and says goodbye",
            Dialogue::Farewell("421 4.3.2 Too busy, try later\r\n"),
        )
        .expect("failing", &["MX202"])
        .near_miss_of(&["MX201", "MX207"]),
        saying("mx-ehlo-refused.test", "the MX host knows only HELO", Dialogue::EhloRefused)
            .expect("failing", &["MX203"])
            .near_miss_of(&["MX202", "MX204"]),
        saying("mx-no-starttls.test", "the MX host does not offer STARTTLS", Dialogue::NoStartTls)
            .expect("failing", &["MX204"])
            .near_miss_of(&["MX203", "MX205"]),
        saying(
            "mx-starttls-454.test",
            "the MX host offers STARTTLS and then refuses it",
            Dialogue::StartTlsRefused("454 4.7.0 TLS not available\r\n"),
        )
        .expect("failing", &["MX205"])
        .near_miss_of(&["MX204", "MX301"]),
        saying(
            "mx-starttls-injection.test",
            "a second reply in plaintext follows the go-ahead for TLS",
            Dialogue::Injection,
        )
        .expect("failing", &["MX206"])
        .near_miss_of(&["MX207", "MX301"]),
        saying(
            "mx-not-smtp.test",
            "something else than SMTP answers at the MX host",
            Dialogue::Farewell("SSH-2.0-OpenSSH_9.6\r\n"),
        )
        .expect("failing", &["MX207"])
        .near_miss_of(&["MX202"]),
        saying(
            "mx-closes-after-ehlo.test",
            "the MX host closes the connection instead of replying to EHLO",
            Dialogue::CloseAfterEhlo,
        )
        .expect("failing", &["MX207"])
        .near_miss_of(&["MX203"]),
        saying(
            "mx-silent.test",
            "the MX host accepts the connection, nothing more",
            Dialogue::Silence,
        )
        .expect("unknown", &["MX208"])
        .near_miss_of(&["MX201", "MX207"]),
        saying(
            "mx-silent-after-ehlo.test",
            "the MX host never replies to EHLO",
            Dialogue::SilenceAfterEhlo,
        )
        .expect("unknown", &["MX208"])
        .near_miss_of(&["MX203", "MX204"]),
        saying("mx-tarpit.test", "the greeting has no end", Dialogue::Tarpit)
            .expect("unknown", &["MX208"])
            .near_miss_of(&["MX202", "MX207"]),
    ]
}

/// What the MX host says of itself.
fn names() -> Vec<Domain> {
    let saying = |name, about, dialogue| {
        Domain::good(name, about).mail_hosts(vec![MailHost::saying("mx1", dialogue)])
    };
    vec![
        saying("mx-greeting-nameless.test", "the greeting names no host", Dialogue::Nameless)
            .expect("enforced", &["MX209"])
            .near_miss_of(&["MX202", "MX207", "MX210"]),
        saying(
            "mx-ehlo-other-name.test",
            "the MX host greets under one name and answers EHLO under another",
            Dialogue::OtherName,
        )
        .expect("enforced", &["MX210"])
        .near_miss_of(&["MX203", "MX209"]),
        saying(
            "mx-starttls-masked.test",
            "something on the way overwrites STARTTLS with X",
            Dialogue::Masked("XXXXXXXX"),
        )
        .expect("failing", &["MX204", "MX211"])
        .near_miss_of(&["MX205"]),
        saying(
            "mx-starttls-asterisks.test",
            "something on the way overwrites STARTTLS with asterisks",
            Dialogue::Masked("********"),
        )
        .expect("failing", &["MX204", "MX211"])
        .near_miss_of(&["MX205", "MX207"]),
    ]
}

fn handshakes() -> Vec<Domain> {
    let shaking = |name, about, handshake| {
        Domain::good(name, about).mail_hosts(vec![MailHost::with_handshake("mx1", handshake)])
    };
    vec![
        shaking(
            "mx-tls-alert.test",
            "the MX host answers the handshake with an alert",
            Handshake::Alert(40),
        )
        .expect("failing", &["MX301"])
        .near_miss_of(&["MX205", "MX306"]),
        shaking(
            "mx-tls-version-alert.test",
            "the MX host refuses every version of TLS",
            Handshake::Alert(70),
        )
        .expect("failing", &["MX301"])
        .near_miss_of(&["MX204", "MX205", "MX311"]),
        shaking(
            "mx-tls-garbage.test",
            "the MX host answers the handshake with plaintext",
            Handshake::PlainText("451 4.3.0 Internal error\r\n"),
        )
        .expect("failing", &["MX301"])
        .near_miss_of(&["MX206", "MX207"]),
        shaking(
            "mx-tls-reset.test",
            "the MX host resets the connection in the handshake",
            Handshake::Reset,
        )
        .expect("failing", &["MX301"])
        .near_miss_of(&["MX207"]),
        shaking(
            "mx-tls-silence.test",
            "the MX host never answers the handshake",
            Handshake::Silence,
        )
        .expect("unknown", &["MX208"])
        .near_miss_of(&["MX301"]),
    ]
}

/// Versions and suites of yesterday.
fn old_tls() -> Vec<Domain> {
    let speaking = |name, about, old| {
        Domain::good(name, about)
            .mail_hosts(vec![MailHost::with_handshake("mx1", Handshake::Old(old))])
    };
    vec![
        speaking("mx-tls10.test", "the MX host speaks TLS 1.0 too", OldTls::AlsoTls10)
            .expect("enforced", &["MX309"])
            .near_miss_of(&["MX310", "MX311"]),
        speaking("mx-tls11.test", "the MX host speaks TLS 1.1 too", OldTls::AlsoTls11)
            .expect("enforced", &["MX309"])
            .near_miss_of(&["MX310", "MX311"]),
        speaking(
            "mx-weak-suites.test",
            "the MX host still takes 3DES from those who offer nothing better",
            OldTls::AlsoWeakSuites,
        )
        .expect("enforced", &["MX310"])
        .near_miss_of(&["MX309"]),
        speaking("mx-tls-old-only.test", "the MX host speaks only TLS 1.0", OldTls::OnlyTls10)
            .expect("failing", &["MX311"])
            .near_miss_of(&["MX301", "MX309"]),
        speaking(
            "mx-tls-old-only-intolerant.test",
            "the MX host speaks only TLS 1.0, and denies it to whoever offers more",
            OldTls::OnlyTls10Intolerant,
        )
        .expect("failing", &["MX311"])
        .near_miss_of(&["MX301", "MX309"]),
    ]
}
