//! What a run of a program takes.

use std::error::Error;
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a program with its output in a file, and prints wall-clock seconds, CPU seconds and the peak
/// of resident memory in MiB.
pub fn measure(output: &str, program: &str, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(File::create(output)?)
        .spawn()
        .map_err(|error| format!("run {program}: {error}"))?;
    let mut last = (Duration::ZERO, 0);
    let status = loop {
        // Read while it lives: of a child that has been waited for, the kernel tells no more. What
        // it does in its last two milliseconds is missed.
        if let Some(seen) = seen(child.id()) {
            last = seen;
        }
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    if !matches!(status.code(), Some(0 | 1 | 3)) {
        return Err(format!("{program}: {status}").into());
    }
    let (cpu, peak) = last;
    println!("{:.3} {:.3} {:.1}", began.elapsed().as_secs_f64(), cpu.as_secs_f64(), peak as f64 / 1024.0);
    Ok(())
}

/// CPU time of all threads, those that have ended included, and the peak of memory in KiB.
fn seen(process: u32) -> Option<(Duration, u64)> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    // In hundredths of a second: USER_HZ is 100 on every Linux.
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let peak = line.split_whitespace().next()?.parse().ok()?;
    Some((Duration::from_millis(ticks * 10), peak))
}
