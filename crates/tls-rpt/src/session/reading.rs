//! The reader of the datagram.

use std::borrow::Cow;

use mail_domain::DomainName;

use super::failure::Texts;
use super::{
    SeenPolicy, Session, SessionFailure, SessionOutcome, SessionPolicy, SessionReading,
    SessionRefusal, SessionRepair,
};
use crate::report::json::{Cursor, Shape};
use crate::{PolicyType, RepairKind, ResultType};

type Read<T> = Result<T, SessionRefusal>;

/// The version of the protocol that is read.
const VERSION: &str = "1";
/// How deep a value may be that is read over.
const DEPTH: usize = 16;

pub(super) fn read(octets: &[u8]) -> Read<SessionReading> {
    if octets.len() > Session::MOST_OCTETS {
        return Err(SessionRefusal::TooLong);
    }
    // A string of C that is sent with its end.
    let octets = octets.strip_suffix(b"\0").unwrap_or(octets).trim_ascii();
    if octets.is_empty() {
        return Err(SessionRefusal::Empty);
    }
    let mut reader = Reader { cursor: Cursor::new(octets), repairs: Vec::new(), failures: 0 };
    let session = reader.datagram();
    if reader.cursor.is_stopped() {
        let is_broken_off = reader.cursor.take_faults().contains(&RepairKind::JsonTruncated);
        return Err(if is_broken_off {
            SessionRefusal::BrokenOff
        } else {
            SessionRefusal::NotJson
        });
    }
    let session = session?;
    reader.cursor.skip_space();
    if !reader.cursor.rest().is_empty() {
        return Err(SessionRefusal::NotJson);
    }
    reader.settle();
    Ok(SessionReading { session, repairs: reader.repairs })
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    repairs: Vec<SessionRepair>,
    failures: usize,
}

/// The members that an object has had.
#[derive(Default)]
struct Seen(u16);

impl Seen {
    fn add(&mut self, keys: &[&'static str], key: &str) -> Read<&'static str> {
        let Some(number) = keys.iter().position(|name| *name == key) else { return Ok("") };
        let name = keys.get(number).copied().unwrap_or_default();
        let bit = 1 << number;
        if self.0 & bit != 0 {
            return Err(SessionRefusal::Twice(name));
        }
        self.0 |= bit;
        Ok(name)
    }
}

impl<'t> Reader<'t> {
    fn datagram(&mut self) -> Read<Session> {
        if self.cursor.shape() != Shape::Object {
            return Err(SessionRefusal::NotJson);
        }
        let (mut version, mut domain, mut record, mut policies) = (None, None, None, None);
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(key) = self.cursor.key() {
            match seen.add(&["dpv", "d", "pr", "policies"], &key)? {
                "dpv" => {
                    version = self.text_or_number("dpv")?;
                    // What follows may be something else under the same letters.
                    if version.as_deref().is_some_and(|version| version != VERSION) {
                        return Err(SessionRefusal::Version);
                    }
                }
                "d" => domain = self.text("d")?,
                "pr" => record = self.text("pr")?.filter(|text| !text.trim().is_empty()),
                "policies" => policies = self.policies()?,
                _ => self.cursor.skip(DEPTH),
            }
        }
        if version.is_none() {
            self.note(SessionRepair::NoVersion);
        }
        let domain = self.name("d", domain.as_deref())?.ok_or(SessionRefusal::Missing("d"))?;
        let policies = policies.ok_or(SessionRefusal::Missing("policies"))?;
        if policies.is_empty() {
            return Err(SessionRefusal::NoPolicy);
        }
        let mut finished = Vec::with_capacity(policies.len());
        for policy in policies {
            finished.push(policy.finish(self, &domain));
        }
        Ok(Session { domain, record: record.map(Cow::into_owned), policies: finished })
    }

    fn policies(&mut self) -> Read<Option<Vec<Draft<'t>>>> {
        if !self.is_list("policies")? {
            return Ok(None);
        }
        let mut policies = Vec::new();
        while self.cursor.item() {
            if policies.len() == Session::MOST_POLICIES {
                return Err(SessionRefusal::TooMany);
            }
            if self.cursor.shape() != Shape::Object {
                return Err(SessionRefusal::WrongType("policies"));
            }
            policies.push(self.policy()?);
        }
        Ok(Some(policies))
    }

    fn policy(&mut self) -> Read<Draft<'t>> {
        const KEYS: &[&str] = &[
            "policy-type",
            "policy-domain",
            "policy-string",
            "mx-host",
            "failure-details",
            "t",
            "f",
        ];
        let (mut policy_type, mut domain, mut result, mut announced) = (None, None, None, None);
        let (mut strings, mut mx_host, mut failures) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(key) = self.cursor.key() {
            match seen.add(KEYS, &key)? {
                "policy-type" => policy_type = self.number("policy-type")?,
                "policy-domain" => domain = self.text("policy-domain")?,
                "policy-string" => strings = self.texts("policy-string")?,
                "mx-host" => mx_host = self.texts("mx-host")?,
                "failure-details" => failures = self.failures()?,
                "t" => announced = self.number("t")?,
                "f" => result = self.number("f")?,
                _ => self.cursor.skip(DEPTH),
            }
        }
        let policy_type = match policy_type.ok_or(SessionRefusal::Missing("policy-type"))? {
            1 => PolicyType::Tlsa,
            2 => PolicyType::Sts,
            9 => PolicyType::NoPolicyFound,
            _ => return Err(SessionRefusal::Number("policy-type")),
        };
        let outcome = match result.ok_or(SessionRefusal::Missing("f"))? {
            0 => SessionOutcome::Successful,
            1 => SessionOutcome::Failed,
            _ => return Err(SessionRefusal::Number("f")),
        };
        if announced.is_some_and(|count| usize::try_from(count) != Ok(failures.len())) {
            self.note(SessionRepair::FailureCount);
        }
        let domain = self.name("policy-domain", domain.as_deref())?;
        Ok(Draft { policy_type, domain, strings, mx_host, outcome, failures })
    }

    fn failures(&mut self) -> Read<Vec<SessionFailure>> {
        let mut failures = Vec::new();
        if !self.is_list("failure-details")? {
            return Ok(failures);
        }
        while self.cursor.item() {
            self.failures += 1;
            if self.failures > Session::MOST_FAILURES {
                return Err(SessionRefusal::TooMany);
            }
            if self.cursor.shape() != Shape::Object {
                return Err(SessionRefusal::WrongType("failure-details"));
            }
            failures.push(self.failure()?);
        }
        Ok(failures)
    }

    fn failure(&mut self) -> Read<SessionFailure> {
        let (mut code, mut texts) = (None, Texts::default());
        let mut seen = Seen::default();
        self.cursor.open();
        while let Some(key) = self.cursor.key() {
            match seen.add(&["c", "s", "n", "h", "r", "a", "f"], &key)? {
                "c" => code = self.number("c")?,
                "s" => texts.sending_mta_ip = self.text("s")?,
                "n" => texts.receiving_mx_hostname = self.text("n")?,
                "h" => texts.receiving_mx_helo = self.text("h")?,
                "r" => texts.receiving_ip = self.text("r")?,
                "a" => texts.additional_information = self.text("a")?,
                // In a policy, `f` is a number.
                "f" => texts.failure_reason_code = self.text("f")?,
                _ => self.cursor.skip(DEPTH),
            }
        }
        let code = code.ok_or(SessionRefusal::Missing("c"))?;
        let result_type = result_type(code);
        if result_type.is_none() {
            self.note(SessionRepair::FailureCode);
            let reason = texts.failure_reason_code.unwrap_or_default();
            texts.failure_reason_code = Some(format!("libtlsrpt-{code} {reason}").into());
        }
        // RFC 8460 section 4.3.3: a general failure for a reason that matches no category.
        let result_type = result_type.unwrap_or(ResultType::ValidationFailure);
        let (failure, is_whole) = SessionFailure::from_texts(result_type, texts);
        if !is_whole {
            self.note(SessionRepair::Address);
        }
        Ok(failure)
    }

    /// Opens an array; false if null stands there.
    fn is_list(&mut self, name: &'static str) -> Read<bool> {
        if self.cursor.shape() == Shape::Array {
            self.cursor.open();
            return Ok(true);
        }
        self.no_value(name)?;
        Ok(false)
    }

    fn texts(&mut self, name: &'static str) -> Read<Vec<Cow<'t, str>>> {
        let mut texts = Vec::new();
        if !self.is_list(name)? {
            return Ok(texts);
        }
        while self.cursor.item() {
            texts.extend(self.text(name)?);
        }
        Ok(texts)
    }

    /// A string; `None` for null.
    fn text(&mut self, name: &'static str) -> Read<Option<Cow<'t, str>>> {
        if self.cursor.shape() == Shape::Text {
            return Ok(self.cursor.string());
        }
        self.no_value(name)?;
        Ok(None)
    }

    fn text_or_number(&mut self, name: &'static str) -> Read<Option<Cow<'t, str>>> {
        if self.cursor.shape() == Shape::Number {
            return Ok(self.cursor.number().map(Cow::Borrowed));
        }
        self.text(name)
    }

    fn number(&mut self, name: &'static str) -> Read<Option<u32>> {
        if self.cursor.shape() == Shape::Number {
            let Some(text) = self.cursor.number() else { return Ok(None) };
            return text.parse().map(Some).map_err(|_| SessionRefusal::Number(name));
        }
        self.no_value(name)?;
        Ok(None)
    }

    /// Reads over null, and refuses everything else. Where the text ends, that is noticed later.
    fn no_value(&mut self, name: &'static str) -> Read<()> {
        match self.cursor.shape() {
            Shape::Word if self.cursor.word() == Some("null") => {
                self.note(SessionRepair::Null);
                Ok(())
            }
            Shape::Nothing => {
                self.cursor.nothing();
                Err(SessionRefusal::Missing(name))
            }
            _ => Err(SessionRefusal::WrongType(name)),
        }
    }

    fn name(&mut self, name: &'static str, text: Option<&str>) -> Read<Option<DomainName>> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        DomainName::parse(text).map(Some).map_err(|_| SessionRefusal::NoDomain(name))
    }

    /// Takes over what the cursor had to mend.
    fn settle(&mut self) {
        for fault in self.cursor.take_faults() {
            self.note(match fault {
                RepairKind::NotUtf8 => SessionRepair::NotUtf8,
                RepairKind::JsonString => SessionRepair::Escape,
                _ => SessionRepair::JsonForm,
            });
        }
    }

    fn note(&mut self, repair: SessionRepair) {
        if !self.repairs.contains(&repair) {
            self.repairs.push(repair);
        }
    }
}

/// A policy before the domain of the session is known.
struct Draft<'t> {
    policy_type: PolicyType,
    domain: Option<DomainName>,
    strings: Vec<Cow<'t, str>>,
    mx_host: Vec<Cow<'t, str>>,
    outcome: SessionOutcome,
    failures: Vec<SessionFailure>,
}

impl Draft<'_> {
    fn finish(self, reader: &mut Reader<'_>, domain: &DomainName) -> SessionPolicy {
        let policy_domain = self.domain.unwrap_or_else(|| {
            reader.note(SessionRepair::PolicyDomain);
            domain.clone()
        });
        let (policy, is_cut) = SeenPolicy::new(self.policy_type, policy_domain).with_texts(
            self.strings.iter().map(AsRef::as_ref),
            self.mx_host.iter().map(AsRef::as_ref),
        );
        if is_cut {
            reader.note(SessionRepair::Clipped);
        }
        SessionPolicy { policy, outcome: self.outcome, failures: self.failures }
    }
}

/// What libtlsrpt's number (`tlsrpt_failure_t`) is called in reports.
fn result_type(code: u32) -> Option<ResultType> {
    Some(match code {
        201 => ResultType::StartTlsNotSupported,
        202 => ResultType::CertificateHostMismatch,
        203 => ResultType::CertificateNotTrusted,
        204 => ResultType::CertificateExpired,
        205 => ResultType::ValidationFailure,
        301 => ResultType::StsPolicyFetchError,
        302 => ResultType::StsPolicyInvalid,
        303 => ResultType::StsWebpkiInvalid,
        304 => ResultType::TlsaInvalid,
        305 => ResultType::DnssecInvalid,
        306 => ResultType::DaneRequired,
        _ => return None,
    })
}
