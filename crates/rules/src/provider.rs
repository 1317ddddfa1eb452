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

/// A pattern that guides give for a provider and that leaves some of its hosts uncovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuideMistake {
    /// The pattern, as it stands in the policy.
    pub pattern: MxPattern,
    /// A host of the kind that stays uncovered.
    pub uncovered: &'static str,
    /// What to publish.
    pub instead: &'static str,
}

/// What guides get wrong: the pattern, a host that it leaves uncovered, what to publish.
const GUIDES: [(&str, &str, &str); 7] = [
    ("*.mail.google.com", "aspmx.l.google.com", GOOGLE),
    ("*.google.com", "aspmx.l.google.com", GOOGLE),
    ("*.googlemail.com", "alt1.aspmx.l.google.com", GOOGLE),
    ("*.outlook.com", "contoso-com.mail.protection.outlook.com", MICROSOFT),
    ("mail.protection.outlook.com", "contoso-com.mail.protection.outlook.com", MICROSOFT),
    ("*.mx.microsoft", "contoso-com.a-v1.mx.microsoft", "the exact name from the MX record"),
    ("*.pphosted.com", "mxb-001.gslb.pphosted.com", "*.pphosted.com and *.gslb.pphosted.com"),
];
const GOOGLE: &str = "smtp.google.com, aspmx.l.google.com and *.aspmx.l.google.com";
const MICROSOFT: &str = "*.mail.protection.outlook.com";

/// The patterns among these that guides give and that leave hosts of their provider uncovered, which
/// no other of these patterns covers. A wildcard stands for one label.
pub fn guide_mistakes(patterns: &[MxPattern]) -> Vec<GuideMistake> {
    let mut mistakes = Vec::new();
    for (text, uncovered, instead) in GUIDES {
        let Ok(host) = DomainName::parse(uncovered) else { continue };
        let found = patterns.iter().find(|pattern| pattern.to_string() == text);
        let is_covered = patterns.iter().any(|pattern| pattern.matches(&host));
        if let Some(pattern) = found.filter(|_| !is_covered) {
            mistakes.push(GuideMistake { pattern: pattern.clone(), uncovered, instead });
        }
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_guides_get_wrong_is_named() {
        let mistakes = |texts: &[&str]| {
            let patterns: Vec<MxPattern> = texts.iter().map(|text| text.parse().unwrap()).collect();
            guide_mistakes(&patterns).iter().map(|m| m.pattern.to_string()).collect::<Vec<_>>()
        };
        for (text, ..) in GUIDES {
            assert_eq!(mistakes(&[text]), [text]);
        }
        assert_eq!(mistakes(&["aspmx.l.google.com", "*.googlemail.com"]), ["*.googlemail.com"]);
        let none: [&str; 0] = [];
        for provider in Provider::ALL {
            let texts: Vec<String> = provider.patterns().iter().map(ToString::to_string).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            assert_eq!(mistakes(&texts), none);
        }
        assert_eq!(mistakes(&["*.mx.microsoft", "*.a-v1.mx.microsoft"]), none);
        assert_eq!(mistakes(&["mx.example.com"]), none);
    }

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
