//! Why nobody vouches for a report, in words.

/// The words for a reason of [`Trust::Unverified`](sealpost_evidence::traffic::Trust); `None` for
/// one that another version has written.
pub fn unverified_in_words(reason: &str) -> Option<&'static str> {
    WORDS.iter().find(|(code, _)| *code == reason).map(|(_, words)| *words)
}

/// Each reason and its words.
const WORDS: [(&str, &str); 24] = [
    // How it came.
    ("no-mail", "came in no mail, which alone can be signed"),
    ("https", "came by HTTPS, where nothing proves who sends"),
    ("header-unreadable", "the header of the mail cannot be read"),
    ("from-unclear", "whom the mail is from is not clear (From)"),
    // The signature.
    ("no-signature", "the mail has no DKIM signature that can be read"),
    ("not-aligned", "signed, yet not by the domain in From"),
    ("body-length-used", "signed in part only (l=), which RFC 8460 forbids"),
    ("body-changed", "the mail was changed on its way: a gateway, a list?"),
    ("header-changed", "the header was changed, or another key signed"),
    ("expired", "the signature had expired when the mail was read"),
    ("identity-below", "the key is for the domain itself, not for one below it"),
    // The key.
    ("key-gone", "the key of the signature is gone from DNS"),
    ("key-not-asked", "signed; no key was asked for (--no-dns)"),
    ("key-unknown", "the key could not be looked up for a day"),
    ("key-malformed", "the record of the key cannot be read"),
    ("key-version", "the record of the key is of another version"),
    ("key-empty", "the record of the key holds no key"),
    ("key-revoked", "the key was revoked by its owner (p= is empty)"),
    ("key-kind", "the key is of a kind that is not known"),
    ("key-unreadable", "the key itself cannot be read"),
    ("key-weak", "the key is too short to prove anything"),
    ("key-service", "the key is not for reports (s=)"),
    ("key-hash", "the key is not for this hash (h=)"),
    ("key-of-other-kind", "the key is of another kind than the signature"),
];

#[cfg(test)]
mod tests {
    use sealpost_dkim::{Authenticity, Doubt, Failure, FromFault, KeyFault};

    use super::*;

    #[test]
    fn every_reason_has_words_that_fit_into_a_line() {
        let failures = [
            Failure::BodyLengthUsed,
            Failure::BodyChanged,
            Failure::Expired { at: 0 },
            Failure::KeyGone,
            Failure::KeyOfOtherKind,
            Failure::IdentityBelow,
            Failure::HeaderChanged,
        ];
        let keys = [
            KeyFault::Malformed,
            KeyFault::Version,
            KeyFault::NoKey,
            KeyFault::Revoked,
            KeyFault::Kind,
            KeyFault::Unreadable,
            KeyFault::Weak { bits: 512 },
            KeyFault::Service,
            KeyFault::Hash,
        ];
        let failures = failures.into_iter().chain(keys.into_iter().map(Failure::Key));
        let doubts = failures.map(Doubt::Failed);
        let others = [Doubt::NoSignature, Doubt::NotAligned, Doubt::From(FromFault::Missing)];
        let doubts = doubts.chain(others).map(Authenticity::Doubtful);
        let codes = doubts.chain([Authenticity::Undecided]).map(|doubt| doubt.code());
        let here = ["no-mail", "https", "header-unreadable", "key-not-asked"];
        for code in codes.chain(here) {
            let words = unverified_in_words(code).unwrap_or_else(|| panic!("no words for {code}"));
            assert!(words.chars().count() < 60, "{words}");
        }
        assert_eq!(unverified_in_words("of-tomorrow"), None);
    }
}
