//! From what was decided to what is said.

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
        if !profile.checks_mx_hosts() {
            return true;
        }
        // A policy of common size need not be put into words to see that it fits.
        self.most_essentials(&[]) > table.room()
            && self
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
        debug_assert!(table.size(&whole) <= self.most_essentials(&hosts));
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

    /// What an answer must say to be right; `None` if no host would be left. There is room behind it
    /// for what else may be said.
    fn essentials<'p>(
        &self,
        profile: Profile,
        hosts: &[&DomainName],
        patterns: impl Iterator<Item = &'p MxPattern> + Clone,
    ) -> Option<String> {
        let most = self.most_essentials(hosts).saturating_add(self.most_policy_lines(profile));
        let mut text = String::with_capacity(most.min(Table::Socketmap.room()));
        text.push_str("secure");
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
                text.extend([" mx_host_pattern=", star(pattern), pattern.base().as_str()]);
            }
        }
        Some(text)
    }

    /// Adds the policy, line by line, as far as it fits: only reports lack the rest.
    fn add_policy_lines(&self, text: &mut String, table: Table) {
        let mut size = table.size(text);
        let mut add = |words: [&str; 3]| {
            let before = text.len();
            text.push_str(" { policy_string = ");
            text.extend(words);
            text.push_str(" }");
            size = size.saturating_add(table.size(text.get(before..).unwrap_or_default()));
            let fits = size <= table.room();
            if !fits {
                text.truncate(before);
            }
            fits
        };
        let _ = add(["version: STSv1", "", ""])
            // There is no other that could be enforced.
            && add(["mode: enforce", "", ""])
            && self.policy.mx().iter().all(|mx| add(["mx: ", star(mx), mx.base().as_str()]))
            && add(["max_age: ", &self.policy.max_age().to_string(), ""]);
    }

    /// No fewer octets than the essentials take as they are sent, for whatever mail server.
    fn most_essentials(&self, hosts: &[&DomainName]) -> usize {
        // All that is there once, the domain with it, and its spaces quoted.
        const ONCE: usize = 512;
        const FOR_EACH: usize = " mx_host_pattern=*.".len() + "%20".len() + ":.".len();
        let patterns = self.policy.mx().iter().map(|pattern| pattern.base().as_str().len());
        let of_patterns = patterns.map(|length| length.saturating_mul(2).saturating_add(FOR_EACH));
        let of_hosts = hosts.iter().map(|host| host.as_str().len().saturating_add(1));
        of_patterns.chain(of_hosts).fold(ONCE, usize::saturating_add)
    }

    /// How many octets the lines of the policy take, or a few more.
    fn most_policy_lines(&self, profile: Profile) -> usize {
        const ONCE: usize = 128;
        const FOR_EACH: usize = " { policy_string = mx: *. }".len();
        if !profile.takes_policies() {
            return 0;
        }
        let patterns = self.policy.mx().iter().map(|pattern| pattern.base().as_str().len());
        patterns.map(|length| length.saturating_add(FOR_EACH)).fold(ONCE, usize::saturating_add)
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

/// What stands before the base of a pattern.
fn star(pattern: &MxPattern) -> &'static str {
    if pattern.is_wildcard() { "*." } else { "" }
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
