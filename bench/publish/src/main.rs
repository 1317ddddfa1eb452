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
        ["names", address] => names(address),
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

/// Says of every name that it does not exist, until it is ended. Whoever serves a policy for the first
/// time looks whether another does.
fn names(address: &str) -> io::Result<()> {
    let socket = std::net::UdpSocket::bind(address)?;
    let mut octets = [0; 4_096];
    loop {
        let (length, client) = socket.recv_from(&mut octets)?;
        // The question comes first: a name, label by label, and two numbers (RFC 1035 §4.1.2).
        let mut end = 12;
        while let Some(label) = octets[..length].get(end).filter(|label| **label != 0) {
            end += 1 + usize::from(*label);
        }
        let mut answer = octets[..(end + 5).min(length)].to_vec();
        if let Some(head) = answer.get_mut(2..12) {
            // An answer, that of a resolver, and the name does not exist; there is nothing else.
            head.copy_from_slice(&[0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
            socket.send_to(&answer, client)?;
        }
    }
}

fn number(text: &str) -> io::Result<usize> {
    text.parse().map_err(|_| io::Error::other(format!("{text} is no number")))
}
