//! An abort before and after every commit.

use std::{os::unix::process::ExitStatusExt as _, path::Path};

use crate::{
    child,
    children::{STEPS, Step, TOGETHER, step},
    rows::{State, number, read},
};

/// The signal of `abort()`.
const SIGABRT: i32 = 6;
/// More moments than any child has.
const MOST: u64 = 200;

/// After each abort the file holds what was answered, and nothing half: before a commit exactly
/// that, after it one step more.
pub(crate) fn one_command_at_a_time() {
    for moment in 1..MOST {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let Some(lines) = aborted(&["steps", path.to_str().unwrap(), &moment.to_string()]) else {
            // Each commit has two moments; the first is that of the schema.
            assert_eq!(moment, 2 * (STEPS as u64 + 1) + 1, "commits were skipped");
            return;
        };
        let answered = lines.len().saturating_sub(1);
        let is_committed = moment % 2 == 0 && moment > 2;
        let expected = after(answered + usize::from(is_committed));
        assert_eq!(read(&path), expected, "moment {moment}, {answered} answered");
        // It goes on from there.
        let whole = child(&["steps", path.to_str().unwrap(), "0"]).output().unwrap();
        assert!(whole.status.success(), "{}", String::from_utf8_lossy(&whole.stderr));
    }
    panic!("the child never ends by itself");
}

/// After each abort every answered row is there, and every row that is there is whole.
pub(crate) fn many_commands_at_a_time() {
    for moment in 1..MOST {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let Some(lines) = aborted(&["together", path.to_str().unwrap(), &moment.to_string()])
        else {
            check(&path, &[]);
            assert_eq!(read(&path).len(), TOGETHER as usize);
            assert!(moment > 4, "the schema and the rows are at least two commits");
            return;
        };
        check(&path, &lines);
    }
    panic!("the child never ends by itself");
}

fn check(path: &Path, lines: &[String]) {
    let state = read(path);
    for (name, row) in &state {
        assert_eq!(*name, format!("d{}.example.com", number(row)));
    }
    for line in lines {
        let (name, _) = line.split_once(' ').unwrap();
        assert!(state.contains_key(name), "{name} was answered and is gone");
    }
}

/// The lines of a child that aborted; `None` if it came to its end.
pub(crate) fn aborted(arguments: &[&str]) -> Option<Vec<String>> {
    let output = child(arguments).output().unwrap();
    if output.status.success() {
        return None;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(SIGABRT), "{said}");
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// A model of the store: what it holds after the first `count` steps.
fn after(count: usize) -> State {
    let mut state = State::new();
    for index in 0..count {
        match step(index) {
            Step::Save(row) => {
                let name = row.domain.to_string();
                let policy = state.get(&name).and_then(|held| held.policy.clone());
                let policy = row.policy.clone().or(policy);
                state.insert(name, sealpost_store::Remembered { policy, ..*row });
            }
            Step::Touch(name, time) => {
                if let Some(row) = state.get_mut(name) {
                    row.last_used = row.last_used.max(time);
                }
            }
            Step::Forget(name) => {
                state.remove(name);
            }
        }
    }
    state
}
