//! SIGKILL under load, and two processes at one file.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use crate::{
    child,
    children::WRITERS,
    rows::{number, read},
};

const KILLS: u64 = 20;
/// Where the moments come from: the same in every run.
const SEED: u64 = 0x5EA1_9057;

/// One file, twenty processes one after the other, each killed after some number of answers.
pub(crate) fn at_twenty_moments_under_load() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.sqlite");
    let mut answered = BTreeMap::new();
    let mut seed = SEED;
    for kill in 0..KILLS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let answers = usize::try_from(seed >> 33).unwrap() % 120;
        let mut process = child(&["load", path.to_str().unwrap(), "d", "4000000000"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut take = |line: String| {
            let (name, number) = line.split_once(' ').unwrap();
            answered.insert(name.to_owned(), number.parse::<u32>().unwrap());
        };
        for line in lines.by_ref().take(answers) {
            take(line.unwrap());
        }
        process.kill().unwrap();
        process.wait().unwrap();
        // What was said between the last line and the kill counts as well, if the line is whole.
        let rest: Vec<String> = lines.map(Result::unwrap).collect();
        let is_whole = |line: &String| line.ends_with(char::is_numeric);
        rest.into_iter().filter(is_whole).for_each(&mut take);

        let state = read(&path);
        for (name, last) in &mut answered {
            let row = state.get(name).unwrap_or_else(|| panic!("kill {kill}: {name} is gone"));
            let stored = number(row);
            assert!(
                stored == *last || stored == *last + 1,
                "kill {kill}: {name} was answered {last}, stored is {stored}"
            );
            // The next process goes on from what is stored.
            *last = stored;
        }
    }
    assert_eq!(answered.len(), WRITERS as usize, "not every writer came to write");
}

/// Two processes make, migrate and fill one file at the same time; neither loses a row.
pub(crate) fn two_processes_share_a_file() {
    const COUNT: u32 = 15;
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.sqlite");
        let count = COUNT.to_string();
        let processes = ["left", "right"].map(|prefix| {
            child(&["load", path.to_str().unwrap(), prefix, &count])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        });
        for mut process in processes {
            assert!(process.wait().unwrap().success());
        }
        let state = read(&path);
        assert_eq!(state.len(), 2 * WRITERS as usize);
        assert!(state.values().all(|row| number(row) == COUNT));
    }
}
