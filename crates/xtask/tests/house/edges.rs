//! Who may depend on whom: four floors, and imports only go down.

use std::collections::BTreeSet;

use cargo_metadata::DependencyKind;

use crate::{METADATA, none};

/// Each package with the packages of the workspace that it may name. A package that is missing
/// here fails the test, so a new crate has to say where it stands.
const ALLOWED: &[(&str, &[&str])] = &[
    // Core.
    ("mail-domain", &[]),
    ("mta-sts", &["mail-domain"]),
    ("tls-rpt", &["mail-domain"]),
    ("dane", &["mail-domain"]),
    ("sealpost-wire", &["mail-domain", "mta-sts"]),
    ("sealpost-evidence", &["mail-domain", "mta-sts", "tls-rpt"]),
    ("sealpost-rules", &["mail-domain", "mta-sts", "tls-rpt", "dane", "sealpost-evidence"]),
    ("sealpost-rollout", &["mail-domain", "mta-sts", "tls-rpt", "sealpost-evidence"]),
    // Edges. `net` gathers and does not judge: it may not know the rules.
    ("sealpost-dkim", &["mail-domain"]),
    ("sealpost-runtime", &[]),
    (
        "sealpost-net",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-wire",
            "sealpost-evidence",
            "sealpost-runtime",
        ],
    ),
    (
        "sealpost-store",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-evidence",
            "sealpost-rollout",
            "sealpost-rules",
            "sealpost-runtime",
        ],
    ),
    ("sealpost-listen", &["sealpost-wire", "sealpost-runtime"]),
    // It speaks over connections of `net`, and opens none.
    ("sealpost-mailbox", &["mail-domain", "sealpost-wire", "sealpost-runtime", "sealpost-net"]),
    // Roles: they never name each other.
    (
        "sealpost-check",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-evidence",
            "sealpost-rules",
            "sealpost-runtime",
            "sealpost-net",
            "sealpost-store",
        ],
    ),
    (
        "sealpost-enforce",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-wire",
            "sealpost-evidence",
            "sealpost-rules",
            "sealpost-runtime",
            "sealpost-net",
            "sealpost-listen",
            "sealpost-store",
        ],
    ),
    (
        "sealpost-receive",
        &[
            "mail-domain",
            "tls-rpt",
            "sealpost-evidence",
            "sealpost-dkim",
            "sealpost-wire",
            "sealpost-runtime",
            "sealpost-net",
            "sealpost-mailbox",
            "sealpost-listen",
            "sealpost-store",
        ],
    ),
    (
        "sealpost-report",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-evidence",
            "sealpost-dkim",
            "sealpost-runtime",
            "sealpost-net",
            "sealpost-listen",
            "sealpost-store",
        ],
    ),
    (
        "sealpost-publish",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-evidence",
            "sealpost-rollout",
            "sealpost-rules",
            "sealpost-runtime",
            "sealpost-net",
            "sealpost-listen",
            "sealpost-store",
        ],
    ),
    (
        "sealpost-alert",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-evidence",
            "sealpost-rollout",
            "sealpost-rules",
            "sealpost-runtime",
            "sealpost-net",
            "sealpost-store",
        ],
    ),
    // Faces.
    (
        "sealpost-web",
        &[
            "mail-domain",
            "mta-sts",
            "sealpost-evidence",
            "sealpost-rollout",
            "sealpost-rules",
            "sealpost-runtime",
            "sealpost-listen",
            "sealpost-store",
        ],
    ),
    (
        "sealpost",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "sealpost-wire",
            "sealpost-evidence",
            "sealpost-rules",
            "sealpost-dkim",
            "sealpost-runtime",
            "sealpost-net",
            "sealpost-listen",
            "sealpost-store",
            "sealpost-dkim",
            "sealpost-alert",
            "sealpost-check",
            "sealpost-enforce",
            "sealpost-receive",
            "sealpost-report",
            "sealpost-publish",
            "sealpost-rollout",
            "sealpost-web",
            "sealpost-lab",
        ],
    ),
    // Beside the house. The lab must not share our bugs.
    ("sealpost-lab", &["mail-domain"]),
    // Its tests hold our readers of senders beside other people's.
    ("sealpost-e2e", &["sealpost-lab", "sealpost-rules"]),
    (
        "sealpost-fuzz",
        &[
            "mail-domain",
            "mta-sts",
            "tls-rpt",
            "dane",
            "sealpost-wire",
            "sealpost-dkim",
            "sealpost-store",
            "sealpost-enforce",
            "sealpost-receive",
            "sealpost-report",
        ],
    ),
    ("xtask", &[]),
];

/// Packages that talk to the network; only these members may name them, for any purpose.
const NETWORK: &[&str] = &[
    "hickory-net",
    "hickory-proto",
    "hickory-resolver",
    "hickory-server",
    "hyper",
    "hyper-util",
    "rustls",
    "rustls-native-certs",
    "socket2",
    "tokio-rustls",
    "webpki-roots",
];
const NETWORKERS: &[&str] = &["sealpost-net", "sealpost-lab", "sealpost-e2e"];
/// What those who connect to us are answered with: the server side of HTTP and of TLS.
const LISTENING: &[&str] = &["hyper", "hyper-util", "tokio-rustls"];

#[test]
fn members_name_only_what_their_floor_allows() {
    let members: BTreeSet<&str> =
        METADATA.workspace_packages().iter().map(|package| package.name.as_str()).collect();
    let listed: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(members, listed, "the table of allowed edges and the workspace differ");

    let mut offences = Vec::new();
    for package in METADATA.workspace_packages() {
        let allowed =
            ALLOWED.iter().find(|(name, _)| package.name == *name).map_or(&[][..], |(_, to)| to);
        for dependency in &package.dependencies {
            let name = dependency.name.as_str();
            if members.contains(name) && !allowed.contains(&name) {
                offences.push(format!("{} → {name} ({})", package.name, dependency.kind));
            }
        }
    }
    none(offences, "a crate names one that is not below it");
}

#[test]
fn the_allowed_edges_form_no_circle() {
    // A table that allowed a circle would allow two floors to be one.
    let mut below: Vec<&str> = Vec::new();
    let mut waiting: Vec<_> = ALLOWED.to_vec();
    while let Some(index) =
        waiting.iter().position(|(_, to)| to.iter().all(|name| below.contains(name)))
    {
        below.push(waiting.remove(index).0);
    }
    none(waiting.iter().map(|(name, _)| (*name).to_owned()), "these depend on each other");
}

#[test]
fn only_the_edges_name_the_network() {
    let mut offences = Vec::new();
    for package in METADATA.workspace_packages() {
        for dependency in &package.dependencies {
            let is_network = NETWORK.contains(&dependency.name.as_str());
            let is_listening =
                package.name == "sealpost-listen" && LISTENING.contains(&dependency.name.as_str());
            if is_network && !is_listening && !NETWORKERS.contains(&package.name.as_str()) {
                offences.push(format!("{} → {}", package.name, dependency.name));
            }
        }
    }
    none(
        offences,
        "only net may name a network library, and listen the server side of HTTP and TLS",
    );
}

#[test]
fn the_command_line_is_in_the_face_alone() {
    let mut offences = Vec::new();
    for package in METADATA.workspace_packages() {
        for dependency in &package.dependencies {
            let is_command_line = dependency.name.starts_with("clap");
            let is_normal = dependency.kind == DependencyKind::Normal;
            if is_command_line && is_normal && package.name != "sealpost" {
                offences.push(format!("{} → {}", package.name, dependency.name));
            }
        }
    }
    none(offences, "only the sealpost crate knows flags");
}
