//! Who vouches for the mails that reports came in.

use sealpost_dkim::{
    Alignment, Authenticity, BodyHash, Doubt, Failure, Message, Signature, Verdict,
};
use sealpost_receive::{Notary, Submission};

use super::model::{MailShown, SignatureShown};

/// Whom to ask for the keys of signatures, and as of when, in seconds since 1970.
pub(super) struct Verification {
    pub(super) notary: Notary,
    pub(super) now: i64,
}

/// The mails of each document, the innermost first.
pub(super) async fn mails(
    found: &Submission<'_>,
    verification: Option<&Verification>,
) -> Vec<Vec<MailShown>> {
    let mut of_messages: Vec<Option<MailJudged>> = Vec::new();
    for (index, message) in found.messages.iter().enumerate() {
        let carries = found
            .documents
            .iter()
            .any(|document| chain(found, document.message).any(|of_document| of_document == index));
        let from = message.hints().from;
        of_messages.push(match carries {
            true => Some(judge(&message.octets, from, verification).await),
            false => None,
        });
    }
    let mails = |document: &sealpost_receive::Document| {
        chain(found, document.message)
            .filter_map(|index| of_messages.get(index).and_then(Option::as_ref))
            .map(MailJudged::shown)
            .collect()
    };
    found.documents.iter().map(mails).collect()
}

/// A message and those in which it was forwarded, from the inside out.
fn chain<'f>(
    found: &'f Submission<'_>,
    innermost: Option<usize>,
) -> impl Iterator<Item = usize> + 'f {
    let outer = |index: &usize| found.messages.get(*index).and_then(|message| message.within);
    std::iter::successors(innermost, outer).take(found.messages.len())
}

/// What is known of one message; several reports may share it.
struct MailJudged {
    from: Option<String>,
    verdict: &'static str,
    signer: Option<String>,
    summary: String,
    signatures: Vec<SignatureJudged>,
}

struct SignatureJudged {
    domain: Option<String>,
    key: Option<String>,
    body_intact: Option<bool>,
    verdict: Option<String>,
}

impl MailJudged {
    fn shown(&self) -> MailShown {
        let signature = |signature: &SignatureJudged| SignatureShown {
            domain: signature.domain.clone(),
            key: signature.key.clone(),
            body_intact: signature.body_intact,
            verdict: signature.verdict.clone(),
        };
        MailShown {
            from: self.from.clone(),
            verdict: self.verdict,
            signer: self.signer.clone(),
            summary: self.summary.clone(),
            signatures: self.signatures.iter().map(signature).collect(),
        }
    }
}

async fn judge(
    octets: &[u8],
    from: Option<String>,
    verification: Option<&Verification>,
) -> MailJudged {
    let mut judged = MailJudged {
        from,
        verdict: "unsigned",
        signer: None,
        summary:
            "no DKIM signature, so nobody vouches for it: RFC 8460 §3 has such reports ignored"
                .to_owned(),
        signatures: Vec::new(),
    };
    let Ok(message) = Message::read(octets) else { return judged };
    let mut verdicts: Vec<(Signature, Verdict)> = Vec::new();
    let mut readable = Vec::new();
    for signature in message.signatures() {
        let signature = match signature {
            Ok(signature) => signature,
            Err(error) => {
                judged.signatures.push(SignatureJudged {
                    domain: None,
                    key: None,
                    body_intact: None,
                    verdict: Some(error.to_string()),
                });
                continue;
            }
        };
        let mut seen = SignatureJudged {
            domain: Some(signature.domain().to_string()),
            key: Some(signature.query_name()),
            body_intact: Some(signature.body_hash(&message) == BodyHash::Intact),
            verdict: None,
        };
        if let Some(Verification { notary, now }) = verification {
            let verdict = signature.verify(&message, &notary.key(&signature).await, *now);
            seen.verdict = Some(verdict.to_string());
            verdicts.push((signature.clone(), verdict));
        }
        judged.signatures.push(seen);
        readable.push(signature);
    }
    if judged.signatures.is_empty() {
        return judged;
    }
    (judged.verdict, judged.summary) = match verification {
        None => not_asked(&message, &readable),
        Some(_) => {
            let authenticity = message.authenticity(&verdicts);
            if let Authenticity::Authentic(authentic) = &authenticity {
                judged.signer = Some(authentic.signer.to_string());
            }
            asked(&authenticity)
        }
    };
    judged
}

/// What can be said without a key: whether the body is the one that was signed, and by whom.
fn not_asked(message: &Message<'_>, signatures: &[Signature]) -> (&'static str, String) {
    let from = message.from_domain().ok();
    let is_aligned = |signature: &&Signature| {
        from.as_ref().is_some_and(|from| Alignment::of(signature.domain(), from).is_some())
    };
    let is_intact = |signature: &&Signature| signature.body_hash(message) == BodyHash::Intact;
    let aligned = || signatures.iter().filter(is_aligned);
    if let Some(signature) = aligned().find(is_intact) {
        let summary = format!(
            "by {}, body intact; the signature itself is only checked with --verify, which asks \
             DNS for the key",
            signature.domain()
        );
        return ("not-asked", summary);
    }
    let summary = match (aligned().next(), signatures.first()) {
        (Some(signature), _) => format!(
            "by {}, but the body was changed after that, so nobody vouches for it any more",
            signature.domain()
        ),
        (None, Some(signature)) => format!(
            "by {}, which is not the domain in From, so nobody vouches for it",
            signature.domain()
        ),
        (None, None) => "in a way that cannot be verified, so nobody vouches for it".to_owned(),
    };
    ("not-verified", summary)
}

fn asked(authenticity: &Authenticity) -> (&'static str, String) {
    match authenticity {
        Authenticity::Authentic(authentic) => {
            ("verified", format!("verified: {} signed it, by its key in DNS", authentic.signer))
        }
        Authenticity::Undecided => (
            "could-not-tell",
            "could not tell: the key could not be looked up in DNS; try again later".to_owned(),
        ),
        Authenticity::Doubtful(
            doubt @ Doubt::Failed(Failure::Expired { .. } | Failure::KeyGone),
        ) => (
            "not-verified",
            format!("not verified: {doubt}; when the mail came in, this may have been different"),
        ),
        Authenticity::Doubtful(doubt) => ("not-verified", format!("not verified: {doubt}")),
    }
}
