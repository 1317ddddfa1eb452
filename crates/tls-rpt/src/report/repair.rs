//! What can be wrong with a report, in one table.

use std::fmt;

use super::locate::{self, locate};
use crate::Span;

/// Something about a report that a strict reader would stumble over, and that was mended or noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What it is.
    pub kind: RepairKind,
    /// Where it is: a JSON pointer (RFC 6901) into the text, for [`locate`](crate::locate). Of a
    /// member that is missing, where it should be. Holds names from outside, which may contain any
    /// character; `Display` escapes them.
    pub place: String,
}

impl Repair {
    /// The part of the text to show, in the octets that were read.
    ///
    /// Mostly that of the [`place`](Self::place), as [`locate`] finds it; of what stands around the
    /// report or breaks it off, that itself. The time is that of reading the text once.
    pub fn span(&self, octets: &[u8]) -> Option<Span> {
        match self.kind {
            RepairKind::ByteOrderMark | RepairKind::LeadingOctets => Some(locate::front(octets)),
            RepairKind::TrailingOctets | RepairKind::FurtherReports if self.place.is_empty() => {
                Some(locate::back(octets))
            }
            RepairKind::JsonTruncated | RepairKind::JsonBroken => {
                locate::stop(octets).or_else(|| locate(octets, &self.place))
            }
            _ => locate(octets, &self.place),
        }
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place.escape_debug())?;
        }
        f.write_str(self.kind.sentence())
    }
}

/// How much a repair matters to the sender of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Allowed, yet not what readers expect, or a sign that the numbers need care.
    Unusual,
    /// Against RFC 8460 or what it builds on.
    Wrong,
    /// Known programs, or any strict reader of JSON, lose the report or a part of it.
    BreaksPeers,
}

/// What a repair cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Loss {
    /// Every number of sessions was read.
    Nothing,
    /// Numbers of sessions, or whole entries, may be missing from what was read.
    Numbers,
}

/// The definition of a kind of repair.
struct Definition {
    kind: RepairKind,
    code: &'static str,
    severity: Severity,
    loss: Loss,
    section: &'static str,
    sentence: &'static str,
}

macro_rules! repairs {
    ($($kind:ident $code:literal $severity:ident $loss:ident $section:literal $sentence:literal)*) => {
        /// A kind of repair.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum RepairKind {
            $(#[doc = concat!("`", $code, "`: ", $sentence, ".")] $kind,)*
        }

        /// The table; a kind's row is that of its number.
        const DEFINITIONS: &[Definition] = &[$(Definition {
            kind: RepairKind::$kind,
            code: $code,
            severity: Severity::$severity,
            loss: Loss::$loss,
            section: $section,
            sentence: $sentence,
        },)*];

        impl RepairKind {
            /// Every kind, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];
        }
    };
}

repairs! {
    // The text.
    ByteOrderMark "byte-order-mark" BreaksPeers Nothing "RFC 8259 §8.1"
        "the text begins with a byte order mark; write none"
    Utf16 "utf-16" BreaksPeers Nothing "RFC 8259 §8.1"
        "the text is UTF-16; write UTF-8"
    NotUtf8 "not-utf8" BreaksPeers Nothing "RFC 8259 §8.1"
        "a string holds octets that are not UTF-8, read as U+FFFD; write UTF-8"
    LeadingOctets "leading-octets" BreaksPeers Nothing "RFC 8259 §2"
        "something stands before the JSON object; write nothing but the object"
    TrailingOctets "trailing-octets" BreaksPeers Nothing "RFC 8259 §2"
        "something stands behind the JSON object and was not read; write nothing but the object"
    InArray "in-array" BreaksPeers Nothing "RFC 8460 §4.4"
        "the report stands in an array; write the object by itself"
    FurtherReports "further-reports" BreaksPeers Numbers "RFC 8460 §5.3"
        "another report seems to follow in the same text and was not read; send each by itself"
    SeveralInText "several-in-text" BreaksPeers Nothing "RFC 8460 §5.3"
        "several reports stand in one text, each was read; send each by itself"
    GzipTrailer "gzip-trailer" BreaksPeers Nothing "RFC 1952 §2.3.1"
        "the checksum or length after the gzip data is cut off or does not fit, what was packed was read; send it whole"
    JsonTruncated "json-truncated" BreaksPeers Numbers "RFC 8259 §2"
        "the text ends in the middle, what stands before was read; send it whole"
    JsonBroken "json-broken" BreaksPeers Numbers "RFC 8259 §2"
        "here the text stops being JSON, what stands before was read; write it with a JSON library"
    JsonComma "json-comma" BreaksPeers Nothing "RFC 8259 §4"
        "a comma is missing or too many; write exactly one between two members"
    JsonWord "json-word" BreaksPeers Nothing "RFC 8259 §3"
        "a word such as NaN is no JSON value; leave the member out when there is no value"
    JsonNumber "json-number" BreaksPeers Nothing "RFC 8259 §6"
        "a number is not written as JSON numbers are; write plain digits without leading zeros"
    JsonString "json-string" BreaksPeers Nothing "RFC 8259 §7"
        "a string holds a raw control character, an unknown escape or half a surrogate pair; escape it properly"
    NestedTooDeep "nested-too-deep" BreaksPeers Nothing "RFC 8259 §9"
        "arrays or objects are nested deeper than any report needs and were left out; write them flat"

    // Members.
    UnknownKey "unknown-key" Unusual Nothing "RFC 7493 §4.2"
        "the member is not defined; it was kept, and most readers ignore it"
    DraftKey "draft-key" BreaksPeers Nothing "RFC 8460 §4.4"
        "the member has the name that it had in a draft; write the name of the RFC"
    KeyForm "key-form" BreaksPeers Nothing "RFC 8460 §4.4"
        "the name of the member is written in another way; write it in lower case with hyphens"
    DuplicateKey "duplicate-key" BreaksPeers Nothing "RFC 7493 §2.3"
        "the member is there twice and the last readable one counts; write it once"
    DuplicateNumbers "duplicate-numbers" BreaksPeers Numbers "RFC 7493 §2.3"
        "the member with the numbers is there twice and the last readable one counts; write it once"
    TooManyUnknownKeys "too-many-unknown-keys" Wrong Nothing "RFC 7493 §4.2"
        "the report has more unknown members than are kept; leave them out"
    NullValue "null-value" BreaksPeers Nothing "RFC 8460 §4.4"
        "the value is null; leave the member out, or give a value if it is required"
    WrongType "wrong-type" BreaksPeers Nothing "RFC 8460 §4.4"
        "the value has a type that cannot be used here and was left out; write the type of the schema"
    NumberForText "number-for-text" BreaksPeers Nothing "RFC 8460 §4.4"
        "a number stands for a string; write it in quotes"
    ArrayForText "array-for-text" BreaksPeers Nothing "RFC 8460 §4.4"
        "an array stands for a string and its first string was taken; write one string"
    ObjectForArray "object-for-array" BreaksPeers Nothing "RFC 8460 §4.4"
        "an object stands for an array; put it into an array, also when it is the only one"
    TextEmpty "text-empty" Wrong Nothing "RFC 8460 §4.4"
        "the string is empty; leave the member out, or give a value if it is required"
    TextTooLong "text-too-long" Wrong Nothing "RFC 8460 §4.4"
        "the string is longer than is kept and was cut; write a short text"
    TooManyStrings "too-many-strings" Wrong Nothing "RFC 8460 §4.4"
        "the report has more strings of policies than are kept; a policy needs a few"
    EmptyArray "empty-array" Unusual Nothing "RFC 8460 §4.4"
        "the array is empty; the member can be left out"

    // The report.
    OrganizationNameMissing "organization-name-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "organization-name is missing; name the organisation that reports"
    ContactInfoMissing "contact-info-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "contact-info is missing; give a mail address"
    ContactInfoForm "contact-info-form" Wrong Nothing "RFC 8460 §4.4"
        "contact-info is no mail address; write one such as tls@example.com, without mailto:"
    ReportIdMissing "report-id-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "report-id is missing; give every report an identifier of its own"
    ReportIdOpen "report-id-open" Unusual Nothing "RFC 8460 §4.4"
        "report-id ends with a separator, as if the domain behind it were missing; check how it is made"
    ReportIdNotUnique "report-id-not-unique" Unusual Nothing "RFC 8460 §4.4"
        "report-id is made of date and domain alone, so other reporters write the same; add your own domain"
    PoliciesMissing "policies-missing" BreaksPeers Numbers "RFC 8460 §4.4"
        "policies is missing, so there are no numbers; list every policy with its summary"
    PoliciesEmpty "policies-empty" BreaksPeers Nothing "RFC 8460 §4.4"
        "policies is empty, so there are no numbers; send no report when there was no session"

    // Its dates.
    DateRangeMissing "date-range-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "date-range is missing; say which day the numbers are of"
    DateMissing "date-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "one end of the date-range is missing; give start-datetime and end-datetime"
    DateUnreadable "date-unreadable" BreaksPeers Nothing "RFC 3339 §5.6"
        "this is no date and time; write one such as 2026-09-10T00:00:00Z"
    DateNoZone "date-no-zone" BreaksPeers Nothing "RFC 3339 §5.6"
        "the time has no zone and was taken for UTC; end it with Z"
    DateOffset "date-offset" Unusual Nothing "RFC 8460 §4.1"
        "the time is not given in UTC and was converted; write UTC and Z"
    DateForm "date-form" BreaksPeers Nothing "RFC 3339 §5.6"
        "the time is written in another form; write it like 2026-09-10T00:00:00Z"
    DateOnly "date-only" BreaksPeers Nothing "RFC 3339 §5.6"
        "the date has no time; write it like 2026-09-10T00:00:00Z"
    DateNumber "date-number" BreaksPeers Nothing "RFC 3339 §5.6"
        "the time is a number, taken for seconds since 1970; write it like 2026-09-10T00:00:00Z"
    DateRangeReversed "date-range-reversed" Wrong Nothing "RFC 8460 §4.4"
        "the range ends before it begins, so its ends were swapped; write the earlier one as start-datetime"
    DateRangeEmpty "date-range-empty" Wrong Nothing "RFC 8460 §4.4"
        "the range begins and ends at the same instant; write the day that the numbers are of"
    DateEndMidnight "date-end-midnight" Unusual Nothing "RFC 8460 §4.1"
        "the range ends at the midnight after its last day; some readers take that for one day more, so end it at 23:59:59"
    DateRangeNotADay "date-range-not-a-day" Unusual Nothing "RFC 8460 §4.1"
        "the range is not one day of UTC, so the numbers can only be spread over days by guess; report from 00:00:00Z to 23:59:59Z"

    // A policy.
    PolicyMissing "policy-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "policy is missing, so nobody knows whose numbers these are; say type and domain"
    PolicyTypeMissing "policy-type-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "policy-type is missing; write tlsa, sts or no-policy-found"
    PolicyTypeForm "policy-type-form" BreaksPeers Nothing "RFC 8460 §4.4"
        "policy-type is written in another way; write tlsa, sts or no-policy-found in lower case"
    PolicyTypeUnknown "policy-type-unknown" Unusual Nothing "RFC 8460 §4.4"
        "policy-type is none of tlsa, sts and no-policy-found; some readers refuse the report for it"
    PolicyDomainMissing "policy-domain-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "policy-domain is missing, so nobody knows whose numbers these are; write it also where no policy was found"
    PolicyStringMissing "policy-string-missing" Unusual Nothing "RFC 8460 §4.5"
        "policy-string is missing though a policy was applied; write it, so that the receiver sees which one"
    PolicyStringText "policy-string-text" BreaksPeers Nothing "RFC 8460 §4.5"
        "policy-string is one string and was split; write an array with a string for each line or record"
    PolicyStringNested "policy-string-nested" BreaksPeers Nothing "RFC 8460 §4.5"
        "a string of policy-string holds an array in turn and was unpacked; write each record as a string of the outer array"
    PolicyStringJoined "policy-string-joined" Wrong Nothing "RFC 8460 §4.5"
        "a string of policy-string holds several lines and was split; write a string for each line or record"
    MxHostMissing "mx-host-missing" Unusual Nothing "RFC 8460 §4.4"
        "mx-host is missing though an MTA-STS policy was applied; write the patterns of its mx lines"
    MxHostText "mx-host-text" BreaksPeers Nothing "RFC 8460 §4.4, erratum 6241"
        "mx-host is one string; write an array of strings, as erratum 6241 mends the example of the RFC"
    MxHostPrefix "mx-host-prefix" Wrong Nothing "RFC 8460 §4.4"
        "a pattern in mx-host begins with mx:, which was dropped; write the pattern alone"
    PoliciesOverlap "policies-overlap" Unusual Nothing "RFC 8460 §4"
        "the domain has entries for tlsa and for sts, which may count the same sessions; readers must not add them up"

    // Its numbers.
    SummaryMissing "summary-missing" BreaksPeers Numbers "RFC 8460 §4.4"
        "summary is missing, so the numbers are; give both totals"
    CountMissing "count-missing" BreaksPeers Numbers "RFC 8460 §4.4"
        "the count is missing; write it, also when it is 0"
    CountText "count-text" BreaksPeers Nothing "RFC 8460 §4.4"
        "the count is a string; write a number without quotes"
    CountDecimal "count-decimal" BreaksPeers Nothing "RFC 8460 §4.4"
        "the count is written with a point or an exponent; write plain digits"
    CountFractional "count-fractional" BreaksPeers Nothing "RFC 8460 §4.4"
        "the count is no whole number and was rounded up; count sessions"
    CountNegative "count-negative" BreaksPeers Numbers "RFC 8460 §4.4"
        "the count is negative and was left out; count from 0 upwards"
    CountTooLarge "count-too-large" BreaksPeers Numbers "RFC 7493 §2.2"
        "the count is above 2^53 - 1, where numbers are no longer exact, and was left out; check the counter"
    CountUnreadable "count-unreadable" BreaksPeers Numbers "RFC 8460 §4.4"
        "the count is no number and was left out; write plain digits"
    FailureDetailsMissing "failure-details-missing" Unusual Nothing "RFC 8460 §4.4"
        "sessions failed and there is no failure detail; say how they failed"
    DetailsBelowTotal "details-below-total" Unusual Nothing "RFC 8460 §4"
        "the failure details add up to less than the total; say how every session failed"
    DetailsAboveTotal "details-above-total" Unusual Nothing "RFC 8460 §4"
        "the failure details add up to more than the total, so sessions are counted several times; a rate from their sum would be wrong"
    DetailAboveTotal "detail-above-total" Wrong Nothing "RFC 8460 §4.4"
        "one failure detail alone counts more sessions than failed; count each session in the total"

    // A failure detail.
    ResultTypeMissing "result-type-missing" BreaksPeers Nothing "RFC 8460 §4.4"
        "result-type is missing; say what went wrong"
    ResultTypeForm "result-type-form" BreaksPeers Nothing "RFC 8460 §4.3"
        "result-type is written in another way; write the registered name in lower case"
    ResultTypeUnknown "result-type-unknown" Unusual Nothing "RFC 8460 §4.3"
        "result-type is not registered; some readers refuse the report for it"
    SendingIpMissing "sending-mta-ip-missing" Unusual Nothing "RFC 8460 §4.4"
        "sending-mta-ip is missing; give it, so that the receiver can find the session in the log"
    ReceivingMxMissing "receiving-mx-hostname-missing" Unusual Nothing "RFC 8460 §4.4"
        "receiving-mx-hostname is missing; give it, so that the receiver knows which host to mend"
    ReceivingIpMissing "receiving-ip-missing" Unusual Nothing "RFC 8460 §4.4"
        "receiving-ip is missing; give it, so that the receiver knows which host to mend"
    ReasonCodeMissing "failure-reason-code-missing" Unusual Nothing "RFC 8460 §4.3"
        "failure-reason-code is missing though the result type is a general one; say what exactly went wrong"
    AdditionalInformationForm "additional-information-form" Wrong Nothing "RFC 8460 §4.4"
        "additional-information is no URI; put free text into failure-reason-code"

    // Names and addresses.
    IpEmpty "ip-empty" BreaksPeers Nothing "RFC 8460 §4.4"
        "the address is an empty string; leave the member out when the address is unknown"
    IpForm "ip-form" BreaksPeers Nothing "RFC 8460 §4.4"
        "the address stands with brackets, a port or a prefix, which were dropped; write the address alone"
    IpNotCanonical "ip-not-canonical" Unusual Nothing "RFC 5952 §4"
        "the IPv6 address is not in its canonical form; write it as RFC 5952 says"
    IpInvalid "ip-invalid" BreaksPeers Nothing "RFC 8460 §4.4"
        "this is no IP address and was kept as text; write an address or leave the member out"
    NameUpperCase "name-upper-case" Unusual Nothing "RFC 8460 §4.4"
        "the name has upper-case letters; write it in lower case, as readers compare names as text"
    NameTrailingDot "name-trailing-dot" Wrong Nothing "RFC 5321 §4.1.2"
        "the name ends with a dot, which was dropped; write it without"
    NameNotALabel "name-not-a-label" Wrong Nothing "RFC 8460 §4.4"
        "the name is internationalised and was converted; write it as A-labels (xn--)"
    NameInvalid "name-invalid" Wrong Nothing "RFC 8460 §4.4"
        "this is no host name and was kept as text; write the name of the domain or MX"
}

impl RepairKind {
    /// The code: stable, in kebab-case.
    pub fn code(self) -> &'static str {
        self.definition().code
    }

    /// What it means to the sender.
    pub fn severity(self) -> Severity {
        self.definition().severity
    }

    /// What it cost.
    pub fn loss(self) -> Loss {
        self.definition().loss
    }

    /// The rule, such as `RFC 8460 §4.4`.
    pub fn section(self) -> &'static str {
        self.definition().section
    }

    /// What is wrong and how to mend it: one lower-case sentence without a full stop.
    pub fn sentence(self) -> &'static str {
        self.definition().sentence
    }

    /// The kind with a code.
    pub fn from_code(code: &str) -> Option<Self> {
        DEFINITIONS.iter().find(|row| row.code == code).map(|row| row.kind)
    }

    #[expect(clippy::expect_used, reason = "the table has a row for each kind by construction")]
    fn definition(self) -> &'static Definition {
        DEFINITIONS.get(self as usize).expect("invariant: the table has a row for each kind")
    }
}

impl fmt::Display for RepairKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// The repairs of one report, in their order, bounded.
pub(super) struct RepairLog {
    kept: Vec<Repair>,
    left_out: u64,
    limit: usize,
    seen: u128,
}

const _: () = assert!(RepairKind::ALL.len() <= 128, "the log knows 128 kinds");

impl RepairLog {
    pub(super) fn new(limit: usize) -> Self {
        Self { kept: Vec::new(), left_out: 0, limit, seen: 0 }
    }

    pub(super) fn add(&mut self, kind: RepairKind, place: impl FnOnce() -> String) {
        let bit = 1_u128 << (kind as u32);
        if self.kept.len() < self.limit || self.seen & bit == 0 {
            self.kept.push(Repair { kind, place: place() });
            self.seen |= bit;
        } else {
            self.left_out = self.left_out.saturating_add(1);
        }
    }

    pub(super) fn finish(self) -> (Vec<Repair>, u64) {
        (self.kept, self.left_out)
    }
}
