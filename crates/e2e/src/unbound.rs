//! The configuration of Unbound, the environment's validating resolver.

use crate::knot;

/// The resolver's address; its port is 53.
pub(crate) const ADDRESS: &str = "127.70.0.53";

/// `unbound.conf`: resolves from the environment's own root, and validates from its key.
pub(crate) fn configuration() -> String {
    format!(
        r#"server:
    directory: "/e2e"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    log-queries: yes
    val-log-level: 2
    num-threads: 1
    interface: {ADDRESS}
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    do-ip6: no
    module-config: "validator iterator"
    root-hints: "/e2e/root.hints"
    trust-anchor-file: "/e2e/trust-anchors.txt"
    local-zone: "test." nodefault
    ede: yes
remote-control:
    control-enable: no
"#
    )
}

/// `unbound.conf` before the lab: forgets everything at once, so that what an attacker does to the
/// DNS is seen at once.
pub(crate) fn for_the_lab() -> String {
    format!(
        r#"server:
    directory: "/e2e"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: ""
    val-log-level: 2
    num-threads: 1
    interface: {ADDRESS}
    access-control: 127.0.0.0/8 allow
    do-not-query-localhost: no
    do-ip6: no
    module-config: "validator iterator"
    trust-anchor-file: "/e2e/lab/trust-anchors.txt"
    local-zone: "test." nodefault
    qname-minimisation: no
    aggressive-nsec: no
    cache-max-ttl: 1
    cache-max-negative-ttl: 1
    infra-keep-probing: yes
remote-control:
    control-enable: no
stub-zone:
    name: "."
    stub-addr: 127.66.0.1
"#
    )
}

/// `root.hints`: the name server of the root.
pub(crate) fn root_hints() -> String {
    format!(". 3600 NS ns.test.\nns.test. 3600 A {}\n", knot::ADDRESS)
}
