//! Servers as processes: started, watched, ended.

use std::{
    error::Error,
    ffi::OsStr,
    fs,
    net::TcpStream,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(30);
/// How long it may take to end when it is asked to.
const END: Duration = Duration::from_secs(3);

/// A running server; dropping it ends it.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program. What it says goes into a file of the folder.
    pub fn start(
        folder: &Path,
        name: &str,
        program: &Path,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        place: Place,
    ) -> Result<Self, Box<dyn Error>> {
        let log = fs::File::create(folder.join(format!("{name}.log")))?;
        let mut command = place.command(program);
        command.args(arguments).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().map_err(|error| format!("start {name}: {error}"))?;
        Ok(Self { child })
    }

    /// Waits until somebody listens at each address.
    pub fn wait_for(&mut self, addresses: &[String]) -> Result<(), Box<dyn Error>> {
        let start = Instant::now();
        for address in addresses {
            while !is_listening(address) {
                if let Some(status) = self.child.try_wait()? {
                    return Err(format!("the server for {address} ended: {status}").into());
                }
                if start.elapsed() > START {
                    return Err(format!("nobody listens at {address}").into());
                }
                thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    /// The time that its threads have spent on a processor so far, in the kernel and outside.
    ///
    /// The kernel's sum of `utime` and `stime`, of which `/proc/PID/stat` tells only hundredths of a
    /// second.
    pub fn processor_time(&self) -> Result<Duration, Box<dyn Error>> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            // A thread may have ended in between.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Resident memory at present, in KiB.
    pub fn resident(&self) -> Result<u64, Box<dyn Error>> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.ok_or("no VmRSS")?.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // By its number: the standard library can only kill, and a store should be closed.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let start = Instant::now();
        while start.elapsed() < END {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same of the thread that asks.
pub fn processor_time_of_this_thread() -> Result<Duration, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?))
}

/// Where a process may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Anywhere,
    /// On this processor only.
    Processor(u32),
}

impl Place {
    fn command(self, program: &Path) -> Command {
        match self {
            Self::Anywhere => Command::new(program),
            Self::Processor(number) => {
                let mut command = Command::new("taskset");
                command.arg("--cpu-list").arg(number.to_string()).arg(program);
                command
            }
        }
    }
}

fn is_listening(address: &str) -> bool {
    match address.strip_prefix("unix:") {
        Some(path) => UnixStream::connect(path).is_ok(),
        None => TcpStream::connect(address).is_ok(),
    }
}

/// An address on loopback where nobody listens.
pub fn free_address() -> Result<String, Box<dyn Error>> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

/// A folder that goes when it is dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let path = std::env::temp_dir().join(format!("sealpost-bench-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
