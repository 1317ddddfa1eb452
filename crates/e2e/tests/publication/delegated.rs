//! A domain whose owner has set three aliases once, and all else is set in a zone of ours; and its policy
//! is served by two hosts.

use std::process::{Child, Command};

use jiff::Timestamp;
use sealpost_e2e::{Report, sealpost_binary, when_ready};

use crate::owner::Owner;

const DOMAIN: &str = "delegated.test";
/// The addresses of the two hosts.
const HOSTS: [&str; 2] = ["127.70.9.1", "127.70.9.2"];

/// A policy host that runs. It is ended when dropped.
struct Host(Child);

impl Host {
    fn start(owner: &Owner, address: &str) -> Self {
        let network = fs_err::read_to_string(owner.environment.settings_file()).unwrap();
        let text = format!(
            r#"[network]
{network}dnssec = "off"
survey_tls = false

[publish]
store = "delegated.sqlite"
rua = ["mailto:tls-reports@bound.test"]
[publish.host]
https = ["{address}:443"]
certificates = "live"
[publish.dns_servers.bind]
server = "127.70.0.55:53"
key = "sealpost"
secret_file = "sealpost.key"
[publish.domains."{DOMAIN}"]
host = "own"
mode = "testing"
mx = ["mx1.spare.test"]
id_style = "timestamp"
dns = "bind"
delegate = "bound.test"
target = ["{}", "{}"]
ttl = 1
"#,
            HOSTS[0], HOSTS[1]
        );
        let file = format!("{address}.toml");
        fs_err::write(owner.path(&file), text).unwrap();
        let only_us = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs_err::set_permissions(owner.path("sealpost.key"), only_us).unwrap();
        let (said, status) = owner.run(&["config", "check"], &file);
        assert_eq!(status, Some(0), "{said}");
        let configuration = owner.path(&file).display().to_string();
        let arguments = ["publish", "serve", "--config", &configuration];
        let started = owner.environment.spawn(&sealpost_binary().unwrap(), arguments).unwrap();
        Self(when_ready(started).unwrap())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // What is between us and it passes this on; an error means that it has ended.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// What BIND says of a name below its zone.
fn at_bind(owner: &Owner, label: &str, kind: &str) -> String {
    let name = format!("{label}.{DOMAIN}.bound.test");
    let arguments = ["@127.70.0.55", "+short", "+norec", &name, kind];
    let output = owner.environment.run_inside("dig", &arguments).unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_delegated_domain_is_published_and_its_id_comes_when_every_host_serves_the_body() {
    let owner = Owner::start("autonomy = \"auto\"");
    let first = Host::start(&owner, HOSTS[0]);
    let file = format!("{}.toml", HOSTS[0]);
    let pass = || {
        owner.wait_for_caches();
        owner.run(&["publish", "run", "--once", "--apply", DOMAIN], &file).0
    };
    // The addresses and the TLS-RPT record are set; the body is at one of them only, and the id waits.
    let said = pass();
    assert!(
        said.contains(&format!("+ mta-sts.{DOMAIN}.bound.test. 1 IN A {}", HOSTS[0])),
        "{said}"
    );
    assert_eq!(at_bind(&owner, "mta-sts", "A").lines().count(), 2, "{said}");
    assert!(at_bind(&owner, "_smtp._tls", "TXT").contains("v=TLSRPTv1"), "{said}");
    for _ in 0..2 {
        let said = pass();
        let missing = "does not serve the policy on every address yet: not at";
        assert!(said.contains(&format!("{missing} {} (", HOSTS[1])), "{said}");
        assert!(!said.contains(&format!("{missing} {}", HOSTS[0])), "{said}");
        assert!(!said.contains("id announced"), "{said}");
        assert_eq!(at_bind(&owner, "_mta-sts", "TXT"), "", "{said}");
    }

    let second = Host::start(&owner, HOSTS[1]);
    let mut said = pass();
    for _ in 0..3 {
        if !said.contains("id announced") {
            said = pass();
        }
    }
    assert!(said.contains("id announced"), "{said}");
    // The id tells when the body was served first, which is not long ago.
    let record = at_bind(&owner, "_mta-sts", "TXT");
    let id = record.trim().trim_matches('"').strip_prefix("v=STSv1; id=").unwrap();
    let id = id.trim_end_matches(';');
    #[expect(clippy::disallowed_methods, reason = "servers are of this machine's time")]
    let today = Timestamp::now().strftime("%Y%m%d").to_string();
    assert!(id.starts_with(&today) && id.len() >= 14, "{record}");
    // The same body keeps it.
    let again = pass();
    assert!(!again.contains("changed in the zone"), "{again}");
    assert_eq!(at_bind(&owner, "_mta-sts", "TXT"), record);

    // Who asks for the names of the domain itself finds all of it.
    let (said, status) = owner.run(&["publish", "delegate", DOMAIN], &file);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("all of them are set"), "{said}");
    let settings = owner.environment.settings_file();
    let report = Report::check(&owner.environment, &settings, DOMAIN).unwrap();
    assert_eq!(report.verdict, "testing");
    drop((first, second));
}
