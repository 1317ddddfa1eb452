//! What taking in TLS reports costs, beside parsedmarc and beside bare unpacking.
//!
//! `run`, beside the sources, builds and starts this program.

use std::{env, error::Error, path::PathBuf, process::ExitCode};

use self::{
    folder::Folder,
    measure::Effort,
    programs::Programs,
    set::{SETS, Set},
};

mod bare;
mod folder;
mod mail;
mod measure;
mod process;
mod programs;
mod random;
mod report;
mod reporters;
mod set;
mod table;

const USAGE: &str = "\
usage: sealpost-bench-receive all SEALPOST PARSEDMARC [SET]...   SET: tiny-json … full-mail
       sealpost-bench-receive generate FOLDER SET COUNT [SEED]
       sealpost-bench-receive bare FOLDER";

/// The seed of all files unless another is given.
const SEED: u64 = 8460;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["all", sealpost, parsedmarc, sets @ ..] => all(sealpost, parsedmarc, sets),
        ["generate", folder, set, count, rest @ ..] if rest.len() < 2 => {
            let seed = rest.first().map_or(Ok(SEED), |text| text.parse())?;
            set::write(&PathBuf::from(folder), Set::parse(set).ok_or(USAGE)?, count.parse()?, seed)
        }
        ["bare", folder] => {
            println!("{}", bare::unpack(folder.as_ref())?);
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

/// All that can be set otherwise is set by environment variables, which `run` explains.
fn all(sealpost: &str, parsedmarc: &str, sets: &[&str]) -> Result<(), Box<dyn Error>> {
    let number = |name: &str, default: usize| -> Result<usize, Box<dyn Error>> {
        Ok(env::var(name).map_or(Ok(default), |text| text.parse())?)
    };
    let sets: Vec<Set> = if sets.is_empty() {
        SETS.to_vec()
    } else {
        sets.iter().map(|name| Set::parse(name).ok_or(USAGE)).collect::<Result<_, _>>()?
    };
    let files = number("BENCH_FILES", 20_000)?.max(2);
    let effort = Effort {
        files,
        sample: number("BENCH_SAMPLE", 2_000)?.clamp(2, files),
        rounds: number("BENCH_ROUNDS", 3)?.max(1),
        seed: SEED,
    };
    let programs = Programs {
        sealpost: sealpost.into(),
        parsedmarc: parsedmarc.into(),
        own: env::current_exe()?,
    };
    let folder = Folder::new()?;
    println!("- load of the machine before: {}", table::machine_load());
    measure::all(&programs, &sets, effort, folder.path())?;
    println!("\n- load of the machine after: {}", table::machine_load());
    Ok(())
}
