//! A run that is stopped, and goes on.

use std::io::Write as _;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use sealpost_lab::Lab;

use crate::world::{World, quick, quick_verdicts, results, verdicts};

#[test]
fn a_run_that_is_killed_goes_on_where_it_was() {
    let world = World::new();
    // All but those that say nothing, which take seconds.
    let domains: Vec<&str> = Lab::fleet()
        .iter()
        .map(|domain| domain.name)
        .filter(|name| {
            !["silence", "timeout", "slow", "silent", "stall"]
                .iter()
                .any(|word| name.contains(word))
        })
        .collect();
    let list = world.write("list", domains.join("\n"));
    let arguments =
        ["--from", &list, "--format", "json", "--output", "results", "--resume", "--at-once", "8"];
    for kill in 1..=6 {
        let mut child = world.command(&arguments).spawn().unwrap();
        sleep(Duration::from_millis(250 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        // As if the machine had stopped within a line.
        let file = world.path("results");
        let Ok(octets) = fs_err::read(&file) else { continue };
        if kill % 2 == 0 && !octets.is_empty() {
            fs_err::write(&file, &octets[..octets.len() - 7]).unwrap();
        }
    }
    let (out, said, status) = world.run(&arguments);
    assert!(out.starts_with(&format!("{} domains\n", domains.len())), "{out}{said}");
    assert_eq!(status, 1);
    let text = fs_err::read_to_string(world.path("results")).unwrap();
    let mut found: Vec<String> =
        results(&text).iter().map(|result| result["domain"].as_str().unwrap().to_owned()).collect();
    found.sort();
    let mut expected: Vec<&str> = domains;
    expected.sort_unstable();
    assert_eq!(found, expected, "each once");
    // Once more there is nothing to do, and the sums are the same.
    let again = world.run(&arguments);
    assert_eq!((again.0, again.2), (out, status));
}

#[test]
fn nothing_is_written_over() {
    let world = World::new();
    let list = world.write("list", quick());
    let arguments = ["--from", &list, "--format", "json", "--output", "results"];
    assert_eq!(world.run(&arguments).2, 1);
    let before = fs_err::read_to_string(world.path("results")).unwrap();
    assert_eq!(verdicts(&before), quick_verdicts());
    let (_, said, status) = world.run(&arguments);
    assert!(said.contains("hint: add --resume"), "{said}");
    assert_eq!(status, 2);
    world.write("results", format!("{before}not a result\n{before}"));
    let (_, said, status) = world.run(&[&arguments[..], &["--resume"]].concat());
    assert!(said.contains("line 9 is no result of `sealpost check --format json`"), "{said}");
    assert_eq!(status, 2);
    // One domain has no list to go on with.
    let (_, said, status) = world.run(&["good.test", "--output", "single"]);
    assert!(said.contains("cannot be used with"), "{said}");
    assert!(status == 2 && !world.path("single").exists());
    let (_, said, status) =
        world.run(&["--from", &list, "--format", "csv", "--output", "other", "--resume"]);
    assert!(said.contains("only --format json can be read again"), "{said}");
    assert_eq!(status, 2);
}

#[test]
fn a_run_that_is_interrupted_says_how_it_goes_on() {
    let world = World::new();
    let arguments = ["--from", "-", "--format", "json", "--output", "results"];
    let mut child = world.command(&arguments).spawn().unwrap();
    let mut list = child.stdin.take().unwrap();
    list.write_all(b"good.test\nnull-mx.test\n").unwrap();
    let written = || fs_err::read_to_string(world.path("results")).unwrap_or_default();
    for _ in 0..600 {
        if written().lines().count() == 2 {
            break;
        }
        sleep(Duration::from_millis(100));
    }
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    // The list is open all the while.
    let output = child.wait_with_output().unwrap();
    drop(list);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("it was stopped after 2 domains"), "{said}");
    assert!(said.contains("hint: the same command with --resume goes on"), "{said}");
    let file = world.write("list", quick());
    let arguments = ["--from", &file, "--format", "json", "--output", "results", "--resume"];
    assert_eq!(world.run(&arguments).2, 1);
    assert_eq!(verdicts(&written()), quick_verdicts());
}

/// The domains of evidence that was kept, in their order.
fn kept(world: &World) -> Vec<String> {
    let text = fs_err::read_to_string(world.path("evidence")).unwrap();
    results(&text).iter().map(|line| line["domain"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn evidence_outlives_a_run_that_goes_on_and_one_that_is_refused() {
    let world = World::new();
    let one = world.write("one", "good.test\n");
    let run = ["--format", "json", "--output", "results", "--save-evidence", "evidence"];
    assert_eq!(world.run(&[&["--from", &one][..], &run].concat()).2, 0);
    assert_eq!(kept(&world), ["good.test"]);
    // It is refused, because the results are there.
    assert_eq!(world.run(&[&["--from", &one][..], &run].concat()).2, 2);
    assert_eq!(kept(&world), ["good.test"]);
    // And so is this, which is no domain.
    let (_, said, status) = world.run(&["no domain", "--save-evidence", "evidence"]);
    assert_eq!((status, kept(&world)), (2, vec!["good.test".to_owned()]), "{said}");
    // As if the machine had stopped within a line.
    let text = fs_err::read_to_string(world.path("evidence")).unwrap();
    world.write("evidence", format!("{text}{{\"domain\":\"null-mx"));
    let both = world.write("both", "good.test\nnull-mx.test\n");
    let (out, said, status) = world.run(&[&["--from", &both, "--resume"][..], &run].concat());
    assert_eq!(status, 0, "{out}{said}");
    assert_eq!(kept(&world), ["good.test", "null-mx.test"]);
}
