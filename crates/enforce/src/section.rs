//! What the operator writes into the configuration.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use schemars::JsonSchema;
use sealpost_listen::Address;
use sealpost_net::{Probe, Probes};
use sealpost_rules::matrix::OperatorLevel;
use sealpost_runtime::state_folder;
use sealpost_wire::postfix::{MapName, Profile};
use serde::Deserialize;

use crate::{Mode, Settings};

/// The port of socketmap unless the operator says otherwise.
const PORT: u16 = 8461;

/// The section `[enforce]` of the configuration. Each key may be left out; all together are enough
/// to start with.
///
/// ```toml
/// [enforce]
/// listen = ["127.0.0.1:8461", "unix:/run/sealpost/enforce.sock,mode=0666"]
/// store = "/var/lib/sealpost/store.sqlite"
/// http = ["127.0.0.1:8462"]    # GET /v1/enforce/DOMAIN, /metrics, /health
/// mode = "enforce"             # or "observe": nothing is found, all is recorded
/// default_level = "dane"       # smtp_tls_security_level, as `enforce setup` found it
/// dane = "on"                  # once the mail server's resolvers are proven to validate
/// mta_resolvers = ["127.0.0.1:53"]
/// exceptions = "exceptions.toml"
/// deadline = 3.0               # seconds
///
/// [[enforce.tcp]]              # for `tcp:` tables, which name no map
/// listen = "127.0.0.1:8463"
/// map = "postfix-3.9"
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// Where socketmap is spoken: at 127.0.0.1:8461 by default.
    pub listen: Vec<Address>,
    /// Where `tcp:` tables are spoken, and for which mail server.
    pub tcp: Vec<TcpTable>,
    /// Where HTTP is spoken. It is meant for this machine: there is no TLS and no password.
    pub http: Vec<Address>,
    /// The file in which policies are kept.
    #[schemars(extend("x-path" = "store"))]
    pub store: Option<PathBuf>,
    /// Whether answers are given or only recorded.
    pub mode: Mode,
    /// The level at which the mail server delivers by itself, as Postfix writes it.
    pub default_level: Level,
    /// Whether answers may follow DANE.
    pub dane: Switch,
    /// The resolvers that the mail server asks. They are tested from time to time: only while all of
    /// them validate do answers follow DANE.
    pub mta_resolvers: Vec<SocketAddr>,
    /// A name that is signed, to try resolvers with, as in `./SOA`.
    pub signed_name: Option<ProbeName>,
    /// Names that are signed wrongly on purpose; one that a resolver keeps back is enough. By default
    /// some that are known for it.
    pub bogus_names: Vec<ProbeName>,
    /// The file of exceptions.
    #[schemars(extend("x-path" = "file"))]
    pub exceptions: Option<PathBuf>,
    /// How long an answer may take, in seconds: from 0.1 to 60.
    #[schemars(range(min = 0.1, max = 60), extend("default" = 3))]
    pub deadline: Seconds,
    /// How many domains without a policy are remembered.
    pub without_policy: usize,
}

/// A `tcp:` table.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TcpTable {
    /// Where it is.
    pub listen: Address,
    /// The map of socketmap whose answers it gives.
    #[serde(default)]
    pub map: Map,
}

/// Yes or no, as people write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// No.
    #[default]
    Off,
    /// Yes.
    On,
}

/// A level in the words of Postfix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Level(pub OperatorLevel);

/// A name to try resolvers with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct ProbeName(pub Probe);

/// The name of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct Map(pub MapName);

/// A time from 0.1 to 60 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "f64")]
#[schemars(with = "f64")]
pub struct Seconds(pub Duration);

impl Section {
    /// The bounds that follow.
    pub fn settings(&self) -> Settings {
        Settings {
            mode: self.mode,
            level: self.default_level.0,
            deadline: self.deadline.0,
            without_policy: self.without_policy,
            ..Settings::default()
        }
    }

    /// What the operator should know of these settings: each a sentence without its full stop.
    pub fn cautions(&self) -> impl Iterator<Item = &'static str> {
        let without_level = self.default_level.0 == OperatorLevel::Unknown;
        let without_dane = self.dane == Switch::Off || self.mta_resolvers.is_empty();
        let overrides_dane = self.default_level.0 == OperatorLevel::Dane && without_dane;
        let level = without_level.then_some(
            "nothing is enforced until default_level says how your mail server delivers by itself \
             (smtp_tls_security_level): `sealpost enforce setup postfix` prints the line",
        );
        let dane = overrides_dane.then_some(
            "where a policy is enforced, it takes the place of your mail server's own DANE, for answers \
             do not follow DANE: set dane = \"on\" and name its resolvers in mta_resolvers, as \
             `sealpost enforce setup postfix` prints them",
        );
        level.into_iter().chain(dane)
    }

    /// Where policies are kept: by default in the [state folder](state_folder).
    pub fn store_file(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| state_folder().join("store.sqlite"))
    }

    /// Where it is kept that the resolvers were proven to validate: beside the policies.
    pub fn proof_file(&self) -> PathBuf {
        let mut path = self.store_file().into_os_string();
        path.push("-proof");
        path.into()
    }

    /// The names by which resolvers are tried.
    pub fn probes(&self) -> Probes {
        let probes = Probes::default();
        let probes = match &self.signed_name {
            Some(ProbeName(probe)) => probes.with_secure(probe.clone()),
            None => probes,
        };
        match self.bogus_names.as_slice() {
            [] => probes,
            names => probes.with_bogus(names.iter().map(|ProbeName(probe)| probe.clone())),
        }
    }

    /// Relative paths start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        for path in [&mut self.store, &mut self.exceptions].into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

impl Default for Section {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            listen: vec![Address::Tcp((Ipv4Addr::LOCALHOST, PORT).into())],
            tcp: Vec::new(),
            http: Vec::new(),
            store: None,
            mode: settings.mode,
            default_level: Level::default(),
            dane: Switch::Off,
            mta_resolvers: Vec::new(),
            signed_name: None,
            bogus_names: Vec::new(),
            exceptions: None,
            deadline: Seconds(settings.deadline),
            without_policy: settings.without_policy,
        }
    }
}

impl Default for Map {
    fn default() -> Self {
        Self(MapName::Postfix)
    }
}

impl Map {
    /// What the mail server behind it understands.
    pub fn profile(self) -> Profile {
        self.0.profile()
    }
}

impl TryFrom<String> for Level {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        OperatorLevel::parse(&text).map(Self).ok_or_else(|| {
            let words = OperatorLevel::WORDS.map(|(word, _)| word).join(", ");
            format!("not a level of smtp_tls_security_level; write one of {words}")
        })
    }
}

impl TryFrom<String> for Map {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let map = MapName::parse(text.as_bytes()).map(Self);
        map.ok_or_else(|| format!("not the name of a map; write one of {}", MapName::LIST))
    }
}

impl TryFrom<String> for ProbeName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: sealpost_net::ProbeError| error.to_string())
    }
}

impl TryFrom<f64> for Seconds {
    type Error = &'static str;

    fn try_from(seconds: f64) -> Result<Self, &'static str> {
        if (0.1..=60.0).contains(&seconds) {
            Ok(Self(Duration::from_secs_f64(seconds)))
        } else {
            Err("write a number of seconds from 0.1 to 60")
        }
    }
}

impl std::str::FromStr for Seconds {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.parse::<f64>().unwrap_or(f64::NAN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_enough() {
        let section: Section = toml::from_str("").unwrap();
        assert_eq!(section.settings(), Settings::default());
        assert_eq!(section.dane, Switch::Off);
    }

    #[test]
    fn what_would_surprise_is_told() {
        let cautions = |text: &str| {
            let section: Section = toml::from_str(text).unwrap();
            section.cautions().map(|text| text.get(..20).unwrap()).collect::<Vec<_>>()
        };
        let (nothing, overrides) = ("nothing is enforced ", "where a policy is en");
        let proven = "dane = \"on\"\nmta_resolvers = [\"127.0.0.1:53\"]\n";
        assert_eq!(cautions(""), [nothing]);
        assert_eq!(cautions("default_level = \"may\""), [""; 0]);
        assert_eq!(cautions("default_level = \"dane\""), [overrides]);
        assert_eq!(cautions("default_level = \"dane\"\ndane = \"on\""), [overrides]);
        assert_eq!(cautions(&format!("default_level = \"dane\"\n{proven}")), [""; 0]);
        assert_eq!(cautions(proven), [nothing]);
    }

    #[test]
    fn every_key_is_read() {
        let section: Section = toml::from_str(
            r#"
            listen = ["127.0.0.1:8461", "unix:/run/a.sock,mode=0666", "systemd:enforce"]
            http = ["[::1]:8462"]
            store = "store.sqlite"
            mode = "observe"
            default_level = "dane-only"
            dane = "on"
            mta_resolvers = ["127.0.0.1:53"]
            exceptions = "/etc/exceptions.toml"
            deadline = 0.5
            without_policy = 10
            [[tcp]]
            listen = "127.0.0.1:8463"
            map = "postfix-3.9"
            [[tcp]]
            listen = "127.0.0.1:8464"
            "#,
        )
        .unwrap();
        let settings = section.settings();
        assert_eq!(settings.level, OperatorLevel::DaneOnly);
        assert_eq!((settings.mode, settings.without_policy), (Mode::Observe, 10));
        assert_eq!(settings.deadline, Duration::from_millis(500));
        let maps: Vec<_> = section.tcp.iter().map(|table| table.map.0).collect();
        assert_eq!(maps, [MapName::Postfix3_9, MapName::Postfix]);
        let mut section = section;
        section.relative_to(Path::new("/etc/sealpost"));
        assert_eq!(section.store.as_deref(), Some(Path::new("/etc/sealpost/store.sqlite")));
        assert_eq!(section.exceptions.as_deref(), Some(Path::new("/etc/exceptions.toml")));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            ("listen = [\"localhost:8461\"]", "IP address with a port"),
            ("mode = \"enforced\"", "unknown variant"),
            ("default_level = \"encrypted\"", "write one of unknown, none, may"),
            ("dane = true", "wanted string"),
            ("deadline = 0.0", "from 0.1 to 60"),
            ("deadline = 61.0", "from 0.1 to 60"),
            ("deadlin = 3", "unknown field `deadlin`"),
            ("[[tcp]]\nlisten = \"127.0.0.1:1\"\nmap = \"postfx\"", "write one of postfix,"),
            ("[[tcp]]\nmap = \"postfix\"", "missing field `listen`"),
        ] {
            let error = toml::from_str::<Section>(text).unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains("line"), "{text}: {error}");
        }
    }
}
