//! Everything that the servers and `sealpost` read, written into one directory.

use std::collections::HashMap;
use std::path::Path;

use crate::certificates::Authority;
use crate::{EnvironmentError, World, knot, nginx, postfix, unbound};

/// How `sealpost` is told to learn which answers of the DNS are secure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dnssec {
    /// By validating from the environment's trust anchor.
    Validate,
    /// By the AD bit of the environment's resolver.
    TrustedResolver,
}

impl Dnssec {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Validate, Self::TrustedResolver];

    /// The value of the setting.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validate => "validate",
            Self::TrustedResolver => "trusted-resolver",
        }
    }

    /// The name of the settings file.
    pub(crate) fn settings_file(self) -> String {
        format!("network-{}.toml", self.as_str())
    }
}

/// Writes all that the servers read.
pub(crate) fn write_configuration(world: &World, directory: &Path) -> Result<(), EnvironmentError> {
    for name in ["log", "certificates", "www", "zones", "knot"] {
        fs_err::create_dir(directory.join(name))?;
    }
    let key_digests = write_certificates(world, directory)?;
    for (name, text) in knot::zone_files(world, |host| key_digests.get(host).cloned()) {
        fs_err::write(directory.join("zones").join(name), text)?;
    }

    let mut listeners = format!("{} 53\n{} 53\n", knot::ADDRESS, unbound::ADDRESS);
    for site in world.sites() {
        let well_known = directory.join("www").join(site.domain.name).join(".well-known");
        fs_err::create_dir_all(&well_known)?;
        fs_err::write(well_known.join("mta-sts.txt"), site.policy())?;

        for address in site.policy_host_addresses() {
            listeners.push_str(&format!("{address} 443\n"));
        }
        for address in site.mail_host_addresses() {
            listeners.push_str(&format!("{address} 25\n"));
        }
    }

    let files = [
        ("listeners", listeners),
        ("zones/list", knot::signing_list(world)),
        ("knot.conf", knot::configuration(world)),
        ("unbound.conf", unbound::configuration()),
        ("root.hints", unbound::root_hints()),
        ("nginx.conf", nginx::configuration(world)),
        ("main.cf", postfix::MAIN.to_owned()),
        ("master.cf", postfix::services(world)),
        ("transport", postfix::TRANSPORT.to_owned()),
        ("resolv.conf", resolver_settings()),
        ("network.toml", settings()),
    ];
    for (name, text) in files {
        fs_err::write(directory.join(name), text)?;
    }
    for dnssec in Dnssec::ALL {
        let text = format!(
            "{}dnssec = \"{}\"\ntrust_anchors = \"trust-anchors.txt\"\n",
            settings(),
            dnssec.as_str()
        );
        fs_err::write(directory.join(dnssec.settings_file()), text)?;
    }
    Ok(())
}

/// Writes every server's key and chain. Returns the digest of each MX host's public key.
fn write_certificates(
    world: &World,
    directory: &Path,
) -> Result<HashMap<String, String>, EnvironmentError> {
    let authority = Authority::create()?;
    fs_err::write(directory.join("ca.pem"), authority.root_pem())?;
    fs_err::write(directory.join("issuer.pem"), authority.to_pem())?;
    let mut key_digests = HashMap::new();
    for site in world.sites() {
        let mut hosts = vec![(site.policy_host_name(), site.domain.policy_host.certificate)];
        if let Some(certificate) = site.domain.mail_host.certificate() {
            hosts.push((site.mail_host_name(), certificate));
        }
        for (host, kind) in hosts {
            let identity = authority.identity(&host, kind)?;
            let file = directory.join("certificates").join(format!("{host}.pem"));
            fs_err::write(file, identity.pem)?;
            key_digests.insert(host, identity.key_digest);
        }
    }
    Ok(key_digests)
}

/// `resolv.conf` of the Debian system, whose programs may take the resolver's AD bit for true.
fn resolver_settings() -> String {
    format!("nameserver {}\noptions edns0 trust-ad\n", unbound::ADDRESS)
}

/// The settings file for `sealpost`; the ports are the true ones, so they are not named.
fn settings() -> String {
    format!(
        r#"resolvers = ["{}:53"]
allowed_networks = ["127.0.0.0/8", "::1/128"]
trust_roots = "ca.pem"
ehlo_name = "auditor.test"
"#,
        unbound::ADDRESS,
    )
}
