//! Mails that come back.
//!
//! A mail that nobody wants comes back to its return path as a delivery status notification
//! (RFC 3464). Which mail it was, its mark says, wherever it stands: in the return path, or in the
//! header of the returned mail. Nobody can make a mark but we, so a notification needs no other
//! proof; whoever got one of our mails can have only himself held back.
//!
//! # Limitations
//! - What is no notification in the form of RFC 3464 changes nothing, however much it complains.

use sealpost_store::{
    StoreError, Submissions,
    submissions::{SubmissionId, Suppression},
};

use super::mark::{Likeness, likenesses};

/// How much of a mail is read, in octets.
const MOST_OCTETS: usize = 1 << 20;
/// The most marks that are looked at.
const MOST_MARKS: usize = 50;
/// The most characters of an explanation that are kept.
const LONGEST: usize = 300;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// What a mail on the return path was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bounced {
    /// A report came back; its destination is held back from now on.
    Suppressed {
        /// Which one.
        id: SubmissionId,
        /// The destination.
        rua: String,
        /// Why.
        reason: String,
    },
    /// A report came back of which that is known.
    Known {
        /// Which one.
        id: SubmissionId,
    },
    /// The mail says nothing final: one that is late, or has arrived.
    NotFinal,
    /// It is no notification of RFC 3464.
    NoNotification,
    /// It is one, but of no mail of ours.
    NotOurs,
}

/// Takes a mail that came to the return path. The destination is held back for so many days.
///
/// # Errors
///
/// What [`StoreError`] says of writing. It may be repeated.
pub async fn take_bounce(
    submissions: &Submissions,
    mail: &[u8],
    now: i64,
    days: u16,
) -> Result<Bounced, StoreError> {
    let Some(notification) = DeliveryNotification::read(mail) else {
        return Ok(Bounced::NoNotification);
    };
    if !notification.is_final {
        return Ok(Bounced::NotFinal);
    }
    let Some(sending) = submissions.sending().await? else { return Ok(Bounced::NotOurs) };
    for likeness in notification.likenesses {
        let Some(rua) = submissions.rua(likeness.id).await? else { continue };
        if !likeness.is_mark(&sending.secret, &rua) {
            continue;
        }
        let suppression = Suppression {
            destination: rua.clone(),
            since: now,
            until: now.saturating_add(i64::from(days) * DAY),
            reason: format!("mail came back: {}", notification.reason),
        };
        let reason = suppression.reason.clone();
        return Ok(match submissions.bounce(likeness.id, suppression).await? {
            true => Bounced::Suppressed { id: likeness.id, rua, reason },
            false => Bounced::Known { id: likeness.id },
        });
    }
    Ok(Bounced::NotOurs)
}

/// A delivery status notification (RFC 3464), as far as it matters to who sends reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryNotification {
    /// Whether the mail will not arrive any more.
    pub is_final: bool,
    /// What is said of it: at most 301 characters, none of which controls a terminal.
    pub reason: String,
    /// What in the mail looks like a mark of ours.
    likenesses: Vec<Likeness>,
}

impl DeliveryNotification {
    /// Reads a mail, at most its first MiB; `None` if it is no notification.
    pub fn read(mail: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(mail.get(..MOST_OCTETS).unwrap_or(mail));
        let notification = Self::status(&text)?;
        Some(Self { likenesses: likenesses(&text, MOST_MARKS), ..notification })
    }

    /// The mails of ours that it may be about, each once; none of them is proven.
    pub fn submissions(&self) -> impl ExactSizeIterator<Item = SubmissionId> {
        self.likenesses.iter().map(|likeness| likeness.id)
    }

    /// Reads the part `message/delivery-status`; `None` if there is none.
    fn status(mail: &str) -> Option<Self> {
        const TYPE: &str = "message/delivery-status";
        let mut lines = mail.lines().skip_while(|line| {
            !(line.len() >= TYPE.len()
                && line.to_ascii_lowercase().starts_with("content-type:")
                && line.to_ascii_lowercase().contains(TYPE))
        });
        lines.next()?;
        let (mut actions, mut reason) = (Vec::new(), String::new());
        let mut continues = false;
        for line in lines.take_while(|line| !line.starts_with("--")) {
            let field = line.split_once(':').filter(|_| !line.starts_with([' ', '\t']));
            match field {
                Some((name, value)) => {
                    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
                    continues = name == "diagnostic-code";
                    match name.as_str() {
                        "action" => actions.push(value.to_ascii_lowercase()),
                        "status" | "diagnostic-code" => add(&mut reason, value),
                        _ => {}
                    }
                }
                None if continues => add(&mut reason, line.trim()),
                None => {}
            }
        }
        if actions.is_empty() {
            return None;
        }
        let is_final = actions.iter().any(|action| action == "failed");
        Some(Self { is_final, reason, likenesses: Vec::new() })
    }
}

/// Adds a text from outside, without control characters.
fn add(reason: &mut String, text: &str) {
    let room = LONGEST.saturating_sub(reason.chars().count());
    if room == 0 || text.is_empty() {
        return;
    }
    if !reason.is_empty() {
        reason.push(' ');
    }
    reason.extend(text.chars().filter(|character| !character.is_control()).take(room));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: &str = "From: MAILER-DAEMON\r\nContent-Type: multipart/report; boundary=b\r\n\
        \r\n--b\r\n\r\nhello\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; a@b.test\r\n\
        Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n    no such user\r\n\
        --b\r\nContent-Type: text/rfc822-headers\r\n\r\nAction: not this\r\n--b--\r\n";

    #[test]
    fn a_notification_says_whether_it_is_final_and_why() {
        let of = |text: &str| DeliveryNotification::read(text.as_bytes());
        let notification = of(FAILED).unwrap();
        assert!(notification.is_final);
        assert_eq!(notification.reason, "5.1.1 smtp; 550 5.1.1 no such user");
        assert_eq!(notification.submissions().len(), 0);
        let marked = of(&format!("{FAILED}To: <a+tlsrpt.17.0123456789abcdef@r.test>\r\n")).unwrap();
        assert_eq!(marked.submissions().collect::<Vec<_>>(), [SubmissionId(17)]);
        for word in ["delayed", "delivered", "relayed", "expanded"] {
            let text = FAILED.replace("Action: failed", &format!("ACTION : {word}"));
            assert!(!of(&text).unwrap().is_final, "{word}");
        }
        // However often it is said.
        let many = FAILED.replace("Status: 5.1.1\r\n", &"Status: 5.1.1\r\n".repeat(5_000));
        assert!(of(&many).unwrap().reason.chars().count() <= LONGEST + 1);
        let answer = "From: a@b.test\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n";
        assert_eq!(of(answer), None);
        assert_eq!(of(&FAILED.replace("Action:", "Aktion:")), None);
    }

    proptest! {
        #[test]
        fn no_mail_is_too_odd(start in 0_usize..500, end in 0_usize..500, junk in ".*") {
            let text: String = FAILED.chars().skip(start).take(end).chain(junk.chars()).collect();
            let both = format!("{FAILED}{text}");
            if let Some(notification) = DeliveryNotification::read(both.as_bytes()) {
                prop_assert!(notification.reason.chars().count() <= LONGEST + 1);
            }
            let _ = DeliveryNotification::read(text.as_bytes());
        }
    }
}
