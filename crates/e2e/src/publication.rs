//! Name servers that take updates, for a domain that is led to enforce.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::certificates::Authority;
use crate::configuration::write_configuration;
use crate::{Domain, Environment, EnvironmentError, LeafKind, Signing, System, World, Zone};

/// BIND's address; its port is 53.
const BIND: &str = "127.70.0.55";
/// The name of the key that both take, and its secret.
const KEY: (&str, &str) = ("sealpost", "c2VhbHBvc3QgZTJlIHNlY3JldCBvZiAzMiBvY3RldHM=");

/// The zone of `bound.test`, which BIND holds. It publishes nothing yet, and forgets after a second what
/// was not there.
const BOUND: &str = "\
$TTL 300
@ SOA ns.bound.test. hostmaster.test. 1 3600 600 86400 1
@ NS ns.bound.test.
ns A 127.70.0.55
@ MX 10 mx1.spare.test.
";

/// What stands in the zone `test`: the delegation of that zone, and a domain whose owner has set three
/// aliases into it, once and for all.
const TEST: &str = "\
bound NS ns.bound
ns.bound A 127.70.0.55
delegated MX 10 mx1.spare.test.
mta-sts.delegated CNAME mta-sts.delegated.test.bound.test.
_mta-sts.delegated CNAME _mta-sts.delegated.test.bound.test.
_smtp._tls.delegated CNAME _smtp._tls.delegated.test.bound.test.
";

impl Environment {
    /// Boots the servers of a world for publishing:
    ///
    /// - `lead.test`, a zone at Knot, which takes updates; BIND is its secondary and is not told of
    ///   them. Its MX hosts are `mx1.lead.test` and `mx1.spare.test`, two Postfix. Its policy host is
    ///   an nginx that serves the folder `www/lead.test`, which is empty.
    /// - `bound.test`, a zone at BIND, which takes updates.
    /// - `delegated.test`, of which all names of MTA-STS and TLS-RPT are aliases into `bound.test`. A
    ///   certificate of its policy host lies in `live`.
    ///
    /// The secret of the key `sealpost` lies in `sealpost.key`, one that is wrong in `wrong.key`.
    ///
    /// # Errors
    ///
    /// As [`Environment::start`].
    pub fn start_for_publishing() -> Result<Self, EnvironmentError> {
        let test = Zone::new("test", Signing::Nsec).records(TEST);
        let lead = Zone::new("lead.test", Signing::Unsigned)
            .records("@ NS ns2.lead.test.\nns2 A 127.70.0.55\n@ MX 20 mx1.spare.test.\n");
        let domains = vec![Domain::good("lead.test"), Domain::good("spare.test")];
        let world = World::new(domains).zone(test).zone(lead);
        Self::boot("publication", &[System::Trixie], |directory| {
            write_configuration(&world, directory)?;
            write_publication(directory)
        })
    }
}

fn write_publication(directory: &Path) -> Result<(), EnvironmentError> {
    let live = directory.join("live/mta-sts.delegated.test");
    fs_err::create_dir_all(&live)?;
    let identity = Authority::of(directory)?.identity("mta-sts.delegated.test", LeafKind::Good)?;
    for file in ["fullchain.pem", "privkey.pem"] {
        fs_err::write(live.join(file), &identity.pem)?;
    }

    // The domain begins with nothing.
    let zone = directory.join("zones/lead.test.zone");
    let text = fs_err::read_to_string(&zone)?;
    let is_news = |line: &&str| !line.starts_with("_mta-sts.") && !line.starts_with("_smtp._tls.");
    let lines: Vec<&str> = text.lines().filter(is_news).collect();
    // What is not there is forgotten after a second.
    let text = (lines.join("\n") + "\n").replacen(" 600 86400 60", " 600 86400 1", 1);
    fs_err::write(&zone, text)?;
    fs_err::remove_file(directory.join("www/lead.test/.well-known/mta-sts.txt"))?;

    let (name, secret) = KEY;
    let knot = directory.join("knot.conf");
    let text = fs_err::read_to_string(&knot)?;
    let access = format!(
        "key:\n  - id: {name}.\n    algorithm: hmac-sha256\n    secret: {secret}\nacl:\n  \
         - id: update\n    key: {name}.\n    action: update\n  \
         - id: copy\n    address: {BIND}\n    action: transfer\npolicy:\n"
    );
    let text = text.replacen("policy:\n", &access, 1).replacen(
        "  - domain: lead.test.\n",
        "  - domain: lead.test.\n    acl: [update, copy]\n    zonefile-load: whole\n    \
         zonefile-sync: 0\n    journal-content: changes\n",
        1,
    );
    fs_err::write(knot, text)?;

    let bind = directory.join("bind");
    fs_err::create_dir(&bind)?;
    fs_err::set_permissions(&bind, std::fs::Permissions::from_mode(0o777))?;
    fs_err::write(bind.join("bound.test.zone"), BOUND)?;
    let named = format!(
        "options {{
    directory \"/e2e/bind\";
    pid-file none;
    session-keyfile none;
    listen-on {{ {BIND}; }};
    listen-on-v6 {{ none; }};
    query-source address {BIND};
    transfer-source {BIND};
    recursion no;
    dnssec-validation no;
    notify no;
    allow-notify {{ none; }};
    max-refresh-time 86400;
    min-refresh-time 86400;
}};
controls {{ }};
key \"{name}\" {{
    algorithm hmac-sha256;
    secret \"{secret}\";
}};
zone \"bound.test\" {{
    type primary;
    file \"bound.test.zone\";
    allow-update {{ key \"{name}\"; }};
}};
zone \"lead.test\" {{
    type secondary;
    primaries {{ 127.70.0.54; }};
    file \"lead.test.zone\";
    masterfile-format text;
}};
"
    );
    fs_err::write(directory.join("named.conf"), named)?;
    fs_err::write(directory.join("sealpost.key"), format!("{secret}\n"))?;
    fs_err::write(directory.join("wrong.key"), "d3JvbmcgZTJlIHNlY3JldCBvZiAzMiBvY3RldHMgISE=\n")?;
    let mut listeners =
        fs_err::OpenOptions::new().append(true).open(directory.join("listeners"))?;
    writeln!(listeners, "{BIND} 53")?;
    Ok(())
}
