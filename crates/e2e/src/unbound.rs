//! The configuration of Unbound, the environment's resolver.

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::World;

/// The resolver's address; its port is 53.
pub(crate) const ADDRESS: &str = "127.70.0.53";

/// `unbound.conf`: all of `test.` as local data, and nothing else.
pub(crate) fn configuration(world: &World) -> String {
    let mut text = format!(
        r#"server:
    directory: "/e2e"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    num-threads: 1
    interface: {ADDRESS}
    access-control: 127.0.0.0/8 allow
    module-config: "iterator"
    local-zone: "." always_refuse
    local-zone: "test." static
    local-data: "test. 3600 SOA ns.test. hostmaster.test. 1 3600 600 86400 60"
"#
    );
    for site in world.sites() {
        let domain = site.domain.name;
        let mail_host = site.mail_host_name();
        push(&mut text, &format!("{domain}. 300 MX 10 {mail_host}."));
        push(&mut text, &format!(r#"_mta-sts.{domain}. 300 TXT "v=STSv1; id=20261101000000;""#));
        push(
            &mut text,
            &format!(
                r#"_smtp._tls.{domain}. 300 TXT "v=TLSRPTv1; rua=mailto:tls-reports@{domain}""#
            ),
        );
        for (host, addresses) in [
            (site.policy_host_name(), site.policy_host_addresses()),
            (mail_host, site.mail_host_addresses()),
        ] {
            for address in addresses {
                let record_type = match address {
                    IpAddr::V4(_) => "A",
                    IpAddr::V6(_) => "AAAA",
                };
                push(&mut text, &format!("{host}. 300 {record_type} {address}"));
            }
        }
    }
    text.push_str("remote-control:\n    control-enable: no\n");
    text
}

fn push(text: &mut String, record: &str) {
    // Writing to a string cannot fail. Unbound takes single quotes round double ones.
    let _ = writeln!(text, "    local-data: '{record}'");
}
