//! What is said to a server, and what is made of its answers.

use std::{collections::BTreeMap, time::Duration};

use data_encoding::BASE64;
use sealpost_wire::imap::{
    Astring, Code, Fetched, ReaderLimits, Response, ResponseReader, Status, plain_response,
    xoauth2_response,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::timeout,
};

use crate::{After, MailboxError, secret::Secret};

/// How long the server may be silent when it is its turn.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(600);
/// Octets of the lines of one response.
const LINE: usize = 64 * 1024;
/// Messages that are listed at a time; of more, those with the smallest UIDs.
const LISTED: usize = 20_000;

/// A mailbox that is open.
#[derive(Debug)]
pub struct Session<S> {
    stream: S,
    reader: ResponseReader,
    buffer: Vec<u8>,
    tags: u32,
    capabilities: Option<Vec<String>>,
    uid_validity: u32,
    after: After,
    /// Whether something may have come since the last listing.
    has_news: bool,
}

/// One message of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its UID.
    pub uid: u32,
    /// Its octets, as the server counts them.
    pub size: u64,
}

/// What proves who the user is.
#[derive(Debug)]
pub(crate) enum Credentials {
    Password(Secret),
    Token(Secret),
}

/// What came before the end of a command.
enum Heard {
    GoOn,
    Fetched(Fetched),
    UidValidity(u32),
    Nothing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    /// Reads the greeting of a server.
    pub(crate) async fn greet(stream: S, most_octets: usize) -> Result<Self, MailboxError> {
        let mut session = Self::begun(stream, most_octets);
        match session.next(SILENCE).await? {
            Response::Status { tag: None, status: Status::Ok, code, .. } => {
                if let Code::Capability(capabilities) = code {
                    session.capabilities = Some(capabilities);
                }
                Ok(session)
            }
            Response::Status { status: Status::Bye, text, .. } => Err(MailboxError::Closed(text)),
            // Somebody who is known without being asked is not the one whom we want to be.
            _ => Err(MailboxError::OutOfTurn("the greeting")),
        }
    }

    /// A session whose greeting has been read.
    pub(crate) fn begun(stream: S, most_octets: usize) -> Self {
        let limits = ReaderLimits { line: LINE, literals: most_octets.saturating_add(LINE) };
        Self {
            stream,
            reader: ResponseReader::new(limits),
            buffer: vec![0; 16 * 1024],
            tags: 0,
            capabilities: None,
            uid_validity: 0,
            after: After::Leave,
            has_news: true,
        }
    }

    /// The connection, on which the server waits for a TLS handshake.
    pub(crate) async fn start_tls(mut self) -> Result<S, MailboxError> {
        match self.simple("STARTTLS").await? {
            Ok(()) if self.reader.is_empty() => Ok(self.stream),
            Ok(()) => Err(MailboxError::Injected),
            Err(_) => Err(MailboxError::NoStartTls),
        }
    }

    pub(crate) async fn log_in(
        &mut self,
        user: &str,
        credentials: &Credentials,
    ) -> Result<(), MailboxError> {
        let (mechanism, message) = match credentials {
            Credentials::Token(token) => {
                if !self.can("AUTH=XOAUTH2").await? {
                    return Err(MailboxError::NoMechanism("XOAUTH2"));
                }
                ("XOAUTH2", xoauth2_response(user, token.reveal()))
            }
            Credentials::Password(password) if self.can("AUTH=PLAIN").await? => {
                ("PLAIN", plain_response(user, password.reveal()))
            }
            Credentials::Password(password) => {
                if self.can("LOGINDISABLED").await? {
                    return Err(MailboxError::NoMechanism("password"));
                }
                let (user, password) = (Astring::parse(user)?, Astring::parse(password.reveal())?);
                let command = format!("LOGIN {} {}", user.as_str(), password.as_str());
                return self.simple(&command).await?.map_err(MailboxError::LoginRefused);
            }
        };
        let message = BASE64.encode(message.as_bytes());
        let mut waiting = Some(message);
        let mut command = format!("AUTHENTICATE {mechanism}");
        if self.can("SASL-IR").await?
            && let Some(message) = waiting.take()
        {
            command = format!("{command} {message}");
        }
        let tag = self.send(&command).await?;
        timeout(COMMAND, async {
            loop {
                match self.until(&tag).await? {
                    Ok(Heard::GoOn) => {
                        // After the message an empty line asks for the reason of a refusal.
                        let line = waiting.take().unwrap_or_default();
                        self.write(&format!("{line}\r\n")).await?;
                    }
                    Ok(_) => {}
                    Err(end) => return end.map_err(MailboxError::LoginRefused),
                }
            }
        })
        .await
        .map_err(|_| MailboxError::TimedOut)?
    }

    pub(crate) async fn select(
        &mut self,
        folder: &Astring,
        after: &After,
    ) -> Result<(), MailboxError> {
        // What it can do may be more now, and what was said before the login does not bind it.
        self.capabilities = None;
        self.after = after.clone();
        let verb = match after {
            After::Leave => "EXAMINE",
            After::Seen => "SELECT",
            After::Move(_) => {
                if !self.can("MOVE").await? && !self.can("UIDPLUS").await? {
                    return Err(MailboxError::NoUidPlus("move"));
                }
                "SELECT"
            }
            After::Delete => {
                if !self.can("UIDPLUS").await? {
                    return Err(MailboxError::NoUidPlus("delete"));
                }
                "SELECT"
            }
        };
        let mut uid_validity = 0;
        let opened = self
            .command(&format!("{verb} {}", folder.as_str()), |heard| {
                if let Heard::UidValidity(number) = heard {
                    uid_validity = number;
                }
            })
            .await?;
        opened.map_err(|text| MailboxError::Refused { command: "open the mailbox", text })?;
        self.uid_validity = uid_validity;
        Ok(())
    }

    /// The generation of the UIDs; 0 if the server has none that last (RFC 3501 §2.3.1.1).
    pub fn uid_validity(&self) -> u32 {
        self.uid_validity
    }

    /// Messages whose UID is larger than this one, in ascending order, at most 20,000.
    ///
    /// # Errors
    ///
    /// [`MailboxError`].
    pub async fn list(&mut self, after_uid: u32) -> Result<Vec<Listed>, MailboxError> {
        let Some(first) = after_uid.checked_add(1) else { return Ok(Vec::new()) };
        self.has_news = false;
        let mut listed = BTreeMap::new();
        let mut is_cut = false;
        let asked = self
            .command(&format!("UID FETCH {first}:* (UID RFC822.SIZE)"), |heard| {
                // `*` is the last one, even if its UID is smaller.
                if let Heard::Fetched(Fetched { uid: Some(uid), size: Some(size), .. }) = heard
                    && uid > after_uid
                {
                    listed.insert(uid, size);
                    if listed.len() > LISTED {
                        listed.pop_last();
                        is_cut = true;
                    }
                }
            })
            .await?;
        asked.map_err(|text| MailboxError::Refused { command: "list the mails", text })?;
        self.has_news |= is_cut;
        Ok(listed.into_iter().map(|(uid, size)| Listed { uid, size }).collect())
    }

    /// The octets of a message; `None` if it is gone. No flag is changed.
    ///
    /// # Errors
    ///
    /// [`MailboxError`].
    pub async fn fetch(&mut self, uid: u32) -> Result<Option<Vec<u8>>, MailboxError> {
        let mut body = None;
        let fetched = self
            .command(&format!("UID FETCH {uid} (UID BODY.PEEK[])"), |heard| {
                if let Heard::Fetched(Fetched { uid: Some(own), body: Some(octets), .. }) = heard
                    && own == uid
                {
                    body = Some(octets);
                }
            })
            .await?;
        fetched.map_err(|text| MailboxError::Refused { command: "fetch a mail", text })?;
        Ok(body)
    }

    /// Does with a message what the account says. It must be on the disk.
    ///
    /// # Errors
    ///
    /// [`MailboxError::Refused`] if the server does not want to; another one if the session is over.
    pub async fn settle(&mut self, uid: u32) -> Result<(), MailboxError> {
        let refused = |command| move |text| MailboxError::Refused { command, text };
        match self.after.clone() {
            After::Leave => Ok(()),
            After::Seen => {
                let command = format!("UID STORE {uid} +FLAGS.SILENT (\\Seen)");
                self.simple(&command).await?.map_err(refused("mark a mail as seen"))
            }
            After::Move(folder) if self.can("MOVE").await? => {
                let command = format!("UID MOVE {uid} {}", folder.as_str());
                self.simple(&command).await?.map_err(refused("move a mail"))
            }
            After::Move(folder) => {
                let command = format!("UID COPY {uid} {}", folder.as_str());
                self.simple(&command).await?.map_err(refused("copy a mail"))?;
                self.delete(uid).await
            }
            After::Delete => self.delete(uid).await,
        }
    }

    /// Waits until something may have come: told by the server (IDLE), or after `poll` where it
    /// cannot tell. It returns after `idle` at the latest; that must be under 29 minutes (RFC 2177).
    ///
    /// # Errors
    ///
    /// [`MailboxError`].
    pub async fn wait(&mut self, idle: Duration, poll: Duration) -> Result<(), MailboxError> {
        if self.has_news {
            return Ok(());
        }
        if !self.can("IDLE").await? {
            tokio::time::sleep(poll).await;
            let asked = self.simple("NOOP").await?;
            // A server need not tell, so the mailbox is listed anyway.
            self.has_news = true;
            return asked.map_err(|text| MailboxError::Refused { command: "ask for mails", text });
        }
        let tag = self.send("IDLE").await?;
        loop {
            match self.until(&tag).await? {
                Ok(Heard::GoOn) => break,
                Ok(_) => {}
                Err(_) => {
                    let text = "IDLE is refused".to_owned();
                    return Err(MailboxError::Refused { command: "wait for mails", text });
                }
            }
        }
        let heard = timeout(idle, async {
            while !self.has_news {
                let response = self.next(Duration::MAX).await?;
                self.note(&tag, response)?.map_err(|_| MailboxError::OutOfTurn("IDLE"))?;
            }
            Ok::<(), MailboxError>(())
        });
        // The time has passed: it is renewed by whoever waits again.
        if let Ok(heard) = heard.await {
            heard?;
        }
        self.write("DONE\r\n").await?;
        loop {
            if let Err(end) = self.until(&tag).await? {
                return end
                    .map_err(|text| MailboxError::Refused { command: "wait for mails", text });
            }
        }
    }

    /// Says goodbye, for a few seconds at most.
    pub async fn close(mut self) {
        // Whatever goes wrong now, the connection ends.
        let _ = timeout(Duration::from_secs(5), self.simple("LOGOUT")).await;
    }

    async fn delete(&mut self, uid: u32) -> Result<(), MailboxError> {
        let refused = |text| MailboxError::Refused { command: "delete a mail", text };
        let command = format!("UID STORE {uid} +FLAGS.SILENT (\\Deleted)");
        self.simple(&command).await?.map_err(refused)?;
        self.simple(&format!("UID EXPUNGE {uid}")).await?.map_err(refused)
    }

    async fn can(&mut self, capability: &str) -> Result<bool, MailboxError> {
        if self.capabilities.is_none() {
            let asked = self.simple("CAPABILITY").await?;
            asked.map_err(|text| MailboxError::Refused { command: "ask what it can do", text })?;
        }
        Ok(self.capabilities.iter().flatten().any(|own| own == capability))
    }

    /// A command of which only the end counts: done, or refused with this text.
    async fn simple(&mut self, command: &str) -> Result<Result<(), String>, MailboxError> {
        self.command(command, |_| {}).await
    }

    async fn command(
        &mut self,
        command: &str,
        mut hear: impl FnMut(Heard),
    ) -> Result<Result<(), String>, MailboxError> {
        let tag = self.send(command).await?;
        timeout(COMMAND, async {
            loop {
                match self.until(&tag).await? {
                    Ok(Heard::GoOn) => return Err(MailboxError::OutOfTurn("+")),
                    Ok(heard) => hear(heard),
                    Err(end) => return Ok(end),
                }
            }
        })
        .await
        .map_err(|_| MailboxError::TimedOut)?
    }

    /// The next thing heard, or how the command ended.
    async fn until(
        &mut self,
        tag: &str,
    ) -> Result<Result<Heard, Result<(), String>>, MailboxError> {
        let response = self.next(SILENCE).await?;
        self.note(tag, response)
    }

    fn note(
        &mut self,
        tag: &str,
        response: Response,
    ) -> Result<Result<Heard, Result<(), String>>, MailboxError> {
        Ok(Ok(match response {
            Response::Status { tag: Some(own), status, code, text } => {
                if own != tag {
                    return Err(MailboxError::OutOfTurn("another command"));
                }
                if let Code::Capability(capabilities) = code {
                    self.capabilities = Some(capabilities);
                }
                return Ok(Err(if status == Status::Ok { Ok(()) } else { Err(text) }));
            }
            Response::Status { status: Status::Bye, text, .. } => {
                // After LOGOUT it is the answer; the end of the connection then comes.
                return Err(MailboxError::Closed(text));
            }
            Response::Status { code: Code::UidValidity(number), .. } => Heard::UidValidity(number),
            Response::GoOn(_) => Heard::GoOn,
            Response::Capability(capabilities) => {
                self.capabilities = Some(capabilities);
                Heard::Nothing
            }
            Response::Exists(_) => {
                self.has_news = true;
                Heard::Nothing
            }
            Response::Fetch(fetched) => Heard::Fetched(fetched),
            _ => Heard::Nothing,
        }))
    }

    async fn next(&mut self, silence: Duration) -> Result<Response, MailboxError> {
        loop {
            if let Some(raw) = self.reader.next_response()? {
                return Ok(Response::read(raw)?);
            }
            let read = timeout(silence, self.stream.read(&mut self.buffer)).await;
            let length = read.map_err(|_| MailboxError::TimedOut)??;
            if length == 0 {
                return Err(MailboxError::Closed("without a word".to_owned()));
            }
            self.reader.push(self.buffer.get(..length).unwrap_or_default());
        }
    }

    /// Sends a command; gives its tag.
    async fn send(&mut self, command: &str) -> Result<String, MailboxError> {
        self.tags = self.tags.wrapping_add(1);
        let tag = format!("s{}", self.tags);
        self.write(&format!("{tag} {command}\r\n")).await?;
        Ok(tag)
    }

    async fn write(&mut self, text: &str) -> Result<(), MailboxError> {
        let writing = async {
            self.stream.write_all(text.as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(SILENCE, writing).await.map_err(|_| MailboxError::TimedOut)??;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
