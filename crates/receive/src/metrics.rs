//! What is counted.

use sealpost_evidence::traffic::Trust;
use sealpost_listen::smtp::SmtpCounts;
use sealpost_runtime::metrics::{Counter, CounterVec, Gauge, Histogram, Label};
use sealpost_store::{Origin, RawState, reports::Accepted};

sealpost_runtime::metric_table! {
    /// What the role counts.
    pub struct ReceiveMetrics {
        stored: CounterVec<Way> = "sealpost_receive_stored_total", "Submissions that were stored and acknowledged, by the way they came; repeated ones count again.";
        store_seconds: Histogram = "sealpost_receive_store_seconds", "How long it took until a submission was on the disk.";
        smtp_refused: CounterVec<MailRefusal> = "sealpost_receive_smtp_refused_total", "What was refused over SMTP, by reason.";
        lmtp_refused: CounterVec<MailRefusal> = "sealpost_receive_lmtp_refused_total", "What was refused over LMTP, by reason.";
        post_refused: CounterVec<PostRefusal> = "sealpost_receive_posts_refused_total", "Posts that were refused, by reason.";
        smtp_sessions: Gauge = "sealpost_receive_mail_sessions", "Sessions of SMTP and LMTP that are under way.";
        read: CounterVec<Outcome> = "sealpost_receive_read_total", "Submissions that were read, by what became of them; one whose key cannot be looked up counts each time as undecided.";
        quarantined: CounterVec<Reason> = "sealpost_receive_quarantined_total", "Submissions that were put into quarantine, by reason.";
        reports: CounterVec<Acceptance> = "sealpost_receive_reports_total", "Reports that were taken in, for each policy domain in them, by whether they were known.";
        trust: CounterVec<TrustLabel> = "sealpost_receive_reports_trust_total", "The same reports by how far they are believed.";
        read_seconds: Histogram = "sealpost_receive_read_seconds", "How long it took to read a submission, look-ups of keys included.";
        waiting: Gauge = "sealpost_receive_waiting", "Submissions that wait to be read.";
        unread: Gauge = "sealpost_receive_unread", "Stored submissions that nobody has read, at the last sweep.";
        mailbox_mails: CounterVec<MailboxOutcome> = "sealpost_receive_mailbox_mails_total", "Mails in mailboxes that are watched over IMAP, by what became of them.";
        mailbox_passes: CounterVec<MailboxSlot> = "sealpost_receive_mailbox_passes_total", "Times that all which a mailbox held was taken, by its place in the configuration; one that stands still is not read.";
        mailbox_failures: CounterVec<MailboxSlot> = "sealpost_receive_mailbox_failures_total", "Sessions with a mailbox that failed or could not begin, by its place in the configuration.";
        forgotten: Counter = "sealpost_receive_forgotten_total", "Submissions and reports that were forgotten because of their age.";
        store_failures: Counter = "sealpost_receive_store_failures_total", "Failures of the store; what was not stored was not acknowledged.";
        panics: Counter = "sealpost_receive_panics_total", "Tasks of the role that panicked, and submissions that were put aside because they made a reader fail.";
    }
}

/// A label for the ways by which submissions come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By SMTP.
    Smtp,
    /// By LMTP.
    Lmtp,
    /// By a post.
    Http,
    /// From a mailbox, over IMAP.
    Imap,
    /// From a Maildir.
    Maildir,
    /// Any other.
    Other,
}

impl Way {
    pub(crate) fn of(origin: Origin) -> Self {
        match origin {
            Origin::Smtp => Self::Smtp,
            Origin::Lmtp => Self::Lmtp,
            Origin::Http => Self::Http,
            Origin::Imap => Self::Imap,
            Origin::Maildir => Self::Maildir,
            _ => Self::Other,
        }
    }
}

impl Label for Way {
    const NAME: &'static str = "way";
    const VALUES: &'static [&'static str] = &["smtp", "lmtp", "http", "imap", "maildir", "other"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for what became of a mail in a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailboxOutcome {
    /// It is stored.
    Stored,
    /// It is too large, and is left.
    TooLarge,
    /// It is stored, and the server refuses to mark, move or delete it.
    Unsettled,
}

impl Label for MailboxOutcome {
    const NAME: &'static str = "outcome";
    const VALUES: &'static [&'static str] = &["stored", "too-large", "unsettled"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for a mailbox: its place among `[[receive.imap]]`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxSlot(usize);

impl MailboxSlot {
    /// The label of the one at this place, from 0.
    pub fn at(place: usize) -> Self {
        Self(place)
    }
}

impl Label for MailboxSlot {
    const NAME: &'static str = "mailbox";
    const VALUES: &'static [&'static str] =
        &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16"];

    fn index(self) -> usize {
        self.0
    }
}

/// A label for what a door of SMTP or LMTP refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailRefusal {
    /// A connection: its source had too many.
    Crowded,
    /// A recipient.
    Recipient,
    /// A message that is too large.
    TooLarge,
    /// A message with a bare CR or LF.
    Malformed,
    /// A message, for now: others fill the memory.
    NoRoom,
    /// A message, for now: the store fails.
    Deferred,
    /// A message, for good.
    Refused,
    /// A session that was too slow.
    TooSlow,
    /// A session that misbehaved.
    Misbehaved,
}

impl MailRefusal {
    /// How much of each was refused between two looks.
    pub(crate) fn between(before: &SmtpCounts, now: &SmtpCounts) -> [(Self, u64); 9] {
        let more = |of: fn(&SmtpCounts) -> u64| of(now).saturating_sub(of(before));
        [
            (Self::Crowded, more(|counts| counts.crowded)),
            (Self::Recipient, more(|counts| counts.recipients_refused)),
            (Self::TooLarge, more(|counts| counts.too_large)),
            (Self::Malformed, more(|counts| counts.malformed)),
            (Self::NoRoom, more(|counts| counts.without_room)),
            (Self::Deferred, more(|counts| counts.deferred)),
            (Self::Refused, more(|counts| counts.refused)),
            (Self::TooSlow, more(|counts| counts.too_slow)),
            (Self::Misbehaved, more(|counts| counts.misbehaved)),
        ]
    }
}

impl Label for MailRefusal {
    const NAME: &'static str = "reason";
    const VALUES: &'static [&'static str] = &[
        "crowded",
        "recipient",
        "too-large",
        "malformed",
        "no-room",
        "deferred",
        "refused",
        "too-slow",
        "misbehaved",
    ];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for what is refused of posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostRefusal {
    /// Another path or method.
    Target,
    /// Another media type.
    MediaType,
    /// Too many from one source.
    TooMany,
    /// No report can be in it.
    Content,
    /// It is kept and cannot be read.
    Unreadable,
    /// The store fails.
    Deferred,
}

impl Label for PostRefusal {
    const NAME: &'static str = "reason";
    const VALUES: &'static [&'static str] =
        &["target", "media-type", "too-many", "content", "unreadable", "deferred"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for what became of a submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A key could not be looked up.
    Undecided,
    /// It is taken in.
    Read,
    /// It could not be read, or not all of it.
    Quarantined,
    /// It is nothing for us.
    Refused,
}

impl Outcome {
    pub(crate) fn of(state: &RawState) -> Self {
        match state {
            RawState::New => Self::Undecided,
            RawState::Read => Self::Read,
            RawState::Quarantined { .. } => Self::Quarantined,
            RawState::Refused { .. } => Self::Refused,
        }
    }
}

impl Label for Outcome {
    const NAME: &'static str = "outcome";
    const VALUES: &'static [&'static str] = &["undecided", "read", "quarantined", "refused"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for why something is in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reason(usize);

impl Reason {
    pub(crate) fn of(code: &str) -> Self {
        let other = Self::VALUES.len() - 1;
        Self(Self::VALUES.iter().position(|known| *known == code).unwrap_or(other))
    }
}

impl Label for Reason {
    const NAME: &'static str = "reason";
    const VALUES: &'static [&'static str] = &[
        "no-report-in-mail",
        "mail-too-large",
        "mail-header-too-long",
        "no-mail",
        "empty",
        "no-report",
        "too-large",
        "too-large-unpacked",
        "ratio-too-high",
        "too-many",
        "too-deep",
        "gzip-truncated",
        "gzip-corrupt",
        "zip-empty",
        "zip-truncated",
        "zip-corrupt",
        "zip-encrypted",
        "zip-method",
        "too-long",
        "not-json",
        "not-a-report",
        "broken-off",
        "too-many-policies",
        "parts-cut",
        "depth-cut",
        "messages-cut",
        "reports-cut",
        "header-cut",
        "range-too-long",
        "out-of-bounds",
        "damaged",
        "reader-failed",
        "other",
    ];

    fn index(self) -> usize {
        self.0
    }
}

/// A label for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It was not known.
    New,
    /// It was known.
    Duplicate,
    /// Another version of it was known.
    Revision,
}

impl Acceptance {
    pub(crate) fn of(accepted: &Accepted) -> Self {
        match accepted {
            Accepted::New(_) => Self::New,
            Accepted::Duplicate(_) => Self::Duplicate,
            Accepted::Revision(_) => Self::Revision,
        }
    }
}

impl Label for Acceptance {
    const NAME: &'static str = "as";
    const VALUES: &'static [&'static str] = &["new", "duplicate", "revision"];

    fn index(self) -> usize {
        self as usize
    }
}

/// A label for how far a report is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustLabel {
    /// We have verified its signature.
    Verified,
    /// A server of ours has.
    Vouched,
    /// Its source is admitted.
    Admitted,
    /// By nothing: it came by HTTPS.
    Https,
    /// By nothing: its mail has no signature.
    NoSignature,
    /// By nothing: its mail is signed by a stranger.
    NotAligned,
    /// By nothing: the key of its signature is gone or cannot be looked up.
    NoKey,
    /// By nothing, for another reason.
    Unverified,
}

impl TrustLabel {
    pub(crate) fn of(trust: &Trust) -> Self {
        match trust {
            Trust::Verified { .. } => Self::Verified,
            Trust::Vouched { .. } => Self::Vouched,
            Trust::Admitted { .. } => Self::Admitted,
            Trust::Unverified { reason } => match reason.as_str() {
                "https" => Self::Https,
                "no-signature" => Self::NoSignature,
                "not-aligned" => Self::NotAligned,
                "key-unknown" | "key-gone" => Self::NoKey,
                _ => Self::Unverified,
            },
        }
    }
}

impl Label for TrustLabel {
    const NAME: &'static str = "trust";
    const VALUES: &'static [&'static str] = &[
        "verified",
        "vouched",
        "admitted",
        "unverified-https",
        "unverified-no-signature",
        "unverified-not-aligned",
        "unverified-no-key",
        "unverified-other",
    ];

    fn index(self) -> usize {
        self as usize
    }
}
