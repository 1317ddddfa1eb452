//! The fuzz targets on stable Rust: every seed, and mutations that are the same in every run.

use std::path::{Path, PathBuf};

use sealpost_fuzz::TARGETS;

/// Mutations of each target's seeds.
const MUTATIONS: usize = 4_000;

/// A mutation is no longer than this.
const MAX_LENGTH: usize = 4_096;

type Seed = (String, Vec<u8>);

fn crate_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = match fs_err::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => panic!("{error}"),
    };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn seeds(target: &str) -> Vec<Seed> {
    let folder: PathBuf = crate_folder().join("corpus").join(target);
    let read = |name: String| match fs_err::read(folder.join(&name)) {
        Ok(octets) => (name, octets),
        Err(error) => panic!("{error}"),
    };
    names_in(&folder).into_iter().map(read).collect()
}

#[test]
fn every_seed_passes() {
    for (target, function) in TARGETS {
        let seeds = seeds(target);
        assert!(seeds.len() >= 5, "{target} has {} seeds", seeds.len());
        for (name, octets) in seeds {
            println!("{target}/{name}");
            function(&octets);
        }
    }
}

#[test]
fn mutated_seeds_pass() {
    for (target, function) in TARGETS {
        let seeds = seeds(target);
        let mut random = Xorshift(0x5EA1_9057);
        for _ in 0..MUTATIONS {
            let mut octets = random.choose(&seeds).1.clone();
            for _ in 0..=random.below(4) {
                random.mutate(&mut octets, &seeds);
            }
            octets.truncate(MAX_LENGTH);
            // Shown only when the target panics.
            println!("{target}: {}", octets.escape_ascii());
            function(&octets);
        }
    }
}

#[test]
fn every_target_has_its_folder_and_its_fuzzer() {
    let targets: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(targets.is_sorted());
    assert_eq!(names_in(&crate_folder().join("corpus")), targets);

    let fuzzers = crate_folder().join("../../fuzz");
    let files: Vec<String> = targets.iter().map(|name| format!("{name}.rs")).collect();
    assert_eq!(names_in(&fuzzers.join("fuzz_targets")), files);
    let manifest = fs_err::read_to_string(fuzzers.join("Cargo.toml")).unwrap();
    for target in targets {
        assert!(manifest.contains(&format!("name = \"{target}\"\n")), "no binary {target}");
    }
}

/// Random enough for mutations, and the same everywhere.
struct Xorshift(u64);

impl Xorshift {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below the limit; 0 if that is 0.
    fn below(&mut self, limit: usize) -> usize {
        let limit = limit.max(1) as u64;
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    fn choose<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        match items.get(self.below(items.len())) {
            Some(item) => item,
            None => panic!("there is nothing to choose from"),
        }
    }

    fn octet(&mut self) -> u8 {
        const OFTEN: &[u8] = b";=:,.-*@%!?#[]/ \t\r\n\0\"\x7f\x80\xc3\xff09azAZ_v";
        if self.below(3) == 0 { self.next().to_le_bytes()[0] } else { *self.choose(OFTEN) }
    }

    /// A part of the octets.
    fn range(&mut self, octets: &[u8]) -> std::ops::Range<usize> {
        let start = self.below(octets.len() + 1);
        start..start + self.below((octets.len() - start).min(32) + 1)
    }

    fn mutate(&mut self, octets: &mut Vec<u8>, seeds: &[Seed]) {
        let range = self.range(octets);
        match self.below(7) {
            0 => {
                let octet = self.octet();
                octets.insert(range.start, octet);
            }
            1 => {
                let octet = self.octet();
                octets.splice(range, [octet]);
            }
            2 => {
                octets.drain(range);
            }
            3 => {
                let part = octets.get(range.clone()).unwrap_or_default().to_vec();
                let times = self.below(40);
                octets.splice(range.start..range.start, part.repeat(times));
            }
            4 => {
                let other = &self.choose(seeds).1;
                let part = other.get(self.range(other)).unwrap_or_default().to_vec();
                octets.splice(range, part);
            }
            5 => {
                let end = self.below(octets.len() + 1);
                octets.truncate(end);
            }
            _ => {
                let bit = 1 << self.below(8);
                if let Some(octet) = octets.get_mut(range.start) {
                    *octet ^= bit;
                }
            }
        }
    }
}
