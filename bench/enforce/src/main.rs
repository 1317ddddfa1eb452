//! What a question to `sealpost enforce` costs, beside a bare echo server and the peers.
//!
//! `run`, beside the sources, builds and starts this program.

use std::{env, error::Error, path::PathBuf, process::ExitCode, time::Duration};

use self::{
    dns::Security, load::Load, measure::Effort, names::Kind, process::Place, servers::Programs,
};

mod dns;
mod echo;
mod fill;
mod load;
mod measure;
mod names;
mod process;
mod report;
mod servers;

const USAGE: &str = "\
usage: sealpost-bench-enforce all SEALPOST [PART]...   PART: hot, cold
       sealpost-bench-enforce echo SIZE ADDRESS...
       sealpost-bench-enforce dns ADDRESS MILLISECONDS [secure]
       sealpost-bench-enforce fill STORE COUNT
       sealpost-bench-enforce load ADDRESS KIND CONNECTIONS RATE|max SECONDS";

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
        ["all", sealpost, ..] => all(sealpost.into(), &arguments[2..]),
        ["echo", size, ..] => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(echo::serve(size.parse()?, &arguments[2..]))
        }
        ["dns", address, milliseconds, rest @ ..] => {
            let secure = rest == ["secure"];
            let security = if secure { Security::Secure } else { Security::Insecure };
            dns::serve(address, Duration::from_millis(milliseconds.parse()?), security)
        }
        ["fill", store, count] => measure::fill_only(store.as_ref(), count.parse()?),
        ["load", address, kind, connections, rate, seconds] => {
            let outcome = load::run(&Load {
                address: (*address).to_owned(),
                map: "postfix",
                kind: Kind::parse(kind).ok_or(USAGE)?,
                run: u64::from(std::process::id()),
                domains: 1_000,
                connections: connections.parse()?,
                rate: if *rate == "max" { None } else { Some(rate.parse()?) },
                duration: Duration::from_secs_f64(seconds.parse()?),
                expected: "",
            })?;
            println!(
                "{} replies, {:.0} a second, p50 {:?}, p99 {:?}, longest {} octets",
                outcome.replies,
                outcome.per_second(),
                outcome.quantile(0.5),
                outcome.quantile(0.99),
                outcome.longest
            );
            Ok(())
        }
        _ => Err(USAGE.into()),
    }
}

/// All that can be set otherwise is set by environment variables, which `run` explains.
fn all(sealpost: PathBuf, parts: &[String]) -> Result<(), Box<dyn Error>> {
    let path = |name: &str| env::var_os(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    let programs = Programs {
        sealpost,
        python: path("BENCH_PYTHON"),
        tlspol: path("BENCH_TLSPOL"),
        home: path("BENCH_HOME").unwrap_or_else(|| PathBuf::from(".")),
    };
    let number = |name: &str, default: f64| -> Result<f64, Box<dyn Error>> {
        Ok(env::var(name).map_or(Ok(default), |text| text.parse())?)
    };
    let effort = Effort {
        rounds: number("BENCH_ROUNDS", 7.0)? as usize,
        duration: Duration::from_secs_f64(number("BENCH_SECONDS", 1.0)?),
    };
    let place = match env::var("BENCH_SERVERS_ON") {
        Ok(processor) => Place::Processor(processor.parse()?),
        Err(_) => Place::Anywhere,
    };
    println!("- load of the machine before: {}", report::machine_load());
    measure::all(&programs, parts, effort, place)?;
    println!("- load of the machine after: {}", report::machine_load());
    Ok(())
}
