//! What `show` has to say, as data, for JSON and for the page. The JSON Schema is made from these
//! types.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// What was found in one file. All text in it that comes from outside is as it was written.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// The file, or `standard input`.
    pub(super) source: String,
    /// The reports in it.
    pub(super) reports: Vec<ReportShown>,
    /// What looked like a report and could not be read.
    pub(super) unreadable: Vec<UnreadableShown>,
    /// What was unusual about the mail or the packing.
    pub(super) notes: Vec<NoteShown>,
}

/// Something that gave no report.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UnreadableShown {
    /// A stable name of the reason.
    pub(super) code: &'static str,
    /// The reason.
    pub(super) message: String,
    /// Where in the mail; empty for all of it.
    pub(super) place: String,
    /// What to do.
    pub(super) fix: &'static str,
}

/// Something unusual.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NoteShown {
    /// A stable name.
    pub(super) code: &'static str,
    /// The same in words.
    pub(super) message: String,
    /// Where in the mail; empty for all of it.
    pub(super) place: String,
}

/// One report.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ReportShown {
    /// Where in the mail or archive; empty for a file that is the report.
    pub(super) place: String,
    /// Who reports, by its own word.
    pub(super) organization: Option<String>,
    /// An address for questions.
    pub(super) contact: Option<String>,
    /// The reporter's name for the report.
    pub(super) report_id: Option<String>,
    /// The mails it came in, the innermost first; empty for a report outside of mails.
    pub(super) mails: Vec<MailShown>,
    /// Which days it is about.
    pub(super) range: RangeShown,
    /// By policy domain.
    pub(super) domains: Vec<DomainShown>,
    /// What had to be mended or was unusual, by kind.
    pub(super) repairs: Vec<RepairsShown>,
    /// Was every number of sessions read? If not, the numbers are those that were.
    pub(super) complete: bool,
    /// What became of it in the store that was named, one for each of its domains; null without one.
    pub(super) stored: Option<Vec<StoredShown>>,
}

/// A report as it is stored.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct StoredShown {
    /// Its number in the store.
    pub(super) number: i64,
    /// The policy domain.
    pub(super) domain: Option<String>,
    /// `counted`, `unverified` or `not-ours`.
    pub(super) scope: &'static str,
    /// `verified`, `vouched`, `admitted` or `unverified`.
    pub(super) trust: &'static str,
    /// `current`, or `superseded` by a revision.
    pub(super) state: &'static str,
    /// Does it count no more sessions than its sender brought mails with reports on the domain in
    /// that time? Then it most likely tells of these.
    pub(super) is_echo: bool,
}

/// A mail, and who vouches for it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MailShown {
    /// The address in `From`; proven by nothing but a signature.
    pub(super) from: Option<String>,
    /// `verified`, `not-verified`, `not-asked`, `could-not-tell` or `unsigned`.
    pub(super) verdict: &'static str,
    /// The domain that is proven to have sent it.
    pub(super) signer: Option<String>,
    /// The verdict as a sentence.
    pub(super) summary: String,
    /// Its DKIM signatures, the topmost first.
    pub(super) signatures: Vec<SignatureShown>,
}

/// A DKIM signature.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SignatureShown {
    /// The domain that signed; null if the signature can't be read.
    pub(super) domain: Option<String>,
    /// Where its key is.
    pub(super) key: Option<String>,
    /// Is the body the one that was signed? Null if the signature can't be read.
    pub(super) body_intact: Option<bool>,
    /// What became of it, where DNS was asked, or why it can't be read.
    pub(super) verdict: Option<String>,
}

/// The time that a report covers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RangeShown {
    /// As reported.
    #[schemars(with = "Option<String>")]
    pub(super) start: Option<Timestamp>,
    /// As reported.
    #[schemars(with = "Option<String>")]
    pub(super) end: Option<Timestamp>,
    /// The days of UTC that it touches.
    pub(super) days: Vec<String>,
    /// The same in words.
    pub(super) words: String,
    /// What is odd about it, if anything is.
    pub(super) odd: Option<&'static str>,
}

/// A number, of which the report may leave open how great it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct NumberShown {
    /// The number to show.
    pub(super) likely: u64,
    /// At least so many.
    pub(super) lower: u64,
    /// At most so many.
    pub(super) upper: u64,
}

/// What a report says of one policy domain.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct DomainShown {
    /// The domain; null where the report names none.
    pub(super) domain: Option<String>,
    /// The domain that the report's id speaks of, where the report names none.
    pub(super) domain_by_report_id: Option<String>,
    /// Sessions.
    pub(super) total: NumberShown,
    /// Those that failed under no policy.
    pub(super) successful: NumberShown,
    /// Those that failed under some policy.
    pub(super) failed: NumberShown,
    /// Why the numbers are not exact, if they are not.
    pub(super) inexact: Option<&'static str>,
    /// Did every policy come with both numbers?
    pub(super) complete: bool,
    /// The policies, as reported.
    pub(super) policies: Vec<PolicyShown>,
    /// The failures by result type, the most frequent first.
    pub(super) failures: Vec<ResultShown>,
    /// How the failures add up beside the number that failed: `adds-up`, `below`, `above`.
    pub(super) details: &'static str,
    /// MX hosts that failed and that no pattern of the reported policy covers.
    pub(super) uncovered: Vec<UncoveredShown>,
}

/// A policy, as the reporter saw it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PolicyShown {
    /// `sts`, `tlsa`, `no-policy-found`, or whatever was written.
    #[serde(rename = "type")]
    pub(super) policy_type: Option<String>,
    /// Sessions under it that were fine.
    pub(super) successful: Option<u64>,
    /// Sessions under it that failed.
    pub(super) failed: Option<u64>,
    /// Of MTA-STS, `enforce`, `testing` or `none`.
    pub(super) mode: Option<String>,
    /// Of MTA-STS, the patterns of the mail hosts.
    pub(super) mx: Vec<String>,
    /// Of MTA-STS, in seconds.
    pub(super) max_age: Option<u32>,
    /// Why senders can't use the policy text that was reported, if they can't.
    pub(super) defect: Option<String>,
    /// The lines or TLSA records, as reported.
    pub(super) text: Vec<String>,
}

/// The failures of one result type.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ResultShown {
    /// The result type, as reported.
    pub(super) result_type: Option<String>,
    /// The stable code of the cause that it stands for, such as `FAIL111`.
    pub(super) cause: &'static str,
    /// The cause in a few words.
    pub(super) title: String,
    /// What it means.
    pub(super) meaning: String,
    /// What to do.
    pub(super) action: String,
    /// Where it is laid down.
    pub(super) source: String,
    /// How many sessions.
    pub(super) sessions: NumberShown,
    /// By hosts, addresses and reason, the most frequent first.
    pub(super) details: Vec<FailureShown>,
}

/// Failures that are alike.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FailureShown {
    /// How many sessions.
    pub(super) sessions: NumberShown,
    /// The MX host.
    pub(super) mx: Option<String>,
    /// What it called itself.
    pub(super) helo: Option<String>,
    /// Its address.
    pub(super) receiving_ip: Option<String>,
    /// The reporter's address.
    pub(super) sending_ip: Option<String>,
    /// The reason, a code or free text.
    pub(super) reason: Option<String>,
    /// What the reason means, where that is known.
    pub(super) reason_meaning: Option<String>,
    /// Where the reporter says more; not checked, so not to be followed blindly.
    pub(super) information: Option<String>,
}

/// MX hosts that no pattern of a reported policy covers.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UncoveredShown {
    /// The hosts.
    pub(super) hosts: Vec<String>,
    /// The patterns of the policy.
    pub(super) patterns: Vec<String>,
    /// The wildcard that was perhaps meant to cover one of them: it stands for one label only.
    pub(super) near: Option<String>,
}

/// Repairs of one kind.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RepairsShown {
    /// A stable name.
    pub(super) code: &'static str,
    /// `breaks-peers`, `wrong` or `unusual`.
    pub(super) severity: &'static str,
    /// What is wrong and how to mend it, to the sender.
    pub(super) message: &'static str,
    /// How often it was met; of more than 1,000 repairs the rest is not counted.
    pub(super) count: usize,
    /// Can numbers of sessions be missing for it?
    pub(super) loses_numbers: bool,
}
