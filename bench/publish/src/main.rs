//! Makes policy hosts for sealpost and nginx, and asks them.

mod clients;
mod hosts;
mod usage;

use std::{io, process::ExitCode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["make", folder, domains] => number(domains).and_then(|count| hosts::make(folder, count)),
        ["shake", folder, address, domains, seconds, at_once, pid] => {
            shake(folder, address, domains, seconds, at_once, pid)
        }
        ["idle", folder, address, domains, connections, pid] => {
            idle(folder, address, domains, connections, pid)
        }
        _ => Err(io::Error::other("see bench/publish/run")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints handshakes a second, CPU milliseconds of the server for each, and its memory in MiB.
fn shake(
    folder: &str,
    address: &str,
    domains: &str,
    seconds: &str,
    at_once: &str,
    pid: &str,
) -> io::Result<()> {
    let clients = clients::Clients::new(folder, address, number(domains)?)?;
    let (seconds, at_once, pid) = (number(seconds)?, number(at_once)?, number(pid)?);
    clients.shake(1, at_once)?;
    let before = usage::of(pid)?;
    let count = clients.shake(seconds, at_once)?;
    let after = usage::of(pid)?;
    let cpu = (after.cpu_ms - before.cpu_ms) / count as f64;
    println!("{:.1} {:.4} {:.1}", count as f64 / seconds as f64, cpu, after.memory_mib);
    Ok(())
}

/// Prints how many idle connections there were, and the server's memory before and with them, in MiB.
fn idle(
    folder: &str,
    address: &str,
    domains: &str,
    connections: &str,
    pid: &str,
) -> io::Result<()> {
    let clients = clients::Clients::new(folder, address, number(domains)?)?;
    let (connections, pid) = (number(connections)?, number(pid)?);
    let before = usage::of(pid)?;
    let (held, with) = clients.hold(connections, || usage::of(pid))?;
    println!("{held} {:.1} {:.1}", before.memory_mib, with.memory_mib);
    Ok(())
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| io::Error::other(format!("{text} is no number")))
}
