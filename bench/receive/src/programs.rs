//! The programs that are compared, and how they are started.

use std::{
    error::Error,
    fs,
    io::BufReader,
    path::{Path, PathBuf},
    process::Command,
};

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::process::{self, Run};

pub struct Programs {
    pub sealpost: PathBuf,
    pub parsedmarc: PathBuf,
    /// This program: the bare unpacking runs as a process too.
    pub own: PathBuf,
}

/// Files to take in, one report in each.
#[derive(Clone, Debug)]
pub struct Files {
    pub path: PathBuf,
    pub count: usize,
}

impl Programs {
    /// Takes files into a new store. It fails unless a report of each is kept.
    pub fn sealpost(&self, files: &Files, folder: &Path) -> Result<Run, Box<dyn Error>> {
        let store = empty(folder, "store")?;
        let mut command = Command::new(&self.sealpost);
        command.env_remove("SEALPOST_CONFIG");
        command.args(["receive", "import", "--format", "json", "--store"]);
        command.arg(store.join("sealpost.sqlite")).arg(&files.path);
        let run = process::run(&mut command, folder)?;
        let said: Value = serde_json::from_str(&run.output)?;
        let number = |place: &str| said.pointer(place).and_then(Value::as_u64).unwrap_or_default();
        // It ends with success only if all could be read. Reports are counted by policy domain.
        if number("/reports/new") < number("/new") || number("/reports/revision") != 0 {
            return Err(format!("not every file is a report of its own: {said}").into());
        }
        files.are_kept(number("/new") as usize, "sealpost")?;
        Ok(run)
    }

    /// Takes files into new files of JSON and CSV, which is all that it writes without a server. It
    /// fails unless a report of each is there.
    pub fn parsedmarc(&self, files: &Files, folder: &Path) -> Result<Run, Box<dyn Error>> {
        let output = empty(folder, "output")?;
        let mut command = Command::new(&self.parsedmarc);
        command.args(["--offline", "--silent", "-o"]).arg(&output).arg(&files.path);
        let run = process::run(&mut command, folder)?;
        let json = BufReader::new(fs::File::open(output.join("smtp_tls.json"))?);
        files.are_kept(serde_json::from_reader::<_, Vec<IgnoredAny>>(json)?.len(), "parsedmarc")?;
        Ok(run)
    }

    /// How long it took one core to unpack the files and read their JSON, in seconds.
    pub fn bare(&self, files: &Files, folder: &Path) -> Result<f64, Box<dyn Error>> {
        let run = process::run(Command::new(&self.own).arg("bare").arg(&files.path), folder)?;
        Ok(run.output.trim().parse::<f64>()? / 1e9)
    }

    /// Makes files in a process of its own, so that its memory is not counted for the programs that this one
    /// starts: the kernel passes a peak on to a child.
    pub fn generate(
        &self,
        path: PathBuf,
        set: &str,
        count: usize,
        seed: u64,
    ) -> Result<Files, Box<dyn Error>> {
        let mut command = Command::new(&self.own);
        command.arg("generate").arg(&path).args([set, &count.to_string(), &seed.to_string()]);
        match command.status()?.success() {
            true => Ok(Files { path, count }),
            false => Err("the files could not be made".into()),
        }
    }
}

impl Files {
    /// Who loses reports has less to do, and must not win by it.
    fn are_kept(&self, kept: usize, program: &str) -> Result<(), String> {
        if kept == self.count {
            return Ok(());
        }
        Err(format!("{program} has kept {kept} reports of {}", self.count))
    }
}

/// A folder with nothing in it.
fn empty(folder: &Path, name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let path = folder.join(name);
    if path.exists() {
        fs::remove_dir_all(&path)?;
    }
    fs::create_dir(&path)?;
    Ok(path)
}
