//! Whether our signatures can be verified.

use mail_domain::DomainName;
use sealpost_dkim::{Alignment, Failure, KeyAnswer, KeyFault, Message, Verdict, sign};
use sealpost_evidence::{Lookup, TextRecord};
use sealpost_net::Network;

use super::{Examined, Health, Reporter, ReporterKey, ReporterWay};

const WHAT: &str = "dkim";

/// Nothing of ours signs.
//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//# Reports sent via SMTP MUST contain a valid
//# DomainKeys Identified Mail (DKIM) [RFC6376] signature by the
//# reporting domain.
pub(super) fn no_key(reporter: &Reporter) -> Examined {
    let remedy = "give a key: [[report.delivery.dkim]] with `key` and `selector`";
    match reporter.way {
        ReporterWay::Direct => Examined::ill(
            WHAT,
            Health::Bad,
            "the mails leave without a signature: receivers must ignore them (RFC 8460 section 3)",
            remedy,
        ),
        ReporterWay::MailServer => Examined::ill(
            WHAT,
            Health::Doubtful,
            format!("nothing signs here; the mail server must sign for {}", reporter.author),
            format!("see that it does, or {remedy}"),
        ),
    }
}

/// Whether the contact and the author are of one house.
pub(super) fn submitter(reporter: &Reporter) -> Examined {
    let Reporter { submitter, author, .. } = reporter;
    if Alignment::of(author, submitter).is_some() {
        return Examined::good("contact", format!("{submitter} reports, and {author} writes"));
    }
    Examined::ill(
        "contact",
        Health::Bad,
        format!("{submitter} reports, and {author} writes and signs: these are strangers"),
        "let `contact` and `from` be in one domain: the signature must be of the domain that reports",
    )
}

/// Signs a mail and verifies it, as a receiver does, with the key that is in DNS.
pub(super) async fn examine(
    key: &ReporterKey,
    author: &DomainName,
    network: &Network,
    now: i64,
) -> Examined {
    let name = format!("{}._domainkey.{}", key.selector.as_str(), key.domain);
    let answer = match network.text_records(&name).await {
        Lookup::Found(found) => KeyAnswer::Found(
            found.value.iter().map(|record| TextRecord::text(record).as_slice().to_vec()).collect(),
        ),
        Lookup::Absent(_) => KeyAnswer::Absent,
        Lookup::Unknown(fault) => {
            let found = format!("the key at {name} could not be looked up: {}", fault.text);
            return Examined::unknown(WHAT, found);
        }
    };
    let Some(verdict) = verdict(key, author, &answer, now) else {
        return Examined::ill(
            WHAT,
            Health::Bad,
            format!("the key of {name} cannot sign"),
            "make another one: openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
        );
    };
    if Alignment::of(&key.domain, author).is_none() {
        return Examined::ill(
            WHAT,
            Health::Bad,
            format!("{} signs for a mail of {author}: these are strangers", key.domain),
            format!("let the key be of {author}, or of a domain above or below it"),
        );
    }
    judge(key, &name, &verdict)
}

/// What a receiver finds; `None` if the key cannot sign.
fn verdict(
    key: &ReporterKey,
    author: &DomainName,
    answer: &KeyAnswer,
    now: i64,
) -> Option<Verdict> {
    let mail = format!(
        "From: <tls-reports@{author}>\r\nTLS-Report-Submitter: {author}\r\n\r\nThis is a trial.\r\n"
    );
    let field = sign(mail.as_bytes(), &key.key, &key.selector, &key.domain, now).ok()?;
    let signed = field + &mail;
    let message = Message::read(signed.as_bytes()).ok()?;
    let signature = message.signatures().into_iter().next()?.ok()?;
    Some(signature.verify(&message, answer, now))
}

fn judge(key: &ReporterKey, name: &str, verdict: &Verdict) -> Examined {
    let algorithm = key.key.algorithm();
    let record = key.key.record().unwrap_or_default();
    let publish = format!("publish at {name} the text \"{record}\"");
    let ill = |state, found: String, remedy: String| Examined::ill(WHAT, state, found, remedy);
    match verdict {
        Verdict::Pass(pass) if !pass.is_for_mail => ill(
            Health::Doubtful,
            format!(
                "the key at {name} is for `s=tlsrpt` alone: verifiers that do not know RFC 8460 call \
                 the signature invalid, and refuse or mark the mail"
            ),
            format!("leave `s=` out: {publish}"),
        ),
        Verdict::Pass(pass) if pass.is_test => ill(
            Health::Doubtful,
            format!("the key at {name} says that DKIM is only being tried out (`t=y`)"),
            publish,
        ),
        Verdict::Pass(pass) => Examined::good(
            WHAT,
            format!("the key at {name} ({algorithm}, for {}) verifies what we sign", pass.service),
        ),
        Verdict::Undecided => Examined::unknown(WHAT, format!("the key at {name} is not known")),
        Verdict::Fail(Failure::KeyGone) => {
            ill(Health::Bad, format!("there is no key at {name}"), publish)
        }
        Verdict::Fail(Failure::Key(KeyFault::Service)) => ill(
            Health::Bad,
            format!("the key at {name} is for other services than mail or reports (`s=`)"),
            publish,
        ),
        Verdict::Fail(Failure::HeaderChanged | Failure::KeyOfOtherKind) => ill(
            Health::Bad,
            format!("the key at {name} is another one than the key that signs here ({algorithm})"),
            publish,
        ),
        Verdict::Fail(failure) => {
            ill(Health::Bad, format!("what we sign is not believed at {name}: {failure}"), publish)
        }
    }
}
