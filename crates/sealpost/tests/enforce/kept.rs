//! What was answered once holds, whatever happens to us or to the network.

use std::collections::BTreeMap;

use crate::daemon::{Daemon, World};

const ENFORCED: [&str; 4] =
    ["good.test", "good-wildcard.test", "good-two-addresses.test", "good-policy-spacing.test"];

#[test]
fn policies_survive_a_kill_and_a_network_that_is_gone() {
    let world = World::new();
    let daemon = world.daemon("20");
    assert_eq!(daemon.loaded, 0);
    let before: BTreeMap<&str, String> =
        ENFORCED.iter().map(|name| (*name, daemon.client().ask("postfix", name))).collect();
    assert!(before.values().all(|reply| reply.starts_with("OK secure ")), "{before:#?}");
    // Nothing more than the answer: what it relied on must be on the disk.
    daemon.kill();

    // Everything is blocked: no DNS, no policy host.
    let World { runtime, lab, folder } = world;
    let network = lab.settings_file().to_owned();
    runtime.block_on(lab.stop());

    assert!(network.exists(), "the settings outlive the lab");
    let store = folder.path().join("store.sqlite");
    let daemon = Daemon::start(&network, &store, "3", &[]);
    assert_eq!(daemon.loaded, ENFORCED.len());
    for (name, reply) in &before {
        assert_eq!(daemon.client().ask("postfix", name), *reply);
    }
    // Of a domain that was never seen nothing can be known (RFC 8461 §3.3).
    assert_eq!(daemon.client().ask("postfix", "never-seen.test"), "NOTFOUND");
}

#[test]
fn a_store_that_cannot_be_read_is_no_reason_to_begin_without_policies() {
    let world = World::new();
    let store = world.folder.path().join("broken.sqlite");
    fs_err::write(&store, "this is no database ".repeat(1000)).unwrap();
    let settings = world.lab.settings_file().to_str().unwrap();
    let path = store.to_str().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_sealpost"))
        .args(["enforce", "--listen", "127.0.0.1:0", "--network", settings, "--store", path])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("error: failed to use the store: the file is damaged"), "{said}");
    assert!(said.contains("hint: ") && !said.contains("listening"), "{said}");
}
