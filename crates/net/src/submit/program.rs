//! A program of this machine that takes mail: what is called `sendmail` everywhere.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::task::JoinSet;

use super::{Acceptance, Letter, Protection, SubmitFault, Submitted};
use crate::deadline::Deadline;

/// How much of what a program says is heard, in octets.
const HEARD: u64 = 2 * 1024;

/// How long to listen once it has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A program such as `/usr/sbin/sendmail`: it takes a mail from its standard input, and addresses as
/// arguments. No shell is involved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program(PathBuf);

impl Program {
    /// The program at this path; `None` if it is not absolute, so that nothing else of that name can
    /// stand in.
    pub fn at(path: impl Into<PathBuf>) -> Option<Self> {
        let path = path.into();
        path.is_absolute().then_some(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Hands a mail over. The status decides: 0 is taken, those of `sysexits.h` that mean "never"
    /// are refusals, everything else may pass. A program that is not done in time is killed.
    pub(super) async fn hand_over(&self, letter: &Letter<'_>, patience: Duration) -> Submitted {
        let place = self.0.display().to_string();
        let mut command = Command::new(&self.0);
        // `-i`: a line with a dot alone does not end the mail.
        command
            .arg("-i")
            .arg("-f")
            .arg(letter.sender.map_or_else(|| "<>".to_owned(), ToString::to_string));
        command.arg("--").arg(letter.recipient.to_string());
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                return Submitted::later(SubmitFault::at(&place, format!("start it: {error}")));
            }
        };
        let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
        let mail = with_line_feeds(letter.octets);
        let write = async move {
            if let Some(mut stdin) = stdin {
                // A program that stops reading says why with its status.
                let _ = stdin.write_all(&mail).await;
                let _ = stdin.shutdown().await;
            }
        };
        let hear = async move {
            let mut said = Vec::new();
            if let Some(stderr) = stderr {
                let _ = stderr.take(HEARD).read_to_end(&mut said).await;
            }
            String::from_utf8_lossy(&said).trim().to_owned()
        };
        let mut hearing = JoinSet::new();
        hearing.spawn(hear);
        let running = async { tokio::join!(write, child.wait()) };
        let Ok(((), ended)) = Deadline::after(patience).bound(running).await else {
            return Submitted::later(SubmitFault::at(&place, "it was not done in time"));
        };
        // Something that it left behind may hold its standard error open.
        let said = Deadline::after(LAST_WORDS).bound(hearing.join_next()).await;
        let said = said.ok().flatten().and_then(Result::ok).unwrap_or_default();
        let status = match ended {
            Ok(status) => status,
            Err(error) => return Submitted::later(SubmitFault::at(&place, error.to_string())),
        };
        if status.success() {
            let answer = crate::text::printable(&said);
            return Submitted::Accepted(Acceptance {
                place,
                answer,
                protection: Protection::Local,
            });
        }
        let fault = SubmitFault::at(&place, format!("{status}; {said}"));
        // EX_USAGE, EX_DATAERR, EX_NOUSER, EX_NOHOST, EX_NOPERM.
        match status.code() {
            Some(64 | 65 | 67 | 68 | 77) => Submitted::Refused(fault),
            _ => Submitted::later(fault),
        }
    }
}

/// The mail with the line ends of this machine, as programs here expect it; the mail server makes
/// CRLF of them again.
fn with_line_feeds(octets: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(octets.len());
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(content) => {
                text.extend_from_slice(content);
                text.push(b'\n');
            }
            None => text.extend_from_slice(line),
        }
    }
    text
}
