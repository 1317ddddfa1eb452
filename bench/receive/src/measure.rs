//! The measurements: every program in turn, in every round.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use crate::{
    process::{self, Run},
    programs::{Files, Programs},
    set::Set,
    table::Table,
};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// How many files sealpost takes in.
    pub files: usize,
    /// How many of them both take in.
    pub sample: usize,
    pub rounds: usize,
    pub seed: u64,
}

/// What one program did in all rounds with some files.
#[derive(Clone, Debug, Default)]
pub struct Series {
    pub files: usize,
    pub runs: Vec<Run>,
}

/// All that was measured of a set.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// sealpost with one file, with the sample, with all.
    pub sealpost: [Series; 3],
    /// parsedmarc with one file and with the sample.
    pub parsedmarc: [Series; 2],
    /// Seconds that one core needs to unpack all files and read their JSON.
    pub bare: Vec<f64>,
    /// The octets of all files together.
    pub octets: u64,
}

pub fn all(
    programs: &Programs,
    sets: &[Set],
    effort: Effort,
    folder: &Path,
) -> Result<(), Box<dyn Error>> {
    println!(
        "- {} files of each set, {} for parsedmarc; medians of {} rounds",
        effort.files, effort.sample, effort.rounds
    );
    let mut table = Table::default();
    for set in sets {
        let measured = one(programs, *set, effort, folder)?;
        table.set(*set, &measured);
    }
    table.end();
    Ok(())
}

fn one(
    programs: &Programs,
    set: Set,
    effort: Effort,
    folder: &Path,
) -> Result<Measured, Box<dyn Error>> {
    let all =
        programs.generate(folder.join("files"), &set.to_string(), effort.files, effort.seed)?;
    let sample = link(&all, folder.join("sample"), effort.sample)?;
    let single = link(&all, folder.join("single"), 1)?;
    let mut measured = Measured::default();
    for entry in fs::read_dir(&all.path)? {
        measured.octets += entry?.metadata()?.len();
    }
    for round in 0..effort.rounds {
        eprintln!("{set}, round {} of {}", round + 1, effort.rounds);
        for (files, series) in [&single, &sample].into_iter().zip(&mut measured.parsedmarc) {
            process::settle_disk()?;
            series.add(files, programs.parsedmarc(files, folder)?);
        }
        for (files, series) in [&single, &sample, &all].into_iter().zip(&mut measured.sealpost) {
            process::settle_disk()?;
            series.add(files, programs.sealpost(files, folder)?);
        }
        measured.bare.push(programs.bare(&all, folder)?);
    }
    for files in [all, sample, single] {
        fs::remove_dir_all(files.path)?;
    }
    Ok(measured)
}

impl Series {
    fn add(&mut self, files: &Files, run: Run) {
        self.files = files.count;
        self.runs.push(run);
    }
}

/// A folder with the first of the files; the same files, not copies.
fn link(files: &Files, path: PathBuf, count: usize) -> Result<Files, Box<dyn Error>> {
    fs::create_dir(&path)?;
    let mut names = fs::read_dir(&files.path)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<Vec<_>, _>>()?;
    names.sort();
    for name in names.into_iter().take(count) {
        fs::hard_link(files.path.join(&name), path.join(&name))?;
    }
    Ok(Files { path, count })
}

pub fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
