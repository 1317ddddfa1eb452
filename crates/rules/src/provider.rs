//! The MX patterns that fit the customers of large providers.

use mail_domain::DomainName;
use mta_sts::MxPattern;

/// A provider whose MX hosts are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Google Workspace and Gmail.
    GoogleWorkspace,
    /// Microsoft 365, for hosts under `mail.protection.outlook.com`. Hosts under `mx.microsoft` have
    /// two labels before that name, which a wildcard can't cover: name those exactly.
    Microsoft365,
    /// Proofpoint.
    Proofpoint,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::GoogleWorkspace, Self::Microsoft365, Self::Proofpoint];

    /// The provider that an MX host belongs to, by its name.
    pub fn of(host: &DomainName) -> Option<Self> {
        let suffixes: [(&str, Self); 4] = [
            ("google.com", Self::GoogleWorkspace),
            ("googlemail.com", Self::GoogleWorkspace),
            ("mail.protection.outlook.com", Self::Microsoft365),
            ("pphosted.com", Self::Proofpoint),
        ];
        let host = host.as_str();
        let is_below =
            |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'));
        suffixes.into_iter().find(|(suffix, _)| is_below(suffix)).map(|(_, provider)| provider)
    }

    /// The name on the command line and in settings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoogleWorkspace => "google-workspace",
            Self::Microsoft365 => "microsoft-365",
            Self::Proofpoint => "proofpoint",
        }
    }

    /// The patterns to publish.
    pub fn patterns(self) -> Vec<MxPattern> {
        let texts: &[&str] = match self {
            Self::GoogleWorkspace => {
                &["smtp.google.com", "aspmx.l.google.com", "*.aspmx.l.google.com"]
            }
            Self::Microsoft365 => &["*.mail.protection.outlook.com"],
            Self::Proofpoint => &["*.pphosted.com", "*.gslb.pphosted.com"],
        };
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_cover_the_hosts_of_each_provider() {
        let covered = [
            (Provider::GoogleWorkspace, "smtp.google.com"),
            (Provider::GoogleWorkspace, "aspmx.l.google.com"),
            (Provider::GoogleWorkspace, "alt4.aspmx.l.google.com"),
            (Provider::Microsoft365, "contoso-com.mail.protection.outlook.com"),
            (Provider::Proofpoint, "mxa-001.pphosted.com"),
            (Provider::Proofpoint, "mxb-001.gslb.pphosted.com"),
        ];
        for (provider, host) in covered {
            let host = host.parse().unwrap();
            assert!(provider.patterns().iter().any(|pattern| pattern.matches(&host)), "{host}");
        }
        let left_out = [
            (Provider::GoogleWorkspace, "evil.google.com"),
            (Provider::Microsoft365, "mail.protection.outlook.com"),
            (Provider::Microsoft365, "contoso-com.a-v1.mx.microsoft"),
            (Provider::Proofpoint, "pphosted.com"),
        ];
        for (provider, host) in left_out {
            let host = host.parse().unwrap();
            assert!(!provider.patterns().iter().any(|pattern| pattern.matches(&host)), "{host}");
        }
    }

    #[test]
    fn a_provider_is_known_by_its_hosts() {
        for (host, provider) in [
            ("aspmx.l.google.com", Some(Provider::GoogleWorkspace)),
            ("alt1.gmail-smtp-in.l.google.com", Some(Provider::GoogleWorkspace)),
            ("contoso-com.mail.protection.outlook.com", Some(Provider::Microsoft365)),
            ("contoso-com.a-v1.mx.microsoft", None), // no wildcard covers it
            ("mxa-001.gslb.pphosted.com", Some(Provider::Proofpoint)),
            ("notgoogle.com", None),
            ("mx.google.com.example", None),
            ("google.com", None),
        ] {
            assert_eq!(Provider::of(&host.parse().unwrap()), provider, "{host}");
        }
    }

    #[test]
    fn every_pattern_parses() {
        let counts = Provider::ALL.map(|provider| provider.patterns().len());
        assert_eq!(counts, [3, 1, 2]);
    }
}
