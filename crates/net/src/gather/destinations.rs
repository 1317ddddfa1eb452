//! Where TLS reports go, as far as it can be seen without sending one.

use mail_domain::DomainName;
use sealpost_evidence::{AbsenceKind, Lookup, Octets, ReportDestination, TextRecord};
use tls_rpt::{Host, HttpsUri, MailtoUri, Record, ReportUri, Selection, select_record};

use super::all;
use crate::deadline::Deadline;
use crate::dns::MOST_MX;
use crate::https::Purpose;
use crate::network::Network;

/// The most destinations that are looked at.
const MOST_DESTINATIONS: usize = 8;

/// The port of a URI that names none.
pub(crate) const HTTPS_PORT: u16 = 443;

impl Network {
    /// Looks at each destination of the one TLS-RPT record, where there is one.
    pub(super) async fn report_destinations(
        &self,
        records: Option<&Lookup<Vec<TextRecord>>>,
        deadline: Deadline,
    ) -> Vec<ReportDestination> {
        let uris = records.and_then(Lookup::value).map_or_else(Vec::new, |texts| uris(texts));
        let tasks = uris.into_iter().take(MOST_DESTINATIONS).filter_map(|uri| {
            let network = self.clone();
            match uri {
                ReportUri::Mailto(uri) => Some(Target::Mailto(uri)),
                // An address needs no look-up, and no certificate could be right for it.
                ReportUri::Https(uri) => match uri.host().clone() {
                    Host::Domain(host) => Some(Target::Https(uri, host)),
                    Host::Address(_) => None,
                },
            }
            .map(|target| async move { network.report_destination(target, deadline).await })
        });
        all(tasks).await
    }

    async fn report_destination(&self, target: Target, deadline: Deadline) -> ReportDestination {
        match target {
            Target::Mailto(uri) => self.mailbox(&uri, deadline).await,
            Target::Https(uri, host) => self.endpoint(&uri, host, deadline).await,
        }
    }

    async fn mailbox(&self, uri: &MailtoUri, deadline: Deadline) -> ReportDestination {
        let domain = uri.domain().clone();
        let records = self.means.dns.mail_exchangers(domain.as_str(), MOST_MX, deadline).await;
        let addresses = match &records {
            Lookup::Absent(absence) if absence.kind == AbsenceKind::NoSuchData => {
                Some(self.means.dns.addresses(domain.as_str(), deadline).await)
            }
            _ => None,
        };
        ReportDestination::Mailto { uri: uri.as_str().to_owned(), domain, records, addresses }
    }

    async fn endpoint(
        &self,
        uri: &HttpsUri,
        host: DomainName,
        deadline: Deadline,
    ) -> ReportDestination {
        let port = match uri.port() {
            HTTPS_PORT => self.means.https_port,
            other => other,
        };
        let (addresses, fetches) =
            self.fetch(&host, port, path(uri.as_str()), Purpose::Answer, deadline).await;
        ReportDestination::Https { uri: uri.as_str().to_owned(), host, addresses, fetches }
    }
}

enum Target {
    Mailto(MailtoUri),
    Https(HttpsUri, DomainName),
}

/// The usable URIs of the one TLS-RPT record.
fn uris(texts: &[TextRecord]) -> Vec<ReportUri> {
    let texts: Vec<Octets> = texts.iter().map(TextRecord::text).collect();
    match select_record(texts.iter().map(Octets::as_slice)) {
        Selection::One(place) => texts
            .get(place)
            .and_then(|text| Record::parse(text.as_slice()).ok())
            .map_or_else(Vec::new, |record| record.rua),
        Selection::None { .. } | Selection::Several(_) => Vec::new(),
    }
}

/// The path and query of an `https:` URI (RFC 3986 §3.3, §3.4); `/` where it has none.
pub(crate) fn path(uri: &str) -> String {
    let rest = uri.split_once("//").map_or(uri, |(_, rest)| rest);
    let rest = rest.split('#').next().unwrap_or_default();
    match rest.find(['/', '?']) {
        Some(begin) if rest.get(begin..).is_some_and(|rest| rest.starts_with('?')) => {
            format!("/{}", rest.get(begin..).unwrap_or_default())
        }
        Some(begin) => rest.get(begin..).unwrap_or_default().to_owned(),
        None => "/".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_uri() {
        for (uri, expected) in [
            ("https://r.test", "/"),
            ("https://r.test/", "/"),
            ("https://r.test/v1/tls?key=a/b", "/v1/tls?key=a/b"),
            ("https://r.test?x=/", "/?x=/"),
            ("https://user@r.test:8443/a#part", "/a"),
            ("HTTPS://r.test#part/", "/"),
        ] {
            assert_eq!(path(uri), expected, "{uri}");
        }
    }

    #[test]
    fn only_the_one_record_leads_anywhere() {
        let texts = |texts: &[&str]| {
            let record = |text: &&str| TextRecord { strings: vec![Octets::new(*text)] };
            uris(&texts.iter().map(record).collect::<Vec<_>>()).len()
        };
        let good = "v=TLSRPTv1; rua=mailto:a@a.test,https://r.test/,ftp://x.test";
        assert_eq!(texts(&[good]), 2, "what can be used");
        assert_eq!(texts(&[good, "v=spf1 -all"]), 2);
        assert_eq!(texts(&[good, good]), 0, "two are none");
        assert_eq!(texts(&["v=TLSRPTv1; rua="]), 0);
        assert_eq!(texts(&[]), 0);
    }
}
