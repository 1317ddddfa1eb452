//! The levers of the attacker and of the owners, from outside: a Unix socket and a line for each order.
//!
//! | line | does |
//! |---|---|
//! | `attack NAME DOMAIN` | begins an attack on a domain, or on all with `*` |
//! | `cease NAME DOMAIN` | ends it |
//! | `cease all` | ends all |
//! | `mend HOST` | gives an MX host STARTTLS and a good certificate |
//! | `list` | a line `NAME DOMAIN` for each that is on, then the reply |
//!
//! The reply is `ok`, or `error` and a reason.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{fs::PermissionsExt as _, net::UnixStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixListener,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Attack, LabError, attacker::Attacker, files, owner::Owner};

/// The file of the socket, in the lab's folder.
const SOCKET: &str = "control.sock";
/// The longest order, in octets.
const LONGEST_LINE: u64 = 512;
/// The longest list that a client reads, in octets.
const LONGEST_REPLY: u64 = 1 << 20;
/// Who gives orders, at a time; others are dropped.
const MOST_CONNECTIONS: usize = 16;
/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// The socket, and its file as long as it is open.
pub(crate) struct ControlSocket {
    listener: UnixListener,
    file: SocketFile,
}

/// Removes the file when dropped.
pub(crate) struct SocketFile(PathBuf);

impl ControlSocket {
    /// Opens the socket, for the lab's own user only. A file that a dead lab has left is replaced.
    pub(crate) fn open(directory: &Path) -> Result<Self, LabError> {
        let path = directory.join(SOCKET);
        let fault = |source| LabError::Control { path: path.clone(), source };
        match UnixStream::connect(&path) {
            Ok(_) => return Err(fault(io::ErrorKind::AddrInUse.into())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                fs_err::remove_file(&path)?;
            }
            Err(_) => {}
        }
        let listener = UnixListener::bind(&path).map_err(fault)?;
        let file = SocketFile(path.clone());
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { listener, file })
    }

    /// Takes orders in a task of its own.
    pub(crate) fn serve(
        self,
        tasks: &mut JoinSet<()>,
        attacker: Arc<Attacker>,
        owner: Arc<Owner>,
    ) -> SocketFile {
        tasks.spawn(serve(self.listener, attacker, owner));
        self.file
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Err(error) = fs_err::remove_file(&self.0) {
            tracing::debug!("the control socket stays: {error}");
        }
    }
}

async fn serve(listener: UnixListener, attacker: Arc<Attacker>, owner: Arc<Owner>) {
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
                let (attacker, owner) = (Arc::clone(&attacker), Arc::clone(&owner));
                connections.spawn(async move {
                    if let Err(error) = take_orders(stream, &attacker, &owner).await {
                        tracing::debug!("a control connection ended early: {error}");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!("no control connection accepted: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn take_orders(
    stream: tokio::net::UnixStream,
    attacker: &Attacker,
    owner: &Owner,
) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = tokio::io::BufReader::new(reader);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut reader).take(LONGEST_LINE);
        timeout(PATIENCE, bounded.read_until(b'\n', &mut line)).await??;
        let Some(line) = line.strip_suffix(b"\n") else { return Ok(()) };
        let reply = obey(&String::from_utf8_lossy(line), attacker, owner);
        timeout(PATIENCE, writer.write_all(reply.as_bytes())).await??;
    }
}

fn obey(line: &str, attacker: &Attacker, owner: &Owner) -> String {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let done = match words.as_slice() {
        ["list"] => {
            let on = attacker.attacks();
            let lines: String = on.iter().map(|(attack, to)| format!("{attack} {to}\n")).collect();
            return lines + "ok\n";
        }
        ["cease", "all"] => {
            attacker.cease_all();
            Ok(())
        }
        ["mend", host] => owner.mend(host).map_err(|error| error.to_string()),
        [verb @ ("attack" | "cease"), name, domain] => match name.parse::<Attack>() {
            Ok(attack) if *verb == "attack" => {
                attacker.attack(attack, domain).map_err(|error| error.to_string())
            }
            Ok(attack) => {
                attacker.cease(attack, domain);
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        },
        _ => {
            Err("write attack NAME DOMAIN, cease NAME DOMAIN, cease all, mend HOST, or list"
                .to_owned())
        }
    };
    match done {
        Ok(()) => "ok\n".to_owned(),
        Err(reason) => format!("error {reason}\n"),
    }
}

/// A client of a lab that runs elsewhere, by its control socket.
pub struct Control {
    directory: PathBuf,
    stream: BufReader<UnixStream>,
}

/// Why a lab could not be given an order. The text fits after "failed to".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// There is none in the usual place. Start one, or say where its folder is.
    #[error("find a lab that runs")]
    NoLab,

    /// Several run, and nobody said which is meant.
    #[error("choose a lab: {0} run")]
    SeveralLabs(usize),

    /// The socket could not be used: the lab has most likely ended.
    #[error("talk to the lab in {}: {source}", directory.display())]
    Socket {
        /// The lab's folder.
        directory: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The lab refuses, and says why.
    #[error("{0}")]
    Refused(String),
}

impl Control {
    /// Connects to the lab with this folder; without one, to the only lab that runs in a temporary
    /// folder of its own.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if there is no such lab, or more than one.
    pub fn connect(directory: Option<&Path>) -> Result<Self, ControlError> {
        if let Some(directory) = directory {
            return Self::to(directory).map_err(|source| ControlError::Socket {
                directory: directory.to_owned(),
                source,
            });
        }
        let mut labs: Vec<Self> =
            files::temporary_folders().iter().filter_map(|folder| Self::to(folder).ok()).collect();
        match labs.len() {
            1 => labs.pop().ok_or(ControlError::NoLab),
            0 => Err(ControlError::NoLab),
            count => Err(ControlError::SeveralLabs(count)),
        }
    }

    fn to(directory: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(directory.join(SOCKET))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { directory: directory.to_owned(), stream: BufReader::new(stream) })
    }

    /// Begins an attack on a domain, or on all with `*`.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the lab refuses or is gone.
    pub fn attack(&mut self, attack: &str, domain: &str) -> Result<(), ControlError> {
        self.order(&["attack", attack, domain]).map(drop)
    }

    /// Ends an attack.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the lab refuses or is gone.
    pub fn cease(&mut self, attack: &str, domain: &str) -> Result<(), ControlError> {
        self.order(&["cease", attack, domain]).map(drop)
    }

    /// Ends all attacks.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the lab is gone.
    pub fn cease_all(&mut self) -> Result<(), ControlError> {
        self.order(&["cease", "all"]).map(drop)
    }

    /// Lets an MX host offer STARTTLS and show a new certificate, with nothing wrong with either.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the lab refuses or is gone.
    pub fn mend(&mut self, host: &str) -> Result<(), ControlError> {
        self.order(&["mend", host]).map(drop)
    }

    /// The attacks that are on, by name, each with its domain or `*`.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the lab is gone.
    pub fn attacks(&mut self) -> Result<Vec<(String, String)>, ControlError> {
        let lines = self.order(&["list"])?;
        let pair = |line: &String| line.split_once(' ').map(|(name, to)| (name.into(), to.into()));
        Ok(lines.iter().filter_map(pair).collect())
    }

    /// The lines before the reply.
    fn order(&mut self, words: &[&str]) -> Result<Vec<String>, ControlError> {
        let is_word =
            |word: &&str| !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_graphic());
        if !words.iter().all(is_word) {
            return Err(ControlError::Refused("read a name with spaces or signs in it".to_owned()));
        }
        let directory = self.directory.clone();
        let gone = |source| ControlError::Socket { directory: directory.clone(), source };
        let line = format!("{}\n", words.join(" "));
        self.stream.get_mut().write_all(line.as_bytes()).map_err(gone)?;
        let mut lines = Vec::new();
        let mut bounded = (&mut self.stream).take(LONGEST_REPLY);
        loop {
            let mut line = String::new();
            if bounded.read_line(&mut line).map_err(gone)? == 0 {
                return Err(gone(io::ErrorKind::UnexpectedEof.into()));
            }
            match line.trim_end().split_once(' ') {
                None => return Ok(lines),
                Some(("error", reason)) => return Err(ControlError::Refused(reason.to_owned())),
                Some(_) => lines.push(line.trim_end().to_owned()),
            }
        }
    }
}
