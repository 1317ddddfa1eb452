//! A program from its start to its end, and what it took.

use std::{
    error::Error,
    fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use wait4::Wait4;

/// What a run took.
#[derive(Clone, Debug)]
pub struct Run {
    pub wall: Duration,
    /// Of all its threads and the children it waited for, in the kernel and outside.
    pub processor: Duration,
    /// The peak of its resident memory, in octets.
    pub peak: u64,
    /// What it wrote to standard output.
    pub output: String,
}

/// Runs a program to its end. What it says goes into files of the folder.
pub fn run(command: &mut Command, folder: &Path) -> Result<Run, Box<dyn Error>> {
    let output = folder.join("stdout");
    let complaints = folder.join("stderr");
    command
        .stdin(Stdio::null())
        .stdout(fs::File::create(&output)?)
        .stderr(fs::File::create(&complaints)?);
    let name = command.get_program().to_owned();
    let start = Instant::now();
    let child = command.spawn().map_err(|error| format!("start {name:?}: {error}"))?;
    let used = child.wait4()?;
    let wall = start.elapsed();
    if !used.status.success() {
        let said = fs::read_to_string(complaints)?;
        return Err(format!("{name:?} ended: {}\n{said}", used.status).into());
    }
    Ok(Run {
        wall,
        processor: used.rusage.utime + used.rusage.stime,
        peak: used.rusage.maxrss,
        output: fs::read_to_string(output)?,
    })
}

/// Puts all that was written on the disk, so that nobody waits for what another wrote.
pub fn settle_disk() -> Result<(), Box<dyn Error>> {
    Command::new("sync").status()?;
    Ok(())
}
