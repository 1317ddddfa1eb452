//! What is to be seen while a run goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::world::{QUICK, World, quick};

/// Longer than one domain takes.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn each_result_comes_when_it_is_there_whatever_else_the_list_holds() {
    let world = World::new();
    let mut child = world.command(&["--from", "-", "--format", "json"]).spawn().unwrap();
    let mut list = child.stdin.take().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (sender, results) = channel();
    thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    for (domain, verdict) in &QUICK[..4] {
        writeln!(list, "{domain}").unwrap();
        // The list has no end yet.
        let line = results.recv_timeout(PATIENCE).unwrap();
        let result: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&result["domain"], &result["verdict"]),
            (&(*domain).into(), &(*verdict).into())
        );
    }
    drop(list);
    assert!(results.recv().is_err(), "nothing comes twice");
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_person_sees_how_far_it_has_come_and_a_program_does_not() {
    let world = World::new();
    let list = world.write("list", quick());
    let shown = world.at_a_terminal(&format!("--from {list} --format json --output at-terminal"));
    let progress: Vec<&str> = shown.split('\r').filter(|text| text.contains("/s, ")).collect();
    assert!(!progress.is_empty(), "{shown:?}");
    for text in progress {
        let text = text.trim_end_matches("\u{1b}[K");
        assert!(text.contains(" domains, ") && text.contains(" %, about "), "{text:?}");
        assert!(text.ends_with(" s left"), "{text:?}");
    }
    // It goes away for what is shown in the end.
    assert!(shown.contains("\r\u{1b}[K8 domains\r\n"), "{shown:?}");
    let (_, said, _) = world.run(&["--from", &list, "--format", "json"]);
    assert_eq!(said, "");
}
