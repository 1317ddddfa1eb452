//! `OBS1xx`: what the observer's own place hides.

use crate::Rule;

rules! { OBSERVER:
OBS101 Unknown "smtp-port-blocked"
    "no MX host answers on the SMTP port: it seems to be blocked here"
    why "Many networks block outgoing port 25. The MX hosts could not be judged; all else was."
    source "the observer's network"
    fix "Run the check from a machine that may send mail."
OBS102 Note "no-ipv6-here"
    "this machine has no IPv6"
    why "IPv6 addresses could not be judged; all else was."
    source "the observer's network"
    fix "Run the check from a machine with IPv6 to judge those too."
OBS103 Note "no-ipv4-here"
    "this machine has no IPv4"
    why "IPv4 addresses could not be judged; all else was."
    source "the observer's network"
    fix "Run the check from a machine with IPv4 to judge those too."
OBS104 Unknown "looked-at-in-part"
    "there is more than was looked at"
    why "An audit looks at a limited number of MX hosts and addresses; nothing can be said of the others."
    source "the observer's settings"
    fix "Raise limits.mail_hosts or limits.addresses in the settings file of --network."
}
