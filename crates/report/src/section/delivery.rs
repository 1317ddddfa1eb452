//! How reports leave, as the operator writes it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_dkim::Selector;
use sealpost_net::{MailWay, Program};
use serde::{Deserialize, Deserializer, de::Error as _};
use tls_rpt::{MailAddress, RetrySchedule};

/// Seconds of an hour.
const HOUR: u64 = 3_600;

/// The section `[report.delivery]`. Where it is missing, no report is sent; where it is there, each
/// key may be left out.
///
/// ```toml
/// [report.delivery]
/// mail = "relay:127.0.0.1:25"           # or sendmail:/usr/sbin/sendmail, or direct
/// from = "tls-reports@example.com"      # by default the contact
/// return_path = "tls-bounces@example.com"
/// return_path_delimiter = "+"           # where the mail server knows extensions of addresses
/// own_mails = "counted"                 # or uncounted
/// destinations = "all"                  # or first
/// settle_minutes = 15
/// spread_hours = 4
///
/// [[report.delivery.dkim]]
/// key = "/etc/sealpost/dkim-rsa.pem"
/// selector = "tlsrpt-rsa"
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Delivery {
    /// The way of mails: `relay:HOST:PORT`, `sendmail:PATH` or `direct`.
    #[schemars(with = "String", extend("default" = "sendmail:/usr/sbin/sendmail"))]
    pub mail: MailWay,
    /// Who is the author of the mails; by default the contact.
    #[schemars(with = "Option<String>", skip_serializing)]
    pub from: Option<MailAddress>,
    /// Where mails go that come back; by default where they are from.
    #[schemars(with = "Option<String>", skip_serializing)]
    pub return_path: Option<MailAddress>,
    /// What stands between that address and the mark of one mail; without it all mails have the same
    /// return path, and are told apart by what comes back.
    pub return_path_delimiter: Option<char>,
    /// Whether the mail server tells of sessions that brought our reports.
    pub own_mails: OwnMails,
    /// To whom a report goes that has several destinations.
    pub destinations: Destinations,
    /// Which certificates an HTTPS receiver may show.
    pub certificates: HttpsCertificates,
    /// How long after midnight the numbers of the day are taken for final, in minutes: 15.
    pub settle_minutes: u16,
    /// Over how many hours the reports of a night are spread: 4.
    pub spread_hours: u8,
    /// How long a report is tried again, in hours: 24.
    pub retry_hours: u16,
    /// How many days back reports are made up for, if we were down: by default as many as the counters
    /// are kept for (`retention_days`).
    pub late_days: Option<u16>,
    /// How many are under way at a time: 32.
    pub at_once: u16,
    /// How many of them go to one host: 2.
    pub at_once_per_host: u16,
    /// How many attempts one host sees on a day: 10,000.
    pub per_host_a_day: u32,
    /// For how many days a destination gets nothing whose mail came back, or that refused three
    /// reports in turn: 7.
    pub suppress_days: u16,
    /// For how many days is kept what has been sent: 7.
    pub keep_days: u16,
    /// The keys that sign the mails, each by itself.
    pub dkim: Vec<DkimKey>,
}

/// Whether the mail server tells of sessions that brought our reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OwnMails {
    /// It may: as many sessions as there were mails are left out, successful ones first.
    #[default]
    Counted,
    /// It does not.
    Uncounted,
}

/// To whom a report goes that has several destinations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Destinations {
    /// To all.
    #[default]
    All,
    /// To the first that accepts it.
    First,
}

/// Which certificates an HTTPS receiver may show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpsCertificates {
    /// Any.
    #[default]
    Any,
    /// Only one that holds for the host.
    Valid,
}

/// A key that signs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DkimKey {
    /// The file of the secret key, PEM: RSA or Ed25519.
    #[schemars(extend("x-path" = "secret"))]
    pub key: PathBuf,
    /// Where its public part stands in DNS: at `SELECTOR._domainkey.DOMAIN`.
    #[serde(deserialize_with = "selector")]
    #[schemars(with = "String")]
    pub selector: Selector,
    /// The domain that signs; by default that of the author.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub domain: Option<DomainName>,
}

impl Delivery {
    /// When reports are sent, and when again.
    pub fn schedule(&self) -> RetrySchedule {
        RetrySchedule {
            spread: Duration::from_secs(u64::from(self.spread_hours) * HOUR),
            lifetime: Duration::from_secs(u64::from(self.retry_hours) * HOUR),
            ..RetrySchedule::default()
        }
    }

    /// Relative paths start from this folder.
    pub fn relative_to(&mut self, folder: &Path) {
        for key in &mut self.dkim {
            key.key = folder.join(&key.key);
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        let sendmail = Program::at("/usr/sbin/sendmail").map(MailWay::Program);
        Self {
            mail: sendmail.unwrap_or(MailWay::Direct),
            from: None,
            return_path: None,
            return_path_delimiter: None,
            own_mails: OwnMails::default(),
            destinations: Destinations::default(),
            certificates: HttpsCertificates::default(),
            settle_minutes: 15,
            spread_hours: 4,
            retry_hours: 24,
            late_days: None,
            at_once: 32,
            at_once_per_host: 2,
            per_host_a_day: 10_000,
            suppress_days: 7,
            keep_days: 7,
            dkim: Vec::new(),
        }
    }
}

fn selector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Selector, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use sealpost_net::Relay;

    use super::*;

    #[test]
    fn every_key_is_read() {
        let mut delivery: Delivery = toml::from_str(
            r#"
            mail = "relay:[::1]:2525"
            from = "a@example.com"
            return_path = "b@example.com"
            return_path_delimiter = "+"
            own_mails = "uncounted"
            destinations = "first"
            certificates = "valid"
            settle_minutes = 1
            spread_hours = 2
            retry_hours = 3
            late_days = 4
            at_once = 5
            at_once_per_host = 6
            per_host_a_day = 7
            suppress_days = 8
            keep_days = 9
            [[dkim]]
            key = "rsa.pem"
            selector = "s1"
            domain = "example.com"
            "#,
        )
        .unwrap();
        delivery.relative_to(Path::new("/etc/sealpost"));
        assert_eq!(delivery.dkim[0].key, Path::new("/etc/sealpost/rsa.pem"));
        assert_eq!(delivery.mail, MailWay::Relay(Relay::parse("[::1]:2525").unwrap()));
        assert_eq!(delivery.schedule().spread, Duration::from_hours(2));
        assert_eq!(delivery.schedule().lifetime, Duration::from_hours(3));
    }

    #[test]
    fn the_way_of_mails_has_three_forms() {
        let read = |text: &str| toml::from_str::<Delivery>(&format!("mail = {text:?}"));
        assert_eq!(read("direct").unwrap().mail, MailWay::Direct);
        assert!(matches!(read("sendmail:/usr/sbin/sendmail").unwrap().mail, MailWay::Program(_)));
        for bad in ["", "directly", "relay", "relay:", "sendmail:sendmail", "smtp:127.0.0.1"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(toml::from_str::<Delivery>("from = \"nobody\"").is_err());
        assert!(toml::from_str::<Delivery>("[[dkim]]\nkey = \"a\"").is_err());
    }
}
