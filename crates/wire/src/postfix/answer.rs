//! From what was decided to what is said.

use core::iter;
use std::collections::HashSet;

use mail_domain::DomainName;
use mta_sts::{Mode, MxPattern, Policy};

use super::{PolicyText, Profile, Reason, Reply, Table};

/// What a sender does about a next hop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Answer<'a> {
    /// As its MTA-STS policy says.
    Secure(Enforced<'a>),
    /// To hosts with usable TLSA records that match, and to no others.
    DaneOnly,
    /// By TLSA records where there are any, else opportunistic.
    Dane,
    /// As the mail server does by itself.
    NotFound,
    /// Not now.
    Temporary(Reason),
}

impl Answer<'_> {
    /// The reply for this kind of mail server, short enough for the protocol.
    ///
    /// It is [`Reply::Temporary`] where no host that the policy allows can be named, or the names do
    /// not fit.
    pub fn reply(&self, profile: Profile, table: Table) -> Reply {
        match self {
            Self::Secure(enforced) => match enforced.text(profile, table) {
                Ok(text) => Reply::Found(PolicyText::new(text)),
                Err(obstacle) => Reply::Temporary(obstacle.reason(enforced.domain)),
            },
            // No protocol versions: at `dane` they would turn old TLS into none, where no record is.
            Self::DaneOnly => Reply::Found(PolicyText::new("dane-only")),
            Self::Dane => Reply::Found(PolicyText::new("dane")),
            Self::NotFound => Reply::NotFound,
            Self::Temporary(reason) => Reply::Temporary(reason.clone()),
        }
    }
}

/// A policy that is to be enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enforced<'a> {
    domain: &'a DomainName,
    policy: &'a Policy,
    mx_hosts: &'a [DomainName],
}

impl<'a> Enforced<'a> {
    /// The policy of a domain, and the hosts that receive its mail at present: those of its MX
    /// records, or the domain itself where there are none. Which of them the policy allows is found
    /// out here. They may be left out where [`needs_mx_hosts`](Self::needs_mx_hosts) says so.
    ///
    /// `None` unless the policy is in mode enforce: in any other the answer is as without a policy.
    pub fn new(
        domain: &'a DomainName,
        policy: &'a Policy,
        mx_hosts: &'a [DomainName],
    ) -> Option<Self> {
        (policy.mode() == Mode::Enforce).then_some(Self { domain, policy, mx_hosts })
    }

    /// Whether an answer needs the MX hosts: for a mail server that does not check them, or for a
    /// policy with so many patterns that only those of present hosts fit.
    pub fn needs_mx_hosts(&self, profile: Profile, table: Table) -> bool {
        !profile.checks_mx_hosts()
            || self
                .essentials(profile, &[], self.policy.mx().iter())
                .is_some_and(|text| table.size(&text) > table.room())
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-5
    //# "enforce": In this mode, Sending MTAs MUST NOT deliver the
    //# message to hosts that fail MX matching or certificate validation
    //# or that do not support STARTTLS.
    fn text(&self, profile: Profile, table: Table) -> Result<String, Obstacle> {
        let hosts = self.allowed_hosts();
        let fits = |text: &String| table.size(text) <= table.room();
        let patterns = self.policy.mx().iter();
        let whole = self.essentials(profile, &hosts, patterns.clone()).ok_or(Obstacle::NoHost)?;
        let mut text = if fits(&whole) {
            whole
        } else {
            // Without any pattern Postfix would check no host. With those of the present hosts it
            // refuses what came later, until it asks again.
            let used = patterns.filter(|pattern| hosts.iter().any(|host| pattern.matches(host)));
            let shorter = self.essentials(profile, &hosts, used);
            shorter.filter(fits).ok_or(Obstacle::NoRoom)?
        };
        if profile.takes_policies() {
            self.add_policy_lines(&mut text, table);
        }
        Ok(text)
    }

    /// What an answer must say to be right; `None` if no host would be left.
    fn essentials<'p>(
        &self,
        profile: Profile,
        hosts: &[&DomainName],
        patterns: impl Iterator<Item = &'p MxPattern> + Clone,
    ) -> Option<String> {
        let mut text = String::from("secure");
        // Postfix splits the names at colons.
        let mut separator = " match=";
        let mut add = |dot, name: &DomainName| {
            text.extend([separator, dot, name.as_str()]);
            separator = ":";
        };
        if profile.checks_mx_hosts() {
            // It sees that there are names, then compares with that of the host in their place.
            let not_keywords = patterns
                .clone()
                .filter(|pattern| pattern.is_wildcard() || !is_keyword(pattern.base()));
            not_keywords.for_each(|pattern| {
                add(if pattern.is_wildcard() { "." } else { "" }, pattern.base());
            });
        } else {
            hosts.iter().for_each(|host| add("", host));
        }
        if separator != ":" {
            return None;
        }
        text.push_str(profile.fixed_attributes());
        if profile.takes_policies() {
            text.extend([" policy_type=sts policy_domain=", self.domain.as_str()]);
            for pattern in patterns {
                let star = if pattern.is_wildcard() { "*." } else { "" };
                text.extend([" mx_host_pattern=", star, pattern.base().as_str()]);
            }
        }
        Some(text)
    }

    /// Adds the policy, line by line, as far as it fits: only reports lack the rest.
    fn add_policy_lines(&self, text: &mut String, table: Table) {
        let first = ["version: STSv1".to_owned(), format!("mode: {}", self.policy.mode())];
        let mx = self.policy.mx().iter().map(|pattern| format!("mx: {pattern}"));
        let last = iter::once_with(|| format!("max_age: {}", self.policy.max_age()));
        let mut size = table.size(text);
        for line in first.into_iter().chain(mx).chain(last) {
            let attribute = format!(" {{ policy_string = {line} }}");
            size = size.saturating_add(table.size(&attribute));
            if size > table.room() {
                break;
            }
            text.push_str(&attribute);
        }
    }

    /// The present MX hosts that the policy allows, each once, in their order.
    fn allowed_hosts(&self) -> Vec<&'a DomainName> {
        let mut known = HashSet::new();
        self.mx_hosts
            .iter()
            .filter(|host| !is_keyword(host) && self.policy.covers(host).is_some())
            .filter(|host| known.insert(*host))
            .collect()
    }
}

/// Whether Postfix would not take the name for a name: these stand for the next hop and for whatever
/// host the MX records name.
fn is_keyword(name: &DomainName) -> bool {
    matches!(name.as_str(), "hostname" | "nexthop" | "dot-nexthop")
}

/// Why a policy cannot be put into words.
#[derive(Debug, Clone, Copy)]
enum Obstacle {
    /// The policy allows none of the present hosts.
    NoHost,
    /// There are too many.
    NoRoom,
}

impl Obstacle {
    //= https://www.rfc-editor.org/rfc/rfc8461#section-5
    //# (In all cases, MTAs SHOULD treat such failures as
    //# transient errors and retry delivery later.)
    fn reason(self, domain: &DomainName) -> Reason {
        Reason::new(&match self {
            Self::NoHost => format!("the MTA-STS policy of {domain} allows none of its MX hosts"),
            Self::NoRoom => format!("the MTA-STS policy of {domain} names too many hosts"),
        })
    }
}
