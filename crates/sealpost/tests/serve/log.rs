//! What a daemon writes to standard error, where a program reads it.

use std::net::TcpListener;

use serde_json::Value;

use crate::daemon::{Daemon, World};

/// What is said to people too, over a start in which a role fails, a reload and a stop.
#[test]
fn each_line_is_an_object_where_json_is_wanted() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    world.write(&format!(
        "[enforce]\nlisten = [\"127.0.0.1:0\"]\ndane = \"off\"\n\
         [receive]\nlisten = {{ smtp = [\"{address}\"], lmtp = [] }}\n"
    ));
    let mut daemon = Daemon::start_with(&world, &[], &[("SEALPOST_LOG_FORMAT", "json")]);
    drop(taken);
    daemon.wait_to_hear("receive runs again");
    world.write("[enforce]\nlisen = []\n");
    daemon.hang_up();
    daemon.wait_to_hear("everything goes on as before");
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");

    let mut lines = Vec::new();
    for line in said.lines() {
        let read: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let members: Vec<&String> = read.as_object().unwrap().keys().collect();
        assert_eq!(members, ["time", "level", "target", "message", "fields"], "{line}");
        let time = read["time"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok(), "{line}");
        let is_text = |member: &str| read[member].as_str().is_some_and(|text| !text.is_empty());
        assert!(is_text("level") && is_text("target") && is_text("message"), "{line}");
        assert!(read["fields"].is_object(), "{line}");
        lines.push(read);
    }
    let find = |level: &str, target: &str, words: &str| -> &Value {
        let found = lines.iter().find(|line| {
            let has_words = line["message"].as_str().unwrap().contains(words);
            line["level"] == level && line["target"] == target && has_words
        });
        found.unwrap_or_else(|| panic!("no {level} of {target} with {words:?}: {said}"))
    };
    // An event, with values in their own types beside its words.
    let failed = find("error", "sealpost::daemon::run", "a role failed");
    assert_eq!(failed["fields"]["role"], "receive", "{failed}");
    assert!(failed["fields"]["failure"].as_str().unwrap().contains(&address.to_string()));
    // What is said: it names the role that speaks, and a failure is one.
    assert_eq!(find("info", "sealpost", "listening at 127.0.0.1:")["fields"]["role"], "enforce");
    let failure = find("error", "sealpost", "error: failed to listen at");
    assert_eq!(failure["fields"]["role"], "receive");
    assert!(failure["message"].as_str().unwrap().contains('\n'), "several lines in one");
    assert_eq!(find("info", "sealpost", "ready: ")["fields"], serde_json::json!({}));
    find("info", "sealpost", "stopping");
}

#[test]
fn a_form_that_there_is_not_is_said_and_lines_are_for_people() {
    let world = World::new();
    world.write("[enforce]\nlisten = []\ndane = \"off\"\n");
    let daemon = Daemon::start_with(&world, &[], &[("SEALPOST_LOG_FORMAT", "xml")]);
    let (status, said) = daemon.terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("SEALPOST_LOG_FORMAT is \"text\" or \"json\""), "{said}");
    assert!(said.contains("\nready: enforce with 0 policies\n"), "{said}");
}
