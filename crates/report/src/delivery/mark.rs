//! The mark of a mail, by which it is known when it comes back, and that of all reports of one store.

use sealpost_store::{
    Digest, StoreError, Submissions,
    submissions::{Sending, SubmissionId},
};
use tls_rpt::ReportFace;

/// What a mark begins with.
const BEGINNING: &str = "tlsrpt.";
/// Hexadecimal digits that nobody can guess.
const DIGITS: usize = 16;
/// Hexadecimal digits by which stores are told apart that report for one contact.
const ORIGIN_DIGITS: usize = 10;

/// What the ids of all reports from one store have in common ([`ReportFace::origin`]), and those from
/// another have not: else a receiver would take two reports on one domain and day for the same, and
/// count one.
pub(super) fn origin(sending: &Sending) -> String {
    hexadecimal(&format!("{}\norigin", sending.secret), ORIGIN_DIGITS)
}

/// The face of the reports that leave this store. Before any has left, nothing tells them apart from
/// those that leave another one.
///
/// # Errors
///
/// What [`StoreError`] says of reading.
pub async fn face_in(
    submissions: &Submissions,
    face: ReportFace,
) -> Result<ReportFace, StoreError> {
    Ok(match submissions.sending().await? {
        Some(sending) => ReportFace { origin: origin(&sending), ..face },
        None => face,
    })
}

/// `tlsrpt.NUMBER.DIGITS`: the number of a submission, and digits that only we can make. It stands
/// on the left side of a `Message-ID`, and in a return path.
pub(super) fn mark(secret: &str, id: SubmissionId, rua: &str) -> String {
    format!("{BEGINNING}{}.{}", id.0, digits(secret, id, rua))
}

fn digits(secret: &str, id: SubmissionId, rua: &str) -> String {
    hexadecimal(&format!("{secret}\n{}\n{rua}", id.0), DIGITS)
}

/// So many digits of the digest of a text.
fn hexadecimal(text: &str, digits: usize) -> String {
    let digest = Digest::of(text.as_bytes());
    let octets = digest.as_bytes().iter().take(digits / 2);
    octets.map(|octet| format!("{octet:02x}")).collect()
}

/// Something that looks like a mark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Likeness {
    pub(super) id: SubmissionId,
    digits: String,
}

impl Likeness {
    /// Whether it is the mark of a mail to this URI.
    pub(super) fn is_mark(&self, secret: &str, rua: &str) -> bool {
        self.digits == digits(secret, self.id, rua)
    }
}

/// Everything in a text that looks like a mark, each once, at most so many.
pub(super) fn likenesses(text: &str, most: usize) -> Vec<Likeness> {
    let mut found: Vec<Likeness> = Vec::new();
    for (start, _) in text.match_indices(BEGINNING) {
        let rest = text.get(start + BEGINNING.len()..).unwrap_or_default();
        let Some((number, rest)) = rest.split_once('.') else { continue };
        let digits = rest.get(..DIGITS).unwrap_or_default();
        let is_digit = |octet: u8| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet);
        if number.is_empty() || !number.bytes().all(|octet| octet.is_ascii_digit()) {
            continue;
        }
        let Ok(number) = number.parse() else { continue };
        let one = Likeness { id: SubmissionId(number), digits: digits.to_owned() };
        if digits.len() == DIGITS && digits.bytes().all(is_digit) && !found.contains(&one) {
            found.push(one);
        }
        if found.len() == most {
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mark_is_found_again_and_cannot_be_guessed() {
        let mark = mark("secret", SubmissionId(17), "mailto:a@b.test");
        let text = format!("To: <a+{mark}@r.test> tlsrpt.x.y tlsrpt.1.00 <{mark}@r.test> tlsrpt.");
        let found = likenesses(&text, 10);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].is_mark("secret", "mailto:a@b.test"));
        assert!(!found[0].is_mark("another", "mailto:a@b.test"));
        assert!(!found[0].is_mark("secret", "mailto:c@b.test"));
        assert_eq!(likenesses(&text, 0).len(), 1);
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd(text in ".*", more in "(tlsrpt\\.[0-9a-f.ä]{0,40})*") {
            prop_assert!(likenesses(&(text + &more), 5).len() <= 5);
        }
    }
}
