//! `sealpost.toml`.

mod contradictions;
mod fault;
mod schema;
mod set;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_enforce::Section;
use sealpost_listen::Address;
use sealpost_listen::tls::IdentityFiles;
use sealpost_net::Settings;
use sealpost_publish::{ConfigurationError, Domains};
use sealpost_web::Setting;
use serde::Deserialize;
use serde::de::IgnoredAny;

pub(crate) use self::fault::{Fault, beyond_bounds, faults, line_at};
pub(crate) use self::schema::{Entry, schema, visit};
use crate::daemon::RoleName;
use crate::outcome::Failure;

/// The largest file that is read, in octets.
const LARGEST_FILE: u64 = 256 * 1024;

/// The configuration of everything that runs for long: a section for each role, one for the network
/// that they share, and one for `sealpost serve`.
///
/// Unknown keys are refused. Relative paths start from the file's folder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Configuration {
    /// The file in which every role keeps what it keeps, unless its section names another.
    #[schemars(extend("x-path" = "store"))]
    store: Option<PathBuf>,
    pub(crate) serve: ServeSection,
    pub(crate) web: sealpost_web::Section,
    pub(crate) network: Settings,
    pub(crate) enforce: Section,
    pub(crate) receive: sealpost_receive::Section,
    pub(crate) report: sealpost_report::Section,
    pub(crate) publish: sealpost_publish::Section,
    pub(crate) check: sealpost_check::scheduled::Section,
    pub(crate) alert: sealpost_alert::Section,
    /// The name and the text of the file, for messages that name a line of it.
    #[serde(skip)]
    source: (String, String),
    /// What is not as by default, for people.
    #[serde(skip)]
    pub(crate) set: Vec<Setting>,
}

/// The section `[serve]`: what the roles of one process share.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ServeSection {
    /// Where people and Prometheus ask over HTTP; 127.0.0.1:8460 by default.
    pub(crate) http: Vec<Address>,
    /// The same over HTTPS.
    pub(crate) https: Vec<Address>,
    /// The certificate for it, followed by those between it and the root.
    #[schemars(extend("x-path" = "file"))]
    pub(crate) certificate: Option<PathBuf>,
    /// Its key.
    #[schemars(extend("x-path" = "secret"))]
    pub(crate) key: Option<PathBuf>,
    /// The roles that run; by default those that have a section, and `check` where domains of ours
    /// are known.
    pub(crate) roles: Vec<RoleName>,
}

/// Which sections there are.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Present {
    enforce: Option<IgnoredAny>,
    receive: Option<IgnoredAny>,
    report: Option<IgnoredAny>,
    publish: Option<IgnoredAny>,
    check: Option<IgnoredAny>,
    alert: Option<IgnoredAny>,
}

impl Default for ServeSection {
    fn default() -> Self {
        let http = "127.0.0.1:8460".parse().into_iter().collect();
        let (https, roles) = (Vec::new(), Vec::new());
        Self { http, https, certificate: None, key: None, roles }
    }
}

impl ServeSection {
    /// The files of the certificate, if anything is served over HTTPS.
    pub(crate) fn identity(&self) -> Result<Option<IdentityFiles>, Failure> {
        match (&self.certificate, &self.key) {
            _ if self.https.is_empty() => Ok(None),
            (Some(certificates), Some(key)) => {
                Ok(Some(IdentityFiles { certificates: certificates.clone(), key: key.clone() }))
            }
            _ => Err(Failure::new("serve over HTTPS: [serve] names no certificate and key")
                .hint("name both, as PEM: certificate = \"…\" and key = \"…\"")),
        }
    }

    fn relative_to(&mut self, folder: &Path) {
        for path in [&mut self.certificate, &mut self.key].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

impl Configuration {
    /// The roles that `sealpost serve` runs without a configuration: those that need nothing else.
    pub(crate) const ROLES_WITHOUT_FILE: [RoleName; 2] = [RoleName::Enforce, RoleName::Receive];

    /// Reads a file; without one, everything is as by default.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = Self::text(path)?;
        Self::parse(path, text).map_err(|faults| {
            let faults: String = faults.iter().map(|fault| format!("\n  {fault}")).collect();
            Failure::new(format!("read the configuration in {}:{faults}", path.display()))
        })
    }

    /// The text of a file.
    pub(crate) fn text(path: &Path) -> Result<String, Failure> {
        let mut octets = Vec::new();
        fs_err::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut octets)?;
        let text = String::from_utf8(octets).ok();
        text.filter(|text| text.len() as u64 <= LARGEST_FILE).ok_or_else(|| {
            let path = path.display();
            Failure::new(format!("read {path}: it is not a text of at most 256 KiB"))
        })
    }

    /// Reads the text of this file, or says what is wrong with it.
    pub(crate) fn parse(path: &Path, text: String) -> Result<Self, Vec<Fault>> {
        let mut configuration: Self =
            toml::from_str(&text).map_err(|error| faults(&text, &error))?;
        let beyond = beyond_bounds(&text);
        if !beyond.is_empty() {
            return Err(beyond);
        }
        configuration.set = set::keys(&text);
        if configuration.serve.roles.is_empty() {
            configuration.serve.roles = present(&text);
            if configuration.knows_domains() {
                configuration.serve.roles.push(RoleName::Check);
            }
        }
        if let Some(folder) = path.parent() {
            if let Some(store) = &mut configuration.store {
                *store = folder.join(&*store);
            }
            configuration.serve.relative_to(folder);
            configuration.web.relative_to(folder);
            configuration.network.relative_to(folder);
            configuration.enforce.relative_to(folder);
            configuration.receive.relative_to(folder);
            configuration.report.relative_to(folder);
            configuration.publish.relative_to(folder);
            configuration.alert.relative_to(folder);
        }
        if let Some(store) = configuration.store.clone() {
            configuration.keep_in(&store);
        }
        configuration.source = (path.display().to_string(), text);
        Ok(configuration)
    }

    /// The domains of `[publish]`, with those in the files of its folder.
    pub(crate) fn domains(&self) -> Result<Domains, Failure> {
        let (name, text) = &self.source;
        Domains::load(&self.publish, name, text).map_err(|error| match error {
            ConfigurationError::File(error) => Failure::from(error),
            error @ (ConfigurationError::Bounds { .. } | ConfigurationError::Toml { .. }) => {
                Failure::new(error)
            }
            error => Failure::new(format!("read the configuration: {error}")),
        })
    }

    /// The domains whose reports count: those of `[receive]` and those of `[publish]`. Where neither
    /// names any, none stands for all.
    pub(crate) fn reported_domains(&self) -> Result<Vec<DomainName>, Failure> {
        let published = self.domains()?;
        let published = published.iter().map(|published| published.domain.clone());
        Ok(self.receive.domains.iter().cloned().chain(published).collect())
    }

    /// Every role that names no file of its own keeps what it keeps in this one.
    pub(crate) fn keep_in(&mut self, store: &Path) {
        let stores = [
            &mut self.enforce.store,
            &mut self.receive.store,
            &mut self.report.store,
            &mut self.publish.store,
            &mut self.alert.store,
        ];
        for own in stores {
            own.get_or_insert_with(|| store.to_owned());
        }
    }

    /// Whether domains of ours are known, so that they are looked at though nobody says so.
    fn knows_domains(&self) -> bool {
        let roles = &self.serve.roles;
        let receives = roles.contains(&RoleName::Receive) && !self.receive.domains.is_empty();
        receives || roles.contains(&RoleName::Publish)
    }

    /// The file of which people see what is kept: that of the first of these that runs.
    pub(crate) fn store_of_pages(&self, runs: impl Fn(RoleName) -> bool) -> PathBuf {
        let kept = [
            RoleName::Receive,
            RoleName::Publish,
            RoleName::Report,
            RoleName::Enforce,
            RoleName::Alert,
        ];
        let of = kept.into_iter().find(|name| runs(*name)).unwrap_or(RoleName::Receive);
        self.store_of(of)
    }

    /// The file in which a role keeps what it keeps.
    pub(crate) fn store_of(&self, name: RoleName) -> PathBuf {
        match name {
            RoleName::Enforce => self.enforce.store_file(),
            RoleName::Receive => self.receive.store_file(),
            RoleName::Report => self.report.store_file(),
            RoleName::Publish => self.publish.store_file(),
            RoleName::Check => self.store_of_pages(|name| self.serve.roles.contains(&name)),
            RoleName::Alert => self.alert.store_file(),
        }
    }

    /// The roles that run together.
    pub(crate) fn roles(&self) -> Result<Vec<RoleName>, Failure> {
        let mut roles = self.serve.roles.clone();
        roles.sort_unstable();
        roles.dedup();
        roles.retain(|name| *name != RoleName::Check || self.check.interval().is_some());
        if roles.is_empty() {
            return Err(Failure::new("find a role to run: the configuration names none").hint(
                "write a section for each role, even an empty one: [enforce], [receive], [report], \
                 [publish], [check], [alert]",
            ));
        }
        Ok(roles)
    }

    /// Takes over the settings of one role.
    pub(crate) fn take_section(&mut self, name: RoleName, other: &Self) {
        match name {
            RoleName::Enforce => self.enforce = other.enforce.clone(),
            RoleName::Receive => self.receive = other.receive.clone(),
            RoleName::Report => self.report = other.report.clone(),
            RoleName::Publish => {
                self.publish = other.publish.clone();
                self.source.clone_from(&other.source);
            }
            RoleName::Check => self.check = other.check.clone(),
            RoleName::Alert => self.alert = other.alert.clone(),
        }
        set::take(&mut self.set, &other.set, name.as_str(), |_| true);
    }

    /// A role does not run, so nothing of its section is in force.
    pub(crate) fn forget_section(&mut self, name: RoleName) {
        self.set.retain(|setting| !set::is_of(setting, name.as_str()));
    }

    /// Takes over who may see the pages.
    pub(crate) fn take_web(&mut self, other: &Self) {
        self.web = other.web.clone();
        set::take(&mut self.set, &other.set, "web", |_| true);
    }

    /// Takes over what holds until the next start, and says which keys of it should be others.
    pub(crate) fn take_fixed(&mut self, other: &Self) -> Vec<String> {
        self.network = other.network.clone();
        let roles = std::mem::take(&mut self.serve.roles);
        self.serve = ServeSection { roles, ..other.serve.clone() };
        let mut names = set::take(&mut self.set, &other.set, "network", |_| true);
        let is_fixed = |setting: &Setting| setting.key != "roles";
        names.extend(set::take(&mut self.set, &other.set, "serve", is_fixed));
        names
    }
}

/// The roles that have a section in a configuration that was read before.
fn present(text: &str) -> Vec<RoleName> {
    let present: Present = toml::from_str(text).unwrap_or_default();
    let sections = [
        (present.enforce, RoleName::Enforce),
        (present.receive, RoleName::Receive),
        (present.report, RoleName::Report),
        (present.publish, RoleName::Publish),
        (present.check, RoleName::Check),
        (present.alert, RoleName::Alert),
    ];
    sections.into_iter().filter_map(|(section, name)| section.map(|_| name)).collect()
}
