//! The configuration of Postfix, the environment's MX hosts.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::world::Site;
use crate::{MailHost, World};

/// `main.cf`: what all MX hosts have in common.
pub(crate) const MAIN: &str = "\
compatibility_level = 3.10
myhostname = mx.test
mydestination =
local_recipient_maps =
local_transport = error:no mailboxes here
alias_maps =
alias_database =
mynetworks = 127.0.0.1/32
inet_interfaces = loopback-only
inet_protocols = all
smtpd_peername_lookup = no
smtpd_tls_loglevel = 1
maillog_file = /dev/stdout
transport_maps = regexp:/e2e/transport
default_destination_concurrency_failed_cohort_limit = 0
";

/// `transport_maps`: how mail goes to the `sealpost receive` of a test, in the domains `lmtp.test` and
/// `smtp.test`. Its doors are where they are by default.
pub(crate) const TRANSPORT: &str = "\
/@lmtp\\.test$/ lmtp:inet:127.0.0.1:8465
/@smtp\\.test$/ smtp:[127.0.0.1]:8464
";

/// What stands in `master.cf` of every Postfix here: all but the servers. The last line is that of the
/// client, for options to follow.
pub(crate) const SERVICES: &str = "\
postlog   unix-dgram n - n - 1 postlogd
anvil     unix       - - n - 1 anvil
tlsmgr    unix       - - n - 1 tlsmgr
rewrite   unix       - - n - - trivial-rewrite
proxymap  unix       - - n - - proxymap
cleanup   unix       n - n - 0 cleanup
pickup    unix       n - n 60 1 pickup
qmgr      unix       n - n 300 1 qmgr
showq     unix       n - n - - showq
flush     unix       n - n 1000? 0 flush
bounce    unix       - - n - 0 bounce
defer     unix       - - n - 0 bounce
trace     unix       - - n - 0 bounce
verify    unix       - - n - 1 verify
error     unix       - - n - - error
retry     unix       - - n - - error
smtp      unix       - - n - - smtp
";

/// `master.cf`: one SMTP server for each address of each MX host, and what they need.
pub(crate) fn services(world: &World) -> String {
    let mut text = SERVICES.to_owned();
    text.push_str("  -o smtp_tls_security_level=encrypt\nlmtp unix - - n - - lmtp\n");
    for site in world.sites() {
        for address in site.mail_host_addresses() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{} inet n - n - - smtpd", SocketAddr::new(address, 25));
            text.push_str(&options(&site));
        }
    }
    text
}

fn options(site: &Site<'_>) -> String {
    let name = site.mail_host_name();
    let starttls = format!(
        "  -o myhostname={name}
  -o smtpd_tls_security_level=may
  -o smtpd_tls_chain_files=/e2e/certificates/{name}.pem
"
    );
    match site.domain.mail_host {
        MailHost::Lenient => starttls,
        MailHost::StartTls(_) => format!(
            "{starttls}  -o smtpd_tls_protocols=>=TLSv1.2
  -o smtpd_tls_exclude_ciphers=aNULL
"
        ),
        MailHost::PlainText => {
            format!("  -o myhostname={name}\n  -o smtpd_tls_security_level=none\n")
        }
    }
}
