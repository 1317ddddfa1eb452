//! What the operator writes into the configuration.

use std::{
    collections::BTreeSet,
    fmt::Display,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use jiff::{civil::Time, tz::TimeZone};
use schemars::JsonSchema;
use sealpost_evidence::incident::Urgency;
use sealpost_net::{MailWay, Program, ServiceUrl};
use sealpost_runtime::state_folder;
use sealpost_store::incidents::{LONGEST_RECEIVER, MOST_RECEIVERS};
use serde::{Deserialize, Deserializer, de::Error as _};
use tls_rpt::MailAddress;

use crate::{
    DigestTimes, QuietHours,
    step::{ReceiverTerms, Terms},
};

/// The section `[alert]` of the configuration. Each key may be left out; without a receiver,
/// incidents are kept and shown, and nobody is told.
///
/// ```toml
/// [alert]
/// mail = "sendmail:/usr/sbin/sendmail"  # or relay:127.0.0.1:25, or direct
/// from = "sealpost@example.com"
/// link = "https://sealpost.example.com" # where the pages are
/// time_zone = "Europe/Berlin"           # of quiet hours and digests
///
/// [[alert.receiver]]
/// name = "postmaster"
/// mail = "postmaster@example.com"
/// least = "warning"                     # or note, critical
/// quiet_hours = "22:00-06:00"
/// digest = "weekly"                     # or daily
///
/// [[alert.receiver]]
/// name = "chat"
/// webhook = "https://hooks.example.com/sealpost"
/// secret_file = "/etc/sealpost/webhook.secret"
///
/// [[alert.receiver]]
/// name = "alertmanager"
/// alertmanager = "http://127.0.0.1:9093"
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// The file in which incidents are kept, beside what they are made of.
    #[schemars(extend("x-path" = "store"))]
    pub store: Option<PathBuf>,
    /// The way of mails: `sendmail:PATH`, `relay:HOST:PORT` or `direct`.
    #[schemars(with = "String", extend("default" = "sendmail:/usr/sbin/sendmail"))]
    pub mail: MailWay,
    /// Who is the author of the mails; by default `sealpost@` and the name of the machine.
    #[schemars(with = "Option<String>", skip_serializing)]
    pub from: Option<MailAddress>,
    /// Where the pages are, for links: what stands before `/incidents`.
    #[serde(deserialize_with = "link")]
    pub link: Option<String>,
    /// The place of quiet hours and digests, as in `Europe/Berlin`; by default UTC.
    #[serde(deserialize_with = "zone")]
    #[schemars(with = "Option<String>", skip_serializing)]
    pub time_zone: Option<TimeZone>,
    /// Between two looks at everything, in seconds: 60.
    pub look_seconds: u16,
    /// How long something must hold before people are told, in seconds, in place of what its cause
    /// says.
    pub open_after_seconds: Option<u32>,
    /// How long it must be gone before it is over, likewise.
    pub resolve_after_seconds: Option<u32>,
    /// The first pause before a receiver that could not be told is tried again, in seconds: 15. Each
    /// further one is twice as long, up to an hour.
    pub retry_seconds: u16,
    /// For how many days a receiver is tried: 7.
    pub retry_days: u16,
    /// For how many days is kept what is over: 400.
    pub keep_days: u16,
    /// Who is told; at most 64.
    pub receiver: Vec<Receiver>,
}

/// Somebody who is told. One of `mail`, `webhook` and `alertmanager` says how.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "ReceiverKeys")]
#[schemars(with = "ReceiverKeys")]
pub struct Receiver {
    /// Its name.
    pub name: String,
    /// How it is told.
    pub channel: Channel,
    /// What presses less is not told.
    pub least: Urgency,
    /// When it is left in peace: from and to.
    pub quiet: Option<(Time, Time)>,
    /// What presses less waits then.
    pub quiet_below: Urgency,
    /// How often it gets all that is open, and at which time of the day.
    pub digest: Option<(Digest, Time)>,
    /// How long it may take to answer.
    pub patience: Duration,
}

/// How somebody is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Channel {
    /// By mail to this address.
    Mail(MailAddress),
    /// By a POST.
    Webhook {
        /// To this URL.
        url: ServiceUrl,
        /// Signed with what is in this file.
        secret: Option<PathBuf>,
    },
    /// Through the API of an Alertmanager, whose base this is.
    Alertmanager(ServiceUrl),
}

/// How often somebody gets all that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    /// Every day.
    Daily,
    /// Every Monday.
    Weekly,
}

/// The keys of a receiver.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ReceiverKeys {
    /// Its name: lower-case letters, digits, hyphens.
    name: String,
    /// The address of mail that is told.
    #[serde(default)]
    mail: Option<String>,
    /// The URL that notices are posted to: `https://…`, or `http://127.0.0.1:PORT/…` on this machine.
    #[serde(default)]
    webhook: Option<String>,
    /// The file with the secret that signs posts.
    #[serde(default)]
    #[schemars(extend("x-path" = "secret"))]
    secret_file: Option<PathBuf>,
    /// The same as a credential of systemd, by its name.
    #[serde(default)]
    secret_credential: Option<String>,
    /// The base of an Alertmanager: `https://…`, or `http://127.0.0.1:PORT` on this machine.
    #[serde(default)]
    alertmanager: Option<String>,
    /// What presses less is not told: `note`, `warning` or `critical`.
    #[serde(default = "warning")]
    least: Urgency,
    /// Hours in which nothing is told that can wait, as in `22:00-06:00`.
    #[serde(default)]
    quiet_hours: Option<String>,
    /// What presses less waits in quiet hours: `warning` or `critical`.
    #[serde(default = "critical")]
    quiet_below: Urgency,
    /// How often all that is open is sent by mail: `daily`, or `weekly` on Mondays.
    #[serde(default)]
    digest: Option<Digest>,
    /// At which time of the day: 07:00.
    #[serde(default = "seven")]
    digest_at: String,
    /// How long it may take to answer, in seconds: 10, and 60 for mail.
    #[serde(default)]
    timeout_seconds: Option<u16>,
}

impl Section {
    /// Where incidents are kept: by default in the [state folder](state_folder).
    pub fn store_file(&self) -> PathBuf {
        self.store.clone().unwrap_or_else(|| state_folder().join("store.sqlite"))
    }

    /// When incidents come and go, and who is told.
    pub fn terms(&self) -> Terms {
        let receivers = self.receiver.iter().map(|receiver| ReceiverTerms {
            name: receiver.name.clone(),
            least: receiver.least,
            quiet: receiver.quiet.map(|(from, to)| QuietHours {
                from,
                to,
                zone: self.zone(),
                below: receiver.quiet_below,
            }),
            digest: receiver.digest.map(|(every, at)| DigestTimes { every, at, zone: self.zone() }),
        });
        Terms {
            hold: self.open_after_seconds,
            clear: self.resolve_after_seconds,
            link: self.link.clone(),
            receivers: receivers.collect(),
        }
    }

    /// The place of quiet hours and digests.
    pub fn zone(&self) -> TimeZone {
        self.time_zone.clone().unwrap_or(TimeZone::UTC)
    }

    /// Between two looks at everything.
    pub fn look_pause(&self) -> Duration {
        Duration::from_secs(self.look_seconds.clamp(1, 3_600).into())
    }

    /// What is wrong with all receivers together: a text that fits after "failed to".
    ///
    /// # Errors
    ///
    /// That text.
    pub fn check(&self) -> Result<(), String> {
        if self.receiver.len() > MOST_RECEIVERS {
            return Err(format!("tell so many: [alert] has more than {MOST_RECEIVERS} receivers"));
        }
        let mut names = BTreeSet::new();
        for receiver in &self.receiver {
            if !names.insert(&receiver.name) {
                let name = &receiver.name;
                return Err(format!(
                    "tell them apart: two receivers of [alert] have the name {name}"
                ));
            }
        }
        Ok(())
    }

    /// Relative paths start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        if let Some(store) = &mut self.store {
            *store = folder.join(&*store);
        }
        for receiver in &mut self.receiver {
            if let Channel::Webhook { secret: Some(path), .. } = &mut receiver.channel {
                *path = folder.join(&*path);
            }
        }
    }
}

impl Default for Section {
    fn default() -> Self {
        let sendmail = Program::at("/usr/sbin/sendmail").map(MailWay::Program);
        Self {
            store: None,
            mail: sendmail.unwrap_or(MailWay::Direct),
            from: None,
            link: None,
            time_zone: None,
            look_seconds: 60,
            open_after_seconds: None,
            resolve_after_seconds: None,
            retry_seconds: 15,
            retry_days: 7,
            keep_days: 400,
            receiver: Vec::new(),
        }
    }
}

impl TryFrom<ReceiverKeys> for Receiver {
    type Error = String;

    fn try_from(keys: ReceiverKeys) -> Result<Self, String> {
        let is_plain = |octet| matches!(octet, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let ReceiverKeys { name, .. } = keys;
        if name.is_empty() || name.len() > LONGEST_RECEIVER || !name.bytes().all(is_plain) {
            return Err(
                "the name of a receiver has 1 to 32 lower-case letters, digits, hyphens".into()
            );
        }
        let has_secret = keys.secret_file.is_some() || keys.secret_credential.is_some();
        let channel = match (&keys.mail, &keys.webhook, &keys.alertmanager) {
            (Some(address), None, None) => Channel::Mail(read(address)?),
            (None, Some(url), None) => {
                let secret = match (keys.secret_file, keys.secret_credential) {
                    (None, None) => None,
                    (Some(path), None) => Some(path),
                    (None, Some(name)) => Some(credential(&name).ok_or(
                        "`secret_credential` names a file that systemd provides; there is no \
                         CREDENTIALS_DIRECTORY",
                    )?),
                    _ => return Err("give one of `secret_file` and `secret_credential`".into()),
                };
                Channel::Webhook { url: read(url)?, secret }
            }
            (None, None, Some(url)) => Channel::Alertmanager(read(url)?),
            _ => {
                return Err(format!(
                    "the receiver {name} needs one of `mail`, `webhook` and `alertmanager`"
                ));
            }
        };
        if has_secret && !matches!(channel, Channel::Webhook { .. }) {
            return Err("a secret is for `webhook`".into());
        }
        let is_mail = matches!(channel, Channel::Mail(_));
        if keys.digest.is_some() && !is_mail {
            return Err("a digest is for `mail`".into());
        }
        let quiet = keys.quiet_hours.map(|text| {
            let (from, to) = text.split_once('-')?;
            Some((clock(from)?, clock(to)?))
        });
        let quiet = match quiet {
            Some(None) => return Err("write quiet hours as in \"22:00-06:00\"".into()),
            Some(hours) => hours,
            None => None,
        };
        let at = clock(&keys.digest_at).ok_or("write `digest_at` as in \"07:00\"")?;
        let seconds = keys.timeout_seconds.unwrap_or(if is_mail { 60 } else { 10 });
        Ok(Self {
            name,
            channel,
            least: keys.least,
            quiet,
            quiet_below: keys.quiet_below,
            digest: keys.digest.map(|digest| (digest, at)),
            patience: Duration::from_secs(seconds.clamp(1, 600).into()),
        })
    }
}

fn read<T: FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// A time of the day, as in `07:00`.
fn clock(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// A file of `LoadCredential=`.
fn credential(name: &str) -> Option<PathBuf> {
    let is_plain = !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty())?;
    is_plain.then(|| PathBuf::from(folder).join(name))
}

fn warning() -> Urgency {
    Urgency::Warning
}

fn critical() -> Urgency {
    Urgency::Critical
}

fn seven() -> String {
    "07:00".to_owned()
}

fn link<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let is_visible = text.len() <= 500 && text.bytes().all(|octet| octet.is_ascii_graphic());
    let is_link = text.starts_with("https://") || text.starts_with("http://");
    if is_visible && is_link {
        return Ok(Some(text));
    }
    Err(D::Error::custom("write a link as in \"https://sealpost.example.com\""))
}

fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeZone>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == "UTC" {
        return Ok(Some(TimeZone::UTC));
    }
    TimeZone::get(&text).map(Some).map_err(|_| {
        D::Error::custom("this machine knows no such time zone; write it as in \"Europe/Berlin\"")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receiver(more: &str) -> Result<Receiver, String> {
        toml::from_str(&format!("name = \"one\"\n{more}")).map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_is_read() {
        let mut section: Section = toml::from_str(
            r#"
            store = "store.sqlite"
            mail = "relay:127.0.0.1:2525"
            from = "sealpost@example.com"
            link = "https://sealpost.example.com"
            time_zone = "UTC"
            look_seconds = 0
            open_after_seconds = 1
            resolve_after_seconds = 2
            retry_seconds = 3
            retry_days = 4
            keep_days = 5
            [[receiver]]
            name = "postmaster"
            mail = "postmaster@example.com"
            least = "note"
            quiet_hours = "22:00-06:30"
            quiet_below = "warning"
            digest = "weekly"
            digest_at = "08:15"
            timeout_seconds = 7
            [[receiver]]
            name = "chat"
            webhook = "https://hooks.example.com/sealpost"
            secret_file = "secret"
            [[receiver]]
            name = "am"
            alertmanager = "http://127.0.0.1:9093"
            "#,
        )
        .unwrap();
        section.relative_to(Path::new("/etc/sealpost"));
        section.check().unwrap();
        assert_eq!(section.store_file(), Path::new("/etc/sealpost/store.sqlite"));
        assert_eq!(section.look_pause(), Duration::from_secs(1));
        let [postmaster, chat, alertmanager] = &section.receiver[..] else { panic!() };
        assert_eq!(postmaster.least, Urgency::Note);
        assert_eq!(postmaster.quiet.unwrap().1, Time::new(6, 30, 0, 0).unwrap());
        assert_eq!(postmaster.digest.unwrap().0, Digest::Weekly);
        assert_eq!(postmaster.patience, Duration::from_secs(7));
        let Channel::Webhook { secret, .. } = &chat.channel else { panic!() };
        assert_eq!(secret.as_deref(), Some(Path::new("/etc/sealpost/secret")));
        assert_eq!((chat.least, chat.patience), (Urgency::Warning, Duration::from_secs(10)));
        assert!(matches!(alertmanager.channel, Channel::Alertmanager(_)));
        assert_eq!(section.terms().receivers.len(), 3);
    }

    #[test]
    fn what_is_wrong_with_a_receiver_is_told() {
        for (more, expected) in [
            ("", "needs one of"),
            ("mail = \"nobody\"", ""),
            ("mail = \"a@example.com\"\nwebhook = \"https://a.example\"", "needs one of"),
            ("webhook = \"http://hooks.example.com\"", "write a URL"),
            ("alertmanager = \"http://192.0.2.1:9093\"", "write a URL"),
            ("mail = \"a@example.com\"\nsecret_file = \"x\"", "a secret is for"),
            ("alertmanager = \"http://127.0.0.1:1\"\ndigest = \"daily\"", "a digest is for"),
            ("mail = \"a@example.com\"\nquiet_hours = \"22-6\"", "quiet hours"),
            ("mail = \"a@example.com\"\nquiet_hours = \"22:00-25:00\"", "quiet hours"),
            ("mail = \"a@example.com\"\nleast = \"error\"", "unknown variant"),
            ("mail = \"a@example.com\"\nlevel = \"note\"", "unknown field"),
        ] {
            let error = receiver(more).unwrap_err();
            assert!(error.contains(expected), "{more}: {error}");
        }
        assert!(toml::from_str::<Receiver>("name = \"a b\"\nmail = \"a@example.com\"").is_err());
        assert!(toml::from_str::<Section>("time_zone = \"Middle/Earth\"").is_err());
        // What goes into the fields of mails as it is has no other octets than those of US-ASCII.
        for address in ["wächter@example.com", "\\\"wächter\\\"@example.com", "a\\n@example.com"]
        {
            assert!(toml::from_str::<Section>(&format!("from = \"{address}\"")).is_err());
            assert!(receiver(&format!("mail = \"{address}\"")).is_err());
        }
        let abroad: Section = toml::from_str("from = \"a@b\u{fc}cher.example\"").unwrap();
        assert_eq!(abroad.from.unwrap().to_string(), "a@xn--bcher-kva.example");
        assert!(toml::from_str::<Section>("link = \"javascript:alert(1)\"").is_err());
        let one = receiver("mail = \"a@example.com\"").unwrap();
        let twice = Section { receiver: vec![one.clone(), one], ..Section::default() };
        assert!(twice.check().unwrap_err().contains("one"));
    }
}
