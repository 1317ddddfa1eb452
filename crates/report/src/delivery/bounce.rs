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

use super::mark::likenesses;

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
    let text = String::from_utf8_lossy(mail.get(..MOST_OCTETS).unwrap_or(mail));
    let Some(status) = Status::of(&text) else { return Ok(Bounced::NoNotification) };
    if !status.is_final {
        return Ok(Bounced::NotFinal);
    }
    let Some(sending) = submissions.sending().await? else { return Ok(Bounced::NotOurs) };
    for likeness in likenesses(&text, MOST_MARKS) {
        let Some(rua) = submissions.rua(likeness.id).await? else { continue };
        if !likeness.is_mark(&sending.secret, &rua) {
            continue;
        }
        let suppression = Suppression {
            destination: rua.clone(),
            since: now,
            until: now.saturating_add(i64::from(days) * DAY),
            reason: format!("mail came back: {}", status.reason),
        };
        let reason = suppression.reason.clone();
        return Ok(match submissions.bounce(likeness.id, suppression).await? {
            true => Bounced::Suppressed { id: likeness.id, rua, reason },
            false => Bounced::Known { id: likeness.id },
        });
    }
    Ok(Bounced::NotOurs)
}

/// What a notification says of the delivery.
#[derive(Debug, PartialEq, Eq)]
struct Status {
    is_final: bool,
    reason: String,
}

impl Status {
    /// Reads the part `message/delivery-status`; `None` if there is none.
    fn of(mail: &str) -> Option<Self> {
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
        Some(Self { is_final, reason })
    }
}

/// Adds a text from outside, without control characters.
fn add(reason: &mut String, text: &str) {
    if !reason.is_empty() && !text.is_empty() {
        reason.push(' ');
    }
    let room = LONGEST.saturating_sub(reason.chars().count());
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
        let status = Status::of(FAILED).unwrap();
        assert_eq!(
            status,
            Status { is_final: true, reason: "5.1.1 smtp; 550 5.1.1 no such user".to_owned() }
        );
        for word in ["delayed", "delivered", "relayed", "expanded"] {
            let text = FAILED.replace("Action: failed", &format!("ACTION : {word}"));
            assert!(!Status::of(&text).unwrap().is_final, "{word}");
        }
        let answer = "From: a@b.test\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n";
        assert_eq!(Status::of(answer), None);
        assert_eq!(Status::of(&FAILED.replace("Action:", "Aktion:")), None);
    }

    proptest! {
        #[test]
        fn no_mail_is_too_odd(start in 0_usize..500, end in 0_usize..500, junk in ".*") {
            let text: String = FAILED.chars().skip(start).take(end).chain(junk.chars()).collect();
            if let Some(status) = Status::of(&format!("{FAILED}{text}")) {
                prop_assert!(status.reason.chars().count() <= LONGEST + 1);
            }
            let _ = Status::of(&text);
        }
    }
}
