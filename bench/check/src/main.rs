//! A mail internet of any number of domains, on loopback and on the standard ports: DNS that takes
//! its time, policy hosts, MX hosts. `serve` runs it until it is ended; `list` names its domains;
//! `measure` runs a program and says what it took.

mod dns;
mod hosts;
mod measure;
mod tls;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

/// What the names of all domains end with.
const ZONE: &str = "bench.test";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", roots, dns, think] => {
            let milliseconds = |text: &str| text.parse().map(Duration::from_millis);
            serve(roots, milliseconds(dns)?, milliseconds(think)?)
        }
        ["list", count] => {
            for number in 0..count.parse::<u32>()? {
                println!("d{number}.{ZONE}");
            }
            Ok(())
        }
        ["measure", output, program, arguments @ ..] => measure::measure(output, program, arguments),
        _ => Err("usage: serve ROOTS DNS-MS THINK-MS | list COUNT | measure OUTPUT PROGRAM ARGUMENT…".into()),
    }
}

fn serve(roots: &str, delay: Duration, think: Duration) -> Result<(), Box<dyn Error>> {
    let authority = tls::Authority::new()?;
    std::fs::write(roots, authority.pem())?;
    dns::serve(delay)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(hosts::serve(authority, think))
}
