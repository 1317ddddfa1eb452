//! Whether reports leave where TLS is broken, and whether what brings them is counted.

use std::fmt;

use super::{Examined, Health, Reporter, ReporterWay};
use crate::section::OwnMails;

const WHAT: &str = "transport";

/// What stands in `master.cf` where Postfix does not do it by itself: no policies, and nothing told.
const TRANSPORT: &str = "\
tlsreport unix - - n - - smtp
  -o smtp_tls_security_level=may
  -o smtp_tls_policy_maps=
  -o smtp_tlsrpt_enable=no
127.0.0.1:2526 inet n - n - - smtpd
  -o content_filter=tlsreport:
  -o smtpd_client_restrictions=permit_mynetworks,reject";
/// Of it, what earlier versions than 3.10 do not know.
const OF_3_10: &str = "  -o smtp_tlsrpt_enable=no\n";
/// The day since which Postfix tells nothing of mails with `TLS-Required: No`, as it writes days.
const SILENT_SINCE: u32 = 20_250_803;

/// A release of Postfix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostfixRelease {
    version: String,
    is_3_10: bool,
    date: u32,
}

impl PostfixRelease {
    /// Reads `mail_version` and `mail_release_date`; `None` if they are none that Postfix has.
    pub fn read(version: &str, date: &str) -> Option<Self> {
        // `3.10.5`, and `3.12-20260821` for a snapshot.
        let mut numbers = version.split(['.', '-']).map(str::parse::<u16>);
        let (major, minor) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        let date = date.parse().ok().filter(|_| date.len() == 8)?;
        Some(Self { version: version.to_owned(), is_3_10: (major, minor) >= (3, 10), date })
    }

    /// Whether it tells of its TLS sessions, if it was built for that.
    pub fn knows_tls_rpt(&self) -> bool {
        self.is_3_10
    }
}

impl fmt::Display for PostfixRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Postfix {}", self.version)
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//# When sending failure reports
//# via SMTP, Sending MTAs MUST deliver reports despite any TLS-
//# related failures and SHOULD NOT include this SMTP session in the
//# next report.
pub(super) fn examine(reporter: &Reporter) -> Examined {
    if reporter.way == ReporterWay::Direct {
        return Examined::good(WHAT, "mails leave from here: TLS is tried, and never required");
    }
    if reporter.own_mails == OwnMails::Uncounted {
        return Examined::good(
            WHAT,
            "the mail server is said to tell nothing of the mails (`own_mails`); see that it asks for \
             no policy there",
        );
    }
    match &reporter.postfix {
        Some(postfix) if postfix.is_3_10 && postfix.date >= SILENT_SINCE => Examined::good(
            WHAT,
            format!(
                "{postfix} obeys `TLS-Required: No`, and tells nothing of such mails: own_mails = \
                 \"uncounted\" in [report.delivery] says so"
            ),
        ),
        Some(postfix) if postfix.is_3_10 => Examined::ill(
            WHAT,
            Health::Doubtful,
            format!(
                "{postfix} obeys `TLS-Required: No`, and tells of such mails: sessions are left out of \
                 the reports in their place"
            ),
            of_its_own(TRANSPORT),
        ),
        Some(postfix) => Examined::ill(
            WHAT,
            Health::Doubtful,
            format!(
                "{postfix} does not know `TLS-Required: No`: a report waits where TLS is broken, if \
                 that is asked of other mail"
            ),
            of_its_own(&TRANSPORT.replace(OF_3_10, "")),
        ),
        None => Examined::ill(
            WHAT,
            Health::Unknown,
            "it is not known what the mail server makes of `TLS-Required: No` (RFC 8689)",
            format!(
                "unless it obeys it, and tells nothing of such mails: {}",
                of_its_own(TRANSPORT)
            ),
        ),
    }
}

fn of_its_own(transport: &str) -> String {
    format!(
        "give the mails a way of their own, without policies; with Postfix in master.cf:\n{transport}\n\
         then mail = \"relay:127.0.0.1:2526\" and own_mails = \"uncounted\" in [report.delivery]"
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn examined(way: ReporterWay, own_mails: OwnMails, release: (&str, &str)) -> Examined {
        let domain: mail_domain::DomainName = "example.com".parse().unwrap();
        examine(&Reporter {
            submitter: domain.clone(),
            author: domain.clone(),
            return_path: domain.clone(),
            keys: Vec::new(),
            way,
            postfix: PostfixRelease::read(release.0, release.1),
            own_mails,
            host: domain,
            addresses: BTreeMap::new(),
        })
    }

    #[test]
    fn what_does_not_let_reports_out_gets_a_transport() {
        use Health::{Doubtful, Good, Unknown};
        for (version, date, state, transport) in [
            ("3.12-20260821", "20260821", Good, None),
            ("3.10.5", "20251026", Good, None),
            ("3.10.2", "20250422", Doubtful, Some(TRANSPORT)),
            ("3.11-20250301", "20250301", Doubtful, Some(TRANSPORT)),
            ("3.9.1", "20241206", Doubtful, Some("smtp_tls_policy_maps=\n127.0.0.1")),
            // A release of an old series, of a day on which newer ones were silent.
            ("3.7.16", "20251026", Doubtful, Some("smtp_tls_policy_maps=\n127.0.0.1")),
            ("", "", Unknown, Some(TRANSPORT)),
            ("3.10.5", "soon", Unknown, Some(TRANSPORT)),
            ("Postfix", "20251026", Unknown, Some(TRANSPORT)),
        ] {
            let found = examined(ReporterWay::MailServer, OwnMails::Counted, (version, date));
            assert_eq!(found.state, state, "{version}: {found:?}");
            let remedy = found.remedy.unwrap_or_default();
            assert!(remedy.contains(transport.unwrap_or_default()), "{version}: {remedy}");
            assert_eq!(remedy.is_empty(), transport.is_none(), "{version}: {remedy}");
        }
        let old = ("3.7.11", "20240304");
        let said = examined(ReporterWay::MailServer, OwnMails::Uncounted, old);
        assert_eq!(said.state, Good, "{said:?}");
        assert_eq!(examined(ReporterWay::Direct, OwnMails::Counted, old).state, Good);
    }

    #[test]
    fn the_paper_has_the_same_transport() {
        let paper = include_str!("../../../../doc/how-to/send-reports.md");
        assert!(paper.contains(&format!("```text\n{TRANSPORT}\n```")), "{TRANSPORT}");
    }
}
