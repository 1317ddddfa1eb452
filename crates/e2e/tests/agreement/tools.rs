//! What OpenSSL, curl and `delv` say, in a few words.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::process::Output;

use sealpost_e2e::{Environment, Question, delv_answer};
use sealpost_lab::Lab;

use crate::Words;

/// Where the tools find the lab's authority.
const AUTHORITY: &str = "/e2e/lab.pem";

/// The tools, and the addresses of the hosts that they look at.
pub(crate) struct Tools<'a> {
    environment: &'a Environment,
    resolver: SocketAddr,
    https_port: u16,
    smtp_port: u16,
    addresses: BTreeMap<String, Vec<IpAddr>>,
}

impl<'a> Tools<'a> {
    /// Looks up the addresses of the policy host and of up to two MX hosts of each domain.
    pub(crate) fn new(environment: &'a Environment, lab: &Lab, domains: &BTreeSet<&str>) -> Self {
        let server = format!("@{}", lab.resolver().ip());
        let port = lab.resolver().port().to_string();
        let mut addresses: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for domain in domains {
            let hosts = ["mta-sts", "mx1", "mx2"].map(|label| format!("{label}.{domain}"));
            let mut arguments = vec![server.as_str(), "-p", port.as_str(), "+noall", "+answer"];
            for host in &hosts {
                arguments.extend([host.as_str(), "A", host.as_str(), "AAAA"]);
            }
            let output = environment.run_beside("dig", &arguments).unwrap();
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                let fields: Vec<_> = line.split_whitespace().collect();
                if let [owner, _, "IN", "A" | "AAAA", address] = fields.as_slice() {
                    let owner = owner.trim_end_matches('.').to_owned();
                    addresses.entry(owner).or_default().push(address.parse().unwrap());
                }
            }
        }
        Self {
            environment,
            resolver: lab.resolver(),
            https_port: lab.https_port(),
            smtp_port: lab.smtp_port(),
            addresses,
        }
    }

    /// What OpenSSL's client says of each address of each MX host: it stops at the first fault.
    pub(crate) fn openssl(&self, domain: &str) -> Words {
        let hosts = ["mx1", "mx2"].map(|label| format!("{label}.{domain}"));
        let mut words = Words::new();
        for host in hosts {
            for address in self.addresses.get(&host).into_iter().flatten() {
                let connect = SocketAddr::new(*address, self.smtp_port).to_string();
                let arguments = [
                    "s_client",
                    "-starttls",
                    "smtp",
                    "-connect",
                    &connect,
                    "-servername",
                    &host,
                    "-verify_hostname",
                    &host,
                    "-verify_return_error",
                    "-CAfile",
                    AUTHORITY,
                ];
                let output = self.environment.run_beside("openssl", &arguments).unwrap();
                words.insert(openssl_word(&both(&output)));
            }
        }
        words
    }

    /// What OpenSSL's client says of the TLSA records of the first MX host.
    pub(crate) fn openssl_dane(&self, domain: &str) -> String {
        let host = format!("mx1.{domain}");
        let server = format!("@{}", self.resolver.ip());
        let port = self.resolver.port().to_string();
        let owner = format!("_25._tcp.{host}");
        let arguments = [&*server, "-p", &*port, "+short", &*owner, "TLSA"];
        let records = self.environment.run_beside("dig", &arguments).unwrap();
        let records = String::from_utf8(records.stdout).unwrap();

        let Some(address) = self.addresses.get(&host).and_then(|addresses| addresses.first())
        else {
            return format!("{host} has no address");
        };
        let connect = SocketAddr::new(*address, self.smtp_port).to_string();
        let mut arguments = vec!["s_client", "-starttls", "smtp", "-connect", &*connect];
        arguments.extend(["-servername", &*host, "-dane_tlsa_domain", &*host]);
        // RFC 7672 §3.1.1: with usage 3 the name in the certificate does not count.
        arguments.extend(["-dane_ee_no_namechecks", "-verify_return_error"]);
        for record in records.lines() {
            arguments.extend(["-dane_tlsa_rrdata", record]);
        }
        let output = self.environment.run_beside("openssl", &arguments).unwrap();
        let said = both(&output);
        let word = if said.contains("verify error:num=65:no matching DANE TLSA records") {
            "mismatch"
        } else if said.contains("Failed to import any TLSA records") {
            "unusable"
        } else if said.contains("Verified peername: ") || said.contains("DANE TLSA ") {
            "match"
        } else {
            return said;
        };
        word.to_owned()
    }

    /// What curl says of each address of the policy host.
    pub(crate) fn curl(&self, domain: &str) -> Words {
        let host = format!("mta-sts.{domain}");
        let url = format!("https://{host}:{}/.well-known/mta-sts.txt", self.https_port);
        let mut words = Words::new();
        for address in self.addresses.get(&host).into_iter().flatten() {
            let resolve = format!("{host}:{}:{address}", self.https_port);
            let arguments = [
                "-sS",
                "--max-time",
                "10",
                "--cacert",
                AUTHORITY,
                "--resolve",
                &resolve,
                "-o",
                "/dev/null",
                "-w",
                "%{http_code} %{content_type} %{redirect_url}",
                &url,
            ];
            let output = self.environment.run_beside("curl", &arguments).unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            words.insert(match output.status.code() {
                Some(0) => {
                    let head = String::from_utf8_lossy(&output.stdout);
                    head.split_whitespace().collect::<Vec<_>>().join(" ")
                }
                Some(7) => "refused".to_owned(),
                Some(18) => "cut".to_owned(),
                Some(35) => "no TLS".to_owned(),
                Some(60) => curl_certificate_word(&said),
                other => format!("status {other:?}: {said}"),
            });
        }
        words
    }
}

/// Everything that the two streams said.
fn both(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The key of the root as BIND's tools want it, from a file of DNSKEY records.
pub(crate) fn bind_keys(anchors: &str) -> Option<String> {
    let root = anchors.lines().find_map(|line| line.strip_prefix(". "))?;
    let (_, key) = root.split_once(" DNSKEY ")?;
    let fields: Vec<_> = key.split_whitespace().collect();
    let [flags, protocol, algorithm, key] = fields.as_slice() else { return None };
    Some(format!("trust-anchors {{ . static-key {flags} {protocol} {algorithm} \"{key}\"; }};\n"))
}

/// What `delv` says of a question to the lab's DNS.
pub(crate) fn delv(environment: &Environment, lab: &Lab, question: &Question) -> String {
    let server = format!("@{}", lab.resolver().ip());
    let port = lab.resolver().port().to_string();
    let arguments = [
        &*server,
        "-p",
        &*port,
        "-a",
        "/e2e/lab.keys",
        "+root=.",
        &*question.name,
        &*question.record_type,
    ];
    delv_answer(&environment.run_beside("delv", &arguments).unwrap())
}

/// The first complaint of OpenSSL's client, by the number of X509_V_ERR_….
fn openssl_word(said: &str) -> String {
    let number = said.split_once("verify error:num=").and_then(|(_, rest)| rest.split_once(':'));
    let word = match number {
        Some(("9", _)) => "not-yet-valid",
        Some(("10", _)) => "expired",
        Some(("18", _)) => "self-signed",
        Some(("19" | "20" | "21", _)) => "unknown-issuer",
        Some(("26", _)) => "wrong-purpose",
        Some(("34" | "47" | "48", _)) => "other",
        Some(("62", _)) => "name-mismatch",
        Some((number, rest)) => return format!("verify error {number}: {rest}"),
        None if said.contains("Verify return code: 0 (ok)") && said.contains("Cipher is TLS_") => {
            "verified"
        }
        None if said.contains("Didn't find STARTTLS") => "no STARTTLS",
        None if said.contains("no peer certificate available") => "no TLS",
        None => return said.to_owned(),
    };
    word.to_owned()
}

/// The complaint of curl's TLS library about a certificate.
fn curl_certificate_word(said: &str) -> String {
    let words = [
        ("certificate is not yet valid", "not-yet-valid"),
        ("certificate has expired", "expired"),
        ("self-signed certificate", "self-signed"),
        ("unable to get local issuer certificate", "unknown-issuer"),
        ("unsuitable certificate purpose", "wrong-purpose"),
        ("permitted subtree violation", "other"),
        ("no alternative certificate subject name matches", "name-mismatch"),
    ];
    let word = words.into_iter().find(|(part, _)| said.contains(part));
    word.map_or_else(|| said.to_owned(), |(_, word)| word.to_owned())
}
