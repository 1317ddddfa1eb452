//! `sealpost web password`

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use sealpost_web::PasswordHash;

use crate::arguments::PasswordArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// More than any password that is taken.
const MOST_OCTETS: u64 = 4_096;

pub(super) fn run(arguments: &PasswordArguments, output: &mut Output) -> Result<Outcome, Failure> {
    let password = match io::stdin().is_terminal() {
        true => ask_twice(output)?,
        false => read_line()?,
    };
    let hash = PasswordHash::of(&password).map_err(Failure::new)?;
    match &arguments.output {
        Some(path) => {
            write(path, &format!("{hash}\n"))?;
            output.say(&format!(
                "{} has the hash; name it as password_file of [web]",
                path.display()
            ));
        }
        None => output.line(&hash.to_string())?,
    }
    Ok(Outcome::Clean)
}

fn ask_twice(output: &mut Output) -> Result<String, Failure> {
    let hidden = Hidden::begin()?;
    output.say("the password of the pages (it is not shown):");
    let first = read_line()?;
    output.say("once more:");
    let second = read_line()?;
    drop(hidden);
    if first != second {
        return Err(Failure::new("take this password: the two are not the same"));
    }
    Ok(first)
}

fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().take(MOST_OCTETS).read_line(&mut line);
    read.map_err(|error| Failure::new(format!("read the password: {error}")))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A new file, for its owner alone.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = fs_err::OpenOptions::new();
    options.write(true).create_new(true).options_mut().mode(0o600);
    let mut file = options.open(path).map_err(|error| {
        Failure::from(error).hint("it is not overwritten; remove it first, or name another")
    })?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// A terminal that shows nothing of what is typed, as long as this lives.
struct Hidden(Termios);

impl Hidden {
    fn begin() -> Result<Self, Failure> {
        let failed = |error| Failure::new(format!("hide what is typed: {error}"));
        let before = tcgetattr(io::stdin()).map_err(failed)?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // Nothing else can be done about it.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
