//! An explanation for people.

use std::fmt;

use jiff::Timestamp;

use super::{DaneSeen, Explanation, HeldSeen, HostSeen, PolicySeen, RecordSeen, ReplySeen};
use crate::Mode;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.domain, self.because)?;
        if self.mode == Mode::Observe {
            writeln!(f, "  only observed: every answer is NOTFOUND")?;
        }
        writeln!(f)?;
        self.record.fmt(f)?;
        if let Some(policy) = &self.policy {
            policy.fmt(f)?;
        }
        if let Some(held) = &self.held {
            held.fmt(f)?;
        }
        match &self.mx_hosts {
            None => writeln!(f, "  hosts    not known")?,
            Some(hosts) if hosts.is_empty() => writeln!(f, "  hosts    none: it takes no mail")?,
            Some(hosts) => hosts.iter().try_for_each(|host| self.host(host, f))?,
        }
        self.dane.fmt(f)?;
        writeln!(f)?;
        for ReplySeen { map, reply } in &self.replies {
            writeln!(f, "  {map:15} {reply}")?;
        }
        Ok(())
    }
}

impl Explanation {
    fn host(&self, host: &HostSeen, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostSeen { name, allowed_by, tlsa } = host;
        write!(f, "  host     {name}")?;
        match allowed_by {
            Some(pattern) => write!(f, ", allowed by {pattern}")?,
            None if self.has_patterns() => f.write_str(", NOT allowed by the policy")?,
            None => {}
        }
        match tlsa {
            Some(tlsa) => writeln!(f, ", TLSA {tlsa}"),
            None => writeln!(f),
        }
    }

    fn has_patterns(&self) -> bool {
        let fetched =
            matches!(&self.policy, Some(PolicySeen::Fetched { mx, .. }) if !mx.is_empty());
        fetched || self.held.as_ref().is_some_and(|held| !held.mx.is_empty())
    }
}

impl fmt::Display for RecordSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLookedUp => writeln!(f, "  record   not looked up"),
            Self::Found { id, ttl } => writeln!(f, "  record   id {id}, kept {ttl} s"),
            Self::Absent => writeln!(f, "  record   none"),
            Self::Unusable => writeln!(f, "  record   unusable"),
            Self::Unknown { fault } if fault.is_empty() => writeln!(f, "  record   not known"),
            Self::Unknown { fault } => writeln!(f, "  record   not known: {fault}"),
        }
    }
}

impl fmt::Display for PolicySeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fetched { mode, max_age, mx } => {
                let mx = mx.join(" ");
                writeln!(f, "  policy   mode {mode}, max_age {max_age}, mx {mx}")
            }
            Self::Failed { fault, result_type } => {
                writeln!(f, "  policy   failed to {fault} ({result_type})")
            }
        }
    }
}

impl fmt::Display for HeldSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        if let (Some(mode), Some(id)) = (&self.mode, &self.id) {
            let (fetched, expires) = (time(self.fetched), time(self.expires));
            writeln!(f, "  kept     mode {mode}, id {id}, fetched {fetched}, expires {expires}")?;
            writeln!(f, "           fetched again by {} at the latest", time(self.next_refresh))?;
        }
        if let Some(failure) = &self.failure {
            let (failures, failed) = (self.failures, time(self.failed));
            writeln!(f, "  failures {failures} in a row, the last at {failed} ({failure})")?;
        }
        Ok(())
    }
}

impl fmt::Display for DaneSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => Ok(()),
            Self::Pending => writeln!(f, "  dane     not known in time"),
            Self::Seen { mx, tlsa, ttl } => {
                writeln!(f, "  dane     MX records {mx}; {tlsa}; relied on for {ttl} s")
            }
        }
    }
}
