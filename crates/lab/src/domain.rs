//! One domain of the fleet: good as it begins, and then whatever is made wrong with it.

use hickory_proto::rr::RecordType;

use crate::{
    host::{MailHost, Tlsa, WebHost},
    zone::{Delegation, Extent, Fault, Flaw, RecordData},
};

/// Stands for the domain's name in every text of the table.
const PLACEHOLDER: &str = "{domain}";

/// A domain of the fleet.
#[derive(Debug)]
pub struct Domain {
    /// The name, as A-labels in lower case.
    pub name: &'static str,
    /// The one thing that is wrong with it, in plain words; for a good domain, what is special.
    pub about: &'static str,
    /// What an auditor owes it.
    pub expect: Expect,
    /// Codes of rules that this domain comes close to and must not fire.
    pub near_miss_of: &'static [&'static str],
    /// Texts at `_mta-sts.`: records made of character strings.
    pub(crate) sts: Vec<Vec<Vec<u8>>>,
    /// Texts at `_smtp._tls.`: records made of character strings.
    pub(crate) tls_rpt: Vec<Vec<Vec<u8>>>,
    /// The body of the policy, where an address of the policy host serves no other.
    pub(crate) policy: Vec<u8>,
    pub(crate) policy_host: Option<WebHost>,
    /// Further hosts that speak HTTPS, by the label below the domain.
    pub(crate) web_hosts: Vec<(&'static str, WebHost)>,
    /// Preference and exchange: a label below the domain, `@` for the domain, `.` for the root.
    pub(crate) mx: Vec<(u16, &'static str)>,
    pub(crate) mail_hosts: Vec<MailHost>,
    /// Further records: a label below the domain (`@` for the domain itself), and what is there.
    pub(crate) records: Vec<(&'static str, RecordData)>,
    /// TLSA records for MX hosts, by the host's label.
    pub(crate) tlsa: Vec<(&'static str, Tlsa)>,
    /// Names whose records live longer or shorter than others, in seconds.
    pub(crate) ttls: Vec<(&'static str, u32)>,
    /// How the domain hangs from `.test`, where it is a zone of its own.
    pub(crate) delegation: Option<Delegation>,
    /// Names whose signatures have a flaw.
    pub(crate) flaws: Vec<(&'static str, Extent, Flaw)>,
    /// Names for which the DNS fails, for one type of record or for all.
    pub(crate) faults: Vec<(&'static str, Option<RecordType>, Fault)>,
}

/// What an auditor owes a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The verdict, one word.
    pub verdict: &'static str,
    /// The codes of the findings, sorted, each once. No other may fire.
    pub findings: &'static [&'static str],
}

impl Domain {
    /// The texts at `_mta-sts.`, each with its strings joined.
    pub fn sts_texts(&self) -> Vec<Vec<u8>> {
        self.sts.iter().map(|strings| strings.concat()).collect()
    }

    /// The body of the policy; empty where there is none.
    pub fn policy_body(&self) -> Vec<u8> {
        self.fill(&self.policy)
    }

    /// A domain with nothing wrong: one MX host, `enforce` for a week, a record of each kind.
    pub(crate) fn good(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            about,
            expect: Expect { verdict: "enforced", findings: &[] },
            near_miss_of: &[],
            sts: texts(name, &["v=STSv1; id=20260429T1200;"]),
            tls_rpt: texts(name, &["v=TLSRPTv1; rua=mailto:tls-reports@{domain}"]),
            policy: policy("enforce", &["mx1.{domain}"], "604800"),
            policy_host: Some(WebHost::good()),
            web_hosts: Vec::new(),
            mx: vec![(10, "mx1")],
            mail_hosts: vec![MailHost::good("mx1")],
            records: Vec::new(),
            tlsa: Vec::new(),
            ttls: Vec::new(),
            delegation: None,
            flaws: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// A name that nobody registered.
    pub(crate) fn unregistered(name: &'static str, about: &'static str) -> Self {
        Self {
            policy_host: None,
            mx: Vec::new(),
            mail_hosts: Vec::new(),
            ..Self::good(name, about)
        }
        .sts(&[])
        .tls_rpt(&[])
    }

    pub(crate) fn expect(
        mut self,
        verdict: &'static str,
        findings: &'static [&'static str],
    ) -> Self {
        self.expect = Expect { verdict, findings };
        self
    }

    pub(crate) fn near_miss_of(mut self, codes: &'static [&'static str]) -> Self {
        self.near_miss_of = codes;
        self
    }

    /// The texts at `_mta-sts.`, one record each.
    pub(crate) fn sts(mut self, records: &[&str]) -> Self {
        self.sts = texts(self.name, records);
        self
    }

    /// One text at `_mta-sts.`, cut into these character strings.
    pub(crate) fn sts_in_strings(mut self, strings: &[&str]) -> Self {
        self.sts = vec![strings.iter().map(|string| string.as_bytes().to_vec()).collect()];
        self
    }

    /// The texts at `_smtp._tls.`, one record each.
    pub(crate) fn tls_rpt(mut self, records: &[&str]) -> Self {
        self.tls_rpt = texts(self.name, records);
        self
    }

    pub(crate) fn policy(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.policy = body.into();
        self
    }

    pub(crate) fn policy_host(mut self, host: WebHost) -> Self {
        self.policy_host = Some(host);
        self
    }

    pub(crate) fn web_host(mut self, label: &'static str, host: WebHost) -> Self {
        self.web_hosts.push((label, host));
        self
    }

    pub(crate) fn no_policy_host(mut self) -> Self {
        self.policy_host = None;
        self
    }

    /// The MX hosts, with an MX record for each, in order of preference.
    pub(crate) fn mail_hosts(mut self, hosts: Vec<MailHost>) -> Self {
        self.mx = (1..).map(|rank| rank * 10).zip(hosts.iter().map(|host| host.label)).collect();
        self.mail_hosts = hosts;
        self
    }

    /// No MX host exists, whatever the MX records say.
    pub(crate) fn without_mail_hosts(mut self) -> Self {
        self.mail_hosts.clear();
        self
    }

    /// The MX records, whatever hosts there are.
    pub(crate) fn mx(mut self, records: &[(u16, &'static str)]) -> Self {
        self.mx = records.to_vec();
        self
    }

    pub(crate) fn record(mut self, label: &'static str, data: RecordData) -> Self {
        self.records.push((label, data));
        self
    }

    /// TLSA records for the MX host of this label.
    pub(crate) fn tlsa(mut self, label: &'static str, records: &[Tlsa]) -> Self {
        self.tlsa.extend(records.iter().map(|record| (label, *record)));
        self
    }

    /// How long the records at this label live, in seconds.
    pub(crate) fn ttl(mut self, label: &'static str, ttl: u32) -> Self {
        self.ttls.push((label, ttl));
        self
    }

    /// An own zone below `.test`, without signatures.
    pub(crate) fn unsigned(mut self) -> Self {
        self.delegation = Some(Delegation::Unsigned);
        self
    }

    /// An own zone below `.test`, signed with another key than the DS record is for.
    pub(crate) fn signed_with_wrong_key(mut self) -> Self {
        self.delegation = Some(Delegation::WrongKey);
        self
    }

    /// No signature of the domain verifies.
    pub(crate) fn bogus(self, flaw: Flaw) -> Self {
        self.bogus_at("@", Extent::Subtree, flaw)
    }

    /// Signatures at the label do not verify.
    pub(crate) fn bogus_at(mut self, label: &'static str, extent: Extent, flaw: Flaw) -> Self {
        self.flaws.push((label, extent, flaw));
        self
    }

    pub(crate) fn dns_fault(
        mut self,
        label: &'static str,
        record_type: Option<RecordType>,
        fault: Fault,
    ) -> Self {
        self.faults.push((label, record_type, fault));
        self
    }

    /// The MX records, with full names. The null MX is none.
    pub(crate) fn exchanges(&self) -> Vec<(u16, String)> {
        let listed = self.mx.iter().map(|(preference, label)| (*preference, self.full_name(label)));
        let further = self.records.iter().filter_map(|(label, data)| match data {
            RecordData::Mx(preference, exchange) if *label == "@" => {
                Some((*preference, exchange.clone()))
            }
            _ => None,
        });
        listed.chain(further).filter(|(_, exchange)| !exchange.is_empty()).collect()
    }

    /// The full name of a label in the table.
    pub(crate) fn full_name(&self, label: &str) -> String {
        match label {
            "." => String::new(),
            "@" => self.name.to_owned(),
            _ => format!("{label}.{}", self.name),
        }
    }

    /// A text of the table with the domain's name put in.
    pub(crate) fn fill(&self, text: &[u8]) -> Vec<u8> {
        fill(self.name, text)
    }
}

fn fill(name: &str, text: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(text.len() + name.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(PLACEHOLDER.as_bytes()) {
            filled.extend_from_slice(name.as_bytes());
            rest = after;
        } else {
            filled.push(*first);
            rest = after;
        }
    }
    filled
}

/// A policy with CRLF line ends.
pub(crate) fn policy(mode: &str, mx: &[&str], max_age: &str) -> Vec<u8> {
    let mx: String = mx.iter().map(|pattern| format!("mx: {pattern}\r\n")).collect();
    format!("version: STSv1\r\nmode: {mode}\r\n{mx}max_age: {max_age}\r\n").into_bytes()
}

/// One TXT record for each text, in character strings as long as RFC 1035 §3.3 allows.
fn texts(name: &str, records: &[&str]) -> Vec<Vec<Vec<u8>>> {
    let strings =
        |text: &&str| fill(name, text.as_bytes()).chunks(255).map(<[u8]>::to_vec).collect();
    records.iter().map(strings).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_put_in_before_a_long_text_is_cut() {
        let long = format!("{}{PLACEHOLDER}{PLACEHOLDER}", "x".repeat(250));
        let domain = Domain::good("good.test", "").sts(&[&long]);
        let joined: Vec<u8> = domain.sts[0].concat();
        assert_eq!(joined, format!("{}good.testgood.test", "x".repeat(250)).into_bytes());
        assert_eq!(domain.sts[0].iter().map(Vec::len).collect::<Vec<_>>(), [255, 13]);
        assert_eq!(domain.fill(b"{domain {domain}}\xff"), b"{domain good.test}\xff");
    }
}
