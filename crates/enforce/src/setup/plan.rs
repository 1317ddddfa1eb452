//! What is to be set, and why.

use sealpost_wire::postfix::{MapName, Profile};
use serde::{Serialize, Serializer};

use super::policy_maps::{tables, with_ours};
use super::record::POLICY_MAPS;
use super::remark::remarks;
use super::{
    Endpoint, Level, PostfixFound, PostfixVersion, Proof, Record, Remark, VersionError, Weight,
};

/// The oldest Postfix that can ask us: it has socketmap.
const OLDEST: PostfixVersion = PostfixVersion::new(2, 10, 0);

/// What a Postfix needs in order to ask us, and what we need to know about it.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The map whose answers it understands.
    #[serde(serialize_with = "as_text")]
    pub map: MapName,
    /// The table that asks us.
    pub table: String,
    /// The lines that are missing in `main.cf`, or different there; none if all is as it should be.
    pub lines: Vec<Line>,
    /// What to know beside that, warnings first.
    pub remarks: Vec<Remark>,
    /// The level at which it delivers where we have no answer, once the lines are set.
    pub default_level: Level,
    /// Whether answers may rely on DANE.
    pub dane: Dane,
    /// The resolvers that it asks.
    pub resolvers: Vec<String>,
}

/// One parameter of `main.cf`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The parameter.
    pub name: &'static str,
    /// The value that it gets.
    pub value: String,
    /// The value that `main.cf` gives it now, if any.
    pub before: Option<String>,
    /// Why.
    pub why: String,
}

/// Whether answers may rely on Postfix to do DANE.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Dane {
    /// Every resolver that it asks is proven to validate, and it will ask for DNSSEC.
    On,
    /// They may not.
    Off {
        /// Why not, in sentences without a full stop.
        why: Vec<String>,
    },
}

/// Why there is no plan. Nothing should be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The version is none that can be read.
    #[error(transparent)]
    Version(#[from] VersionError),
    /// It has no socketmap tables.
    #[error("make Postfix {0} ask for policies: it needs version 2.10 at least")]
    TooOld(PostfixVersion),
    /// Policy maps would switch off the older table that the operator relies on.
    #[error(
        "add a policy map: Postfix would ignore smtp_tls_per_site = {0} from then on; move its \
         entries into smtp_tls_policy_maps first"
    )]
    PerSite(String),
}

impl Plan {
    /// The plan for a Postfix that is to ask at `endpoint`. `proofs` has what came of each of its
    /// [resolvers](PostfixFound::resolvers); `earlier` is what was changed before, if anything.
    ///
    /// # Errors
    ///
    /// When no lines in `main.cf` would do.
    pub fn new(
        found: &PostfixFound,
        endpoint: &Endpoint,
        proofs: &[Proof],
        earlier: Option<&Record>,
    ) -> Result<Self, PlanError> {
        let version = found.version()?;
        if version < OLDEST {
            return Err(PlanError::TooOld(version));
        }
        let per_site = found.value("smtp_tls_per_site");
        if !per_site.is_empty() && !found.set.contains_key(POLICY_MAPS) {
            return Err(PlanError::PerSite(per_site.to_owned()));
        }
        let map = match version.map_name() {
            // Built from other sources than its version says.
            MapName::Postfix if !found.knows(MX_PATTERNS) => MapName::Postfix3_10,
            map => map,
        };
        let table = endpoint.table(map, found.queue_directory());
        let dane = dane(found, version, proofs);
        let mut lines = Lines { found, lines: Vec::new() };
        lines.trust_anchors();
        if dane == Dane::On {
            lines.dnssec();
        }
        let default_level = lines.level(&dane);
        lines.mx_patterns();
        let list = lines.policy_maps(&table, earlier);
        let before: Vec<_> =
            tables(&list).into_iter().take_while(|found| *found != table).collect();
        let mut remarks = remarks(found, endpoint, &before, &dane);
        if earlier.is_none() && found.set.get(POLICY_MAPS).is_some_and(|set| *set == list) {
            let text = format!(
                "{POLICY_MAPS} asks at this place already: if that was for postfix-mta-sts-resolver, \
                 which has the same port, it has to make room first"
            );
            remarks.push(Remark { weight: Weight::Note, text });
        }
        let shortfall = map.profile().shortfall();
        remarks.extend(shortfall.map(|text| Remark {
            weight: if map.profile() == Profile::Postfix3_3 {
                Weight::Warning
            } else {
                Weight::Note
            },
            text: format!("Postfix {version}: {text}"),
        }));
        if !lines.has_trust_anchors() {
            let text = "no file of trusted authorities was found: name one in smtp_tls_CAfile, or \
                        no certificate will verify and mail to domains with a policy will wait";
            remarks.push(Remark { weight: Weight::Warning, text: text.to_owned() });
        }
        remarks.sort_by_key(|remark| remark.weight == Weight::Note);
        Ok(Self {
            map,
            table,
            lines: lines.lines,
            remarks,
            default_level,
            dane,
            resolvers: found.resolvers().iter().map(ToString::to_string).collect(),
        })
    }
}

const MX_PATTERNS: &str = "smtp_tls_enforce_sts_mx_patterns";

/// The lines as they gather.
struct Lines<'a> {
    found: &'a PostfixFound,
    lines: Vec<Line>,
}

impl Lines<'_> {
    /// Sets a parameter, unless it has that value.
    fn set(&mut self, name: &'static str, value: &str, why: &str) {
        let before = self.found.set.get(name).cloned();
        let value = value.to_owned();
        self.lines.push(Line { name, value, before, why: why.to_owned() });
    }

    fn ensure(&mut self, name: &'static str, value: &str, why: &str) {
        if self.found.knows(name) && self.found.value(name) != value {
            self.set(name, value, why);
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-4.2
    //# The certificate presented by the receiving MTA MUST not be expired
    //# and MUST chain to a root CA that is trusted by the Sending MTA.
    fn trust_anchors(&mut self) {
        if let (false, Some(file)) =
            (self.has_trust_anchors(), self.found.authorities.first().cloned())
        {
            let why = "an MTA-STS policy demands a certificate from a trusted authority, and \
                       Postfix trusts none by itself";
            self.set("smtp_tls_CAfile", &file, why);
        }
    }

    fn has_trust_anchors(&self) -> bool {
        let names = ["smtp_tls_CAfile", "smtp_tls_CApath"];
        names.iter().any(|name| {
            !self.found.value(name).is_empty() || self.lines.iter().any(|line| line.name == *name)
        })
    }

    fn dnssec(&mut self) {
        self.ensure(
            "smtp_dns_support_level",
            "dnssec",
            "Postfix looks for TLSA records only if it asks for DNSSEC",
        );
        self.ensure(
            "smtp_host_lookup",
            "dns",
            "what is found in /etc/hosts or elsewhere is never secure",
        );
        self.ensure(
            "smtp_tls_dane_insecure_mx_policy",
            "dane",
            "a host with TLSA records is held to them even if the MX record that names it is not \
             signed",
        );
    }

    /// Sets the level if there is none; never lowers one. Returns what holds then.
    fn level(&mut self, dane: &Dane) -> Level {
        const NAME: &str = "smtp_tls_security_level";
        let level = self.found.level();
        let is_legacy = self.found.value(NAME).is_empty();
        let is_raised = dane == &Dane::On && level == Level::May && is_legacy;
        if level != Level::None && !is_raised {
            return level;
        }
        match dane {
            Dane::On => {
                let why = "there is no level yet; with a resolver that validates, hosts with TLSA \
                           records are held to them, and others get TLS where they offer it";
                self.set(NAME, Level::Dane.as_str(), why);
                Level::Dane
            }
            Dane::Off { .. } => {
                let why = "there is no level yet; every host gets TLS where it offers it";
                self.set(NAME, Level::May.as_str(), why);
                Level::May
            }
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
    //# A receiving candidate MX host is valid according to an applied MTA-
    //# STS Policy if the MX record name matches one or more of the "mx"
    //# fields in the applied policy.
    fn mx_patterns(&mut self) {
        self.ensure(
            MX_PATTERNS,
            "yes",
            "Postfix then skips MX hosts that the policy does not name, and wants a certificate for \
             the very host",
        );
    }

    /// Adds our table; returns the list of all.
    fn policy_maps(&mut self, table: &str, earlier: Option<&Record>) -> String {
        let list = self.found.set.get(POLICY_MAPS).map_or("", String::as_str);
        let value = with_ours(list, table, earlier.map(Record::table));
        if value != list {
            let why = if value == table {
                "Postfix asks here before it delivers; what has no policy stays at its own level"
            } else {
                "Postfix asks here before it delivers. It takes the first answer that it gets, so \
                 what stands before keeps its say"
            };
            self.set(POLICY_MAPS, &value, why);
        }
        value
    }
}

/// May answers rely on this Postfix to do DANE, once the lines are set?
fn dane(found: &PostfixFound, version: PostfixVersion, proofs: &[Proof]) -> Dane {
    let mut why = Vec::new();
    if !found.knows("smtp_dns_support_level") {
        why.push(format!("Postfix {version} does not know DANE"));
    }
    if found.value("disable_dns_lookups") == "yes" {
        why.push("disable_dns_lookups = yes".to_owned());
    }
    for resolver in found.resolvers() {
        match proofs.iter().find(|proof| proof.resolver == resolver).map(|proof| &proof.outcome) {
            Some(Ok(())) => {}
            Some(Err(fault)) => why.push(format!("sealpost can't {fault}")),
            None => why.push(format!("nobody has looked whether {resolver} validates")),
        }
    }
    for client in found.smtp_clients() {
        for (name, value) in [("smtp_dns_support_level", "dnssec"), ("smtp_host_lookup", "dns")] {
            for set in client.overrides_of(name).filter(|set| set.value != value) {
                let (service, value) = (&client.name, &set.value);
                why.push(format!("master.cf: the service {service} has `-o {name}={value}`"));
            }
        }
    }
    if strips_ad(version) {
        for (place, _) in found.resolv_confs().iter().filter(|(_, file)| !file.trusts_ad()) {
            why.push(format!(
                "{place} lacks `options trust-ad`, without which the C library (glibc since 2.31) \
                 keeps from Postfix {version} what the resolver says of DNSSEC"
            ));
        }
    }
    if why.is_empty() { Dane::On } else { Dane::Off { why } }
}

/// Does this version leave it to `resolv.conf` whether it sees the AD bit? Later ones ask the C
/// library for it.
fn strips_ad(version: PostfixVersion) -> bool {
    version < PostfixVersion::new(3, 6, 0)
}

fn as_text<S: Serializer>(map: &MapName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(map.as_str())
}
