//! Whether a mail is from the domain that it says it is from.

use mail_domain::DomainName;

use crate::{Failure, FromFault, Message, Pass, Signature, Verdict};

/// Whether a mail is from the domain that it says it is from (RFC 8460 section 3).
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authenticity {
    /// It is.
    Authentic(Authentic),
    /// It is not, as far as can ever be told.
    Doubtful(Doubt),
    /// The key of an aligned signature could not be looked up, and no other one holds. Ask again.
    Undecided,
}

/// What is proven of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentic {
    /// The domain that signed: what the sender is to be known by.
    pub signer: DomainName,
    /// The domain in `From`.
    pub from: DomainName,
    /// How the two are related.
    pub alignment: Alignment,
    /// Which of the verdicts it was, as an index.
    pub signature: usize,
    /// What is known of the signature.
    pub pass: Pass,
}

/// How the domain that signed is related to the domain in `From`; the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alignment {
    /// They are the same.
    Exact,
    /// The signer is above: it could take over the domain in `From` at any time.
    SignerAbove,
    /// The signer is below, as services that send for a domain often are.
    SignerBelow,
}

/// Why a mail is not proven to be from its domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Doubt {
    /// Whom it is from is not clear.
    #[error("whom the mail is from is not clear: {0}")]
    From(FromFault),
    /// There is no signature that could be verified.
    #[error("the mail has no DKIM signature to verify, and RFC 8460 has such reports ignored")]
    NoSignature,
    /// No signature is of the domain in `From`, nor of one above or below.
    #[error("no signature is by the domain in `From`")]
    NotAligned,
    /// Those of the domain in `From` do not hold; this is why the best one does not.
    #[error("the signature by the domain in `From` does not hold: {0}")]
    Failed(Failure),
}

impl Alignment {
    /// How the two are related; `None` if they are strangers.
    ///
    /// No list of public suffixes is asked. A domain above may always speak for those below: who
    /// holds it also delegates them. A domain below may speak for the one above only if that belongs
    /// to the same people, which it does not if it is a public suffix, and a list would tell. But it
    /// would be data to keep fresh, for a gain near nothing: the sender is known by the domain that
    /// *signed*, so `evil.co.uk` with a mail from `co.uk` remains `evil.co.uk`. What a list could
    /// allow besides, signers in sibling domains, no sender of reports is known to need. A signer
    /// that is a single label is no organisation.
    pub fn of(signer: &DomainName, from: &DomainName) -> Option<Self> {
        let has_labels = |name: &DomainName| name.labels().nth(1).is_some();
        if signer == from {
            Some(Self::Exact)
        } else if from.is_subdomain_of(signer) && has_labels(signer) {
            Some(Self::SignerAbove)
        } else if signer.is_subdomain_of(from) && has_labels(from) {
            Some(Self::SignerBelow)
        } else {
            None
        }
    }
}

impl Message<'_> {
    /// Makes one judgement of the verdicts on this message's signatures.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# Reports sent via SMTP MUST contain a valid
    //# DomainKeys Identified Mail (DKIM) [RFC6376] signature by the
    //# reporting domain.
    pub fn authenticity(&self, verdicts: &[(Signature, Verdict)]) -> Authenticity {
        let from = match self.from_domain() {
            Ok(from) => from,
            Err(fault) => return Authenticity::Doubtful(Doubt::From(fault)),
        };
        let mut aligned: Vec<(Alignment, usize, &Signature, &Verdict)> = verdicts
            .iter()
            .enumerate()
            .filter_map(|(index, (signature, verdict))| {
                let alignment = Alignment::of(signature.domain(), &from)?;
                Some((alignment, index, signature, verdict))
            })
            .collect();
        aligned.sort_by_key(|(alignment, index, ..)| (*alignment, *index));

        for (alignment, index, signature, verdict) in &aligned {
            if let Verdict::Pass(pass) = verdict {
                return Authenticity::Authentic(Authentic {
                    signer: signature.domain().clone(),
                    from,
                    alignment: *alignment,
                    signature: *index,
                    pass: *pass,
                });
            }
        }
        if aligned.iter().any(|(.., verdict)| **verdict == Verdict::Undecided) {
            return Authenticity::Undecided;
        }
        let failure = aligned.iter().find_map(|(.., verdict)| match verdict {
            Verdict::Fail(failure) => Some(failure.clone()),
            _ => None,
        });
        Authenticity::Doubtful(match failure {
            Some(failure) => Doubt::Failed(failure),
            None if verdicts.is_empty() => Doubt::NoSignature,
            None => Doubt::NotAligned,
        })
    }
}

impl Authenticity {
    /// A name that never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Authentic(_) => "authentic",
            Self::Undecided => "key-unknown",
            Self::Doubtful(Doubt::From(_)) => "from-unclear",
            Self::Doubtful(Doubt::NoSignature) => "no-signature",
            Self::Doubtful(Doubt::NotAligned) => "not-aligned",
            Self::Doubtful(Doubt::Failed(failure)) => failure.code(),
        }
    }
}
