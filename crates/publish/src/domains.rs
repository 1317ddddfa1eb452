//! Everything that is configured, together and checked.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::Read as _,
    path::{Path, PathBuf},
};

use mail_domain::DomainName;
use mta_sts::{MaxAge, Mode, MxPattern, Policy, PolicyError, PolicyId};
use sealpost_net::IpNetwork;
use sealpost_rollout::{History, Settings, Stage, Time};
use tls_rpt::ReportUri;
use toml::Spanned;

use crate::{
    DnsServer, DnsWay, HostWay, IdStyle, PolicyMode, Section, Target, Terms,
    drive::stage_of,
    section::{File, Rua},
};

/// The largest file that is read, in octets: 64 MiB.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;
/// The most files of a folder that are read.
const MOST_FILES: usize = 100_000;
/// The most domains.
const MOST_DOMAINS: usize = 1_000_000;
/// The TTL of records that say nothing else: one hour.
const TTL: u32 = 3_600;
/// `max_age` where the mode is fixed and nothing else is said, in testing and none, and in enforce.
const SHORT: u64 = 86_400;
const LONG: u64 = 604_800;

/// Every domain that is configured, by name.
#[derive(Clone, Debug, Default)]
pub struct Domains {
    domains: BTreeMap<DomainName, PublishedDomain>,
}

/// A domain and what is published for it.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedDomain {
    /// The policy domain.
    pub domain: DomainName,
    /// Its mode, or that the stage decides.
    pub mode: PolicyMode,
    /// The patterns of its MX hosts, each once.
    pub patterns: Vec<MxPattern>,
    /// `max_age` where the mode is fixed.
    pub max_age: Option<MaxAge>,
    /// The numbers of the roll-out.
    pub settings: Settings,
    /// Who serves the policy.
    pub host: HostWay,
    /// Who sets the records.
    pub dns: DnsWay,
    /// Where TLS reports go; none if that is left open.
    pub rua: Vec<ReportUri>,
    /// How ids are made.
    pub id_style: IdStyle,
    /// What the policy host points to; empty if that is left open.
    pub target: Vec<Target>,
    /// The TTL of the records, in seconds.
    pub ttl: u32,
    /// Networks that hold the addresses of our own MX hosts.
    pub own_networks: Vec<IpNetwork>,
    /// The domain below which its records lie, where its own names are aliases.
    pub delegate: Option<DomainName>,
    /// Where it is configured: a file and a line.
    pub place: String,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigurationError {
    /// A file or the folder cannot be read.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// A file is too large, no UTF-8, or there are too many.
    #[error("read {path}: {why}")]
    Bounds {
        /// The file or folder.
        path: PathBuf,
        /// What is too much.
        why: &'static str,
    },
    /// A file is no TOML of this kind; the text names line and column.
    #[error("read {path}: {error}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        error: Box<toml::de::Error>,
    },
    /// What is written makes no sense.
    #[error("{place}: {what}")]
    Senseless {
        /// File and line.
        place: String,
        /// What is wrong.
        what: String,
    },
}

/// A text and what it is called.
struct Source<'a> {
    name: String,
    text: &'a str,
}

impl Domains {
    /// Everything that the section says, and the files of its folder.
    ///
    /// `name` and `text` are those of the file that the section stands in; they are for messages.
    /// Groups may be used in every file, whichever names them.
    ///
    /// # Errors
    ///
    /// [`ConfigurationError`], with file and line.
    pub fn load(section: &Section, name: &str, text: &str) -> Result<Self, ConfigurationError> {
        let mut texts = Vec::new();
        if let Some(folder) = &section.directory {
            for path in files(folder)? {
                let text = read(&path)?;
                texts.push((path, text));
            }
        }
        let mut files = Vec::new();
        for (path, text) in &texts {
            let file: File = toml::from_str(text).map_err(|error| ConfigurationError::Toml {
                path: path.clone(),
                error: Box::new(error),
            })?;
            files.push((Source { name: path.display().to_string(), text }, file));
        }
        let main = Source { name: name.to_owned(), text };
        let mut groups = Groups::default();
        groups.add(&main, &section.groups)?;
        for (source, file) in &files {
            groups.add(source, &file.groups)?;
        }
        let mut all = Self::default();
        let common = (section.rua.as_deref(), &section.dns_servers);
        all.add(&main, &section.domains, &groups, common)?;
        for (source, file) in &files {
            all.add(source, &file.domains, &groups, common)?;
        }
        Ok(all)
    }

    /// One of them.
    pub fn of(&self, domain: &DomainName) -> Option<&PublishedDomain> {
        self.domains.get(domain)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PublishedDomain> {
        self.domains.values()
    }

    fn add(
        &mut self,
        source: &Source<'_>,
        domains: &BTreeMap<Spanned<String>, Terms>,
        groups: &Groups<'_>,
        (rua, servers): (Option<&[Rua]>, &BTreeMap<String, DnsServer>),
    ) -> Result<(), ConfigurationError> {
        // In the order of the file, so that lines are counted once.
        let mut written: Vec<_> = domains.iter().collect();
        written.sort_by_key(|(name, _)| name.span().start);
        let mut lines = Lines::new(source.text);
        for (name, terms) in written {
            let place = format!("{}:{}", source.name, lines.line_of(name.span().start));
            let senseless = |what| ConfigurationError::Senseless { place: place.clone(), what };
            let domain = DomainName::parse(name.get_ref()).map_err(|error| {
                senseless(format!("{:?} is no domain: {error}", name.get_ref()))
            })?;
            let terms = match &terms.group {
                None => terms.clone(),
                Some(group) => {
                    let group = groups.named.get(group.as_str()).ok_or_else(|| {
                        senseless(format!("{domain} names the group {group:?}, which is nowhere"))
                    })?;
                    terms.or(group.0)
                }
            };
            if let Some(DnsWay::Server(server)) = &terms.dns
                && !servers.contains_key(server)
            {
                return Err(senseless(format!(
                    "{domain} names the DNS server {server:?}, which is nowhere; write manual, or \
                     name it in dns_servers"
                )));
            }
            if let Some(known) = self.domains.get(&domain) {
                let known = &known.place;
                return Err(senseless(format!("{domain} is configured at {known} already")));
            }
            let published = PublishedDomain::new(domain.clone(), &terms, rua, place.clone());
            self.domains.insert(domain, published.map_err(senseless)?);
            if self.domains.len() > MOST_DOMAINS {
                return Err(senseless(format!("there are more than {MOST_DOMAINS} domains")));
            }
        }
        Ok(())
    }
}

impl PublishedDomain {
    fn new(
        domain: DomainName,
        terms: &Terms,
        rua: Option<&[Rua]>,
        place: String,
    ) -> Result<Self, String> {
        let mut known = HashSet::new();
        let providers = terms.providers.iter().flatten().flat_map(|name| name.patterns());
        let named = terms.mx.iter().flatten().map(|text| text.0.clone());
        let patterns: Vec<MxPattern> =
            providers.chain(named).filter(|pattern| known.insert(pattern.clone())).collect();
        let mode = terms.mode.unwrap_or_default();
        if patterns.is_empty() && mode != PolicyMode::None {
            return Err(format!(
                "{domain} has no mail hosts: name each with mx, or the provider with providers"
            ));
        }
        if mode == PolicyMode::Managed && terms.max_age.is_some() {
            return Err(format!(
                "max_age of {domain} is decided by its stage: set it in rollout, or fix the mode"
            ));
        }
        let target = terms.target.clone().unwrap_or_default();
        let names = target.iter().filter(|target| matches!(target, Target::Name(_))).count();
        if names > 0 && target.len() > 1 {
            return Err(format!("target of {domain} is several addresses, or one name"));
        }
        let rua = terms.rua.as_deref().or(rua).unwrap_or_default();
        let published = Self {
            mode,
            patterns,
            max_age: terms.max_age.map(|seconds| seconds.0),
            settings: terms.rollout.unwrap_or_default(),
            host: terms.host.unwrap_or_default(),
            dns: terms.dns.clone().unwrap_or_default(),
            rua: rua.iter().map(|rua| rua.0.clone()).collect(),
            id_style: terms.id_style.unwrap_or_default(),
            target,
            ttl: terms.ttl.unwrap_or(TTL).min(i32::MAX.unsigned_abs()),
            own_networks: terms.own_networks.clone().unwrap_or_default(),
            delegate: terms.delegate.as_ref().map(|base| base.0.clone()),
            place,
            domain,
        };
        // Its longest name.
        if let Some(base) = &published.delegate
            && DomainName::parse(&format!("{}.{base}", published.domain)).is_err()
        {
            return Err(format!("{}.{base} is too long for a name", published.domain));
        }
        // The largest policy that it can come to.
        let stage = Stage::EnforceLong;
        published.policy(stage).map_err(|error| format!("{}: {error}", published.domain))?;
        Ok(published)
    }

    /// Whether another configuration of it says the same, wherever it stands.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let there = Self { place: other.place.clone(), ..self.clone() };
        there == *other
    }

    /// The policy to serve in this stage; `None` if there is to be none.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if it would be larger than senders read.
    pub fn policy(&self, stage: Stage) -> Result<Option<Policy>, PolicyError> {
        let terms = match self.mode.fixed() {
            None => stage.terms(&self.settings),
            Some(mode) => {
                let usual = if mode == Mode::Enforce { LONG } else { SHORT };
                let max_age = self.max_age.unwrap_or(MaxAge::clamped_from_secs(usual));
                Some((mode, max_age))
            }
        };
        let Some((mode, max_age)) = terms else { return Ok(None) };
        let patterns = if mode == Mode::None { Vec::new() } else { self.patterns.clone() };
        Policy::new(mode, max_age, patterns).map(Some)
    }

    /// The policy to serve in this stage where this one is live. A domain that came back to the first
    /// stages from the way out goes on serving a policy of mode none until it has another: senders may
    /// hold one of before, and let go of it only for what they find in its place.
    ///
    /// # Errors
    ///
    /// As [`Self::policy`].
    pub fn policy_after(
        &self,
        stage: Stage,
        live: Option<&Policy>,
    ) -> Result<Option<Policy>, PolicyError> {
        let wanted = self.policy(stage)?;
        let is_begun_again = matches!(stage, Stage::Record | Stage::Prerequisites);
        match (wanted, live) {
            (None, Some(live)) if is_begun_again && live.mode() == Mode::None => {
                Ok(Some(live.clone()))
            }
            // It turned round before the one of mode none was served. What others serve is theirs.
            (None, Some(_)) if is_begun_again && self.host == HostWay::Own => {
                self.policy(Stage::Leaving)
            }
            (wanted, _) => Ok(wanted),
        }
    }

    /// The stage that its policy fits, where the configuration fixes the mode.
    pub fn fixed_stage(&self) -> Option<Stage> {
        self.mode.fixed()?;
        // No stage is asked, and that it is not too large was seen.
        self.policy(Stage::Nothing).ok().flatten().map(|policy| stage_of(&policy))
    }

    /// The id of the policy that this host is to serve, where both follow from the configuration alone.
    pub(crate) fn fixed_id(&self) -> Option<PolicyId> {
        let is_fixed = self.mode.fixed().is_some() && self.id_style == IdStyle::Content;
        if !is_fixed || self.host != HostWay::Own {
            return None;
        }
        // As for the stage.
        self.policy(Stage::Nothing).ok().flatten().map(|policy| policy.id())
    }

    /// The id that belongs to a policy of it: the one that is announced, if it is that of the policy;
    /// else one that was never announced before.
    pub fn id_after(&self, history: &History, policy: &Policy, now: Time) -> PolicyId {
        if history.live() == Some(policy)
            && !history.is_id_older()
            && let Some(live) = history.live_id()
        {
            return live.id.clone();
        }
        // The same one for as long as the policy waits for it, however often that is asked.
        let body = history.live_body().filter(|body| body.policy.as_ref() == Some(policy));
        let since = body.map_or(now, |body| body.since);
        let id = self.id(policy, since);
        let is_used = history.ids().iter().any(|known| known.id == id);
        if is_used { history.id_for(policy, since) } else { id }
    }

    /// The id for a policy of it that is announced first at this time.
    pub fn id(&self, policy: &Policy, at: Time) -> PolicyId {
        match self.id_style {
            IdStyle::Content => policy.id(),
            IdStyle::Timestamp => PolicyId::from_time(at.seconds()),
        }
    }
}

/// The groups of all files.
#[derive(Default)]
struct Groups<'a> {
    named: HashMap<&'a str, (&'a Terms, String)>,
}

impl<'a> Groups<'a> {
    fn add(
        &mut self,
        source: &Source<'_>,
        groups: &'a BTreeMap<Spanned<String>, Terms>,
    ) -> Result<(), ConfigurationError> {
        let mut written: Vec<_> = groups.iter().collect();
        written.sort_by_key(|(name, _)| name.span().start);
        let mut lines = Lines::new(source.text);
        for (name, terms) in written {
            let line = lines.line_of(name.span().start);
            let place = format!("{}:{line}", source.name);
            let what = if terms.group.is_some() {
                Some(format!("the group {:?} may not belong to a group", name.get_ref()))
            } else {
                self.named
                    .get(name.get_ref().as_str())
                    .map(|(_, known)| format!("the group {:?} is at {known} too", name.get_ref()))
            };
            if let Some(what) = what {
                return Err(ConfigurationError::Senseless { place, what });
            }
            self.named.insert(name.get_ref(), (terms, place));
        }
        Ok(())
    }
}

/// Counts lines on the way through a text.
struct Lines<'a> {
    text: &'a str,
    seen: usize,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, seen: 0, line: 1 }
    }

    /// The line of an octet, not before the last one that was asked for.
    fn line_of(&mut self, octet: usize) -> usize {
        let passed = self.text.as_bytes().get(self.seen..octet).unwrap_or_default();
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count();
        self.seen = self.seen.max(octet);
        self.line
    }
}

/// The files of a folder, by name.
fn files(folder: &Path) -> Result<Vec<PathBuf>, ConfigurationError> {
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.extension().is_some_and(|extension| extension == "toml") && !is_hidden {
            paths.push(path);
        }
        if paths.len() > MOST_FILES {
            let why = "there are more than 100000 files";
            return Err(ConfigurationError::Bounds { path: folder.to_owned(), why });
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, ConfigurationError> {
    let mut octets = Vec::new();
    fs_err::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut octets)?;
    let bounds = |why| ConfigurationError::Bounds { path: path.to_owned(), why };
    if octets.len() as u64 > LARGEST_FILE {
        return Err(bounds("it has more than 64 MiB"));
    }
    String::from_utf8(octets).map_err(|_| bounds("it is not UTF-8"))
}

#[cfg(test)]
mod tests;
