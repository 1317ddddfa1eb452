//! One client's mail: from MAIL to the dot at the end.

use std::{io, net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite},
    time::timeout,
};

use super::{LARGEST_MESSAGE, PATIENCE, send};
use crate::delivery::{DeliveryTls, Left, Mailroom, Taken, TakenBy};

/// Recipients of one message (RFC 5321 §4.5.3.1.8 wants as many at least).
const MOST_RECIPIENTS: usize = 100;
/// The longest path, in octets (RFC 5321 §4.5.3.1.3).
const LONGEST_PATH: usize = 256;

/// A session's way to the mailroom, and the message that is on it. When it is dropped, the client has
/// left.
pub(super) struct Envelope {
    mailroom: Arc<Mailroom>,
    pub(super) host: String,
    at: SocketAddr,
    by: TakenBy,
    pub(super) tls: Option<DeliveryTls>,
    hello: Option<String>,
    /// Messages.
    taken: u32,
    /// The recipients so far, with their domains; `None` before MAIL.
    recipients: Option<Vec<(String, String)>>,
}

/// How the text of a message ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Whole,
    TooLarge,
}

impl Envelope {
    pub(super) fn new(mailroom: Arc<Mailroom>, host: &str, at: SocketAddr, by: TakenBy) -> Self {
        let host = host.to_owned();
        Self { mailroom, host, at, by, tls: None, hello: None, taken: 0, recipients: None }
    }

    /// The client says EHLO or HELO, which begins anew (RFC 5321 §4.1.4).
    pub(super) fn greet(&mut self, line: &str) {
        self.reset();
        self.hello = line.split_ascii_whitespace().nth(1).map(str::to_owned);
    }

    /// Forgets the message that was begun (RFC 5321 §4.1.4).
    pub(super) fn reset(&mut self) {
        self.recipients = None;
    }

    /// The reply to MAIL.
    pub(super) fn mail(&mut self, line: &str) -> &'static str {
        if self.recipients.is_some() {
            return "503 5.5.1 There is a sender already\r\n";
        }
        let Some((path, parameters)) = path(line, "MAIL FROM:") else {
            return "501 5.5.4 Write MAIL FROM:<address>\r\n";
        };
        if !path.is_empty() && mailbox(path).is_none() {
            return "501 5.1.7 That is no address\r\n";
        }
        for parameter in parameters.split_ascii_whitespace() {
            let parameter = parameter.to_ascii_uppercase();
            match parameter.split_once('=') {
                Some(("SIZE", size)) => match size.parse::<u64>() {
                    Ok(size) if size <= LARGEST_MESSAGE => {}
                    Ok(_) => return "552 5.3.4 The message is too large\r\n",
                    Err(_) => return "501 5.5.4 That is no size\r\n",
                },
                Some(("BODY", "7BIT" | "8BITMIME")) => {}
                _ => return "555 5.5.4 Parameter not recognized\r\n",
            }
        }
        self.recipients = Some(Vec::new());
        "250 2.1.0 OK\r\n"
    }

    /// The reply to RCPT. Every recipient is taken: who can be led here at all is what the lab is
    /// to show.
    pub(super) fn recipient(&mut self, line: &str) -> &'static str {
        let Some(recipients) = &mut self.recipients else {
            return "503 5.5.1 MAIL comes first\r\n";
        };
        let Some((path, parameters)) = path(line, "RCPT TO:") else {
            return "501 5.5.4 Write RCPT TO:<address>\r\n";
        };
        if !parameters.trim().is_empty() {
            return "555 5.5.4 Parameter not recognized\r\n";
        }
        let Some(recipient) = mailbox(path) else { return "501 5.1.3 That is no address\r\n" };
        if recipients.len() >= MOST_RECIPIENTS {
            return "452 4.5.3 Too many recipients\r\n";
        }
        recipients.push(recipient);
        "250 2.1.5 OK\r\n"
    }

    /// Everything from DATA to the reply behind the text.
    pub(super) async fn data(
        &mut self,
        stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
        line: &str,
    ) -> io::Result<()> {
        if line.trim_end().len() > "DATA".len() {
            return send(stream, "501 5.5.4 DATA takes no parameter\r\n").await;
        }
        let Some(recipients) = self.recipients.take_if(|recipients| !recipients.is_empty()) else {
            return send(stream, "503 5.5.1 There is no recipient\r\n").await;
        };
        send(stream, "354 End with a dot on a line of its own\r\n").await?;
        if read_text(stream).await? == Text::TooLarge {
            return send(stream, "552 5.3.4 The message is too large\r\n").await;
        }
        self.mailroom.take(Taken {
            recipients,
            host: self.host.clone(),
            at: self.at,
            tls: self.tls.clone(),
            by: self.by,
        });
        self.taken = self.taken.saturating_add(1);
        send(stream, "250 2.0.0 Taken\r\n").await
    }
}

impl Drop for Envelope {
    fn drop(&mut self) {
        self.mailroom.leave(Left {
            hello: self.hello.take(),
            host: std::mem::take(&mut self.host),
            at: self.at,
            tls: self.tls.take(),
            taken: self.taken,
            by: self.by,
        });
    }
}

/// The path of MAIL or RCPT without its brackets, and what follows it.
fn path<'a>(line: &'a str, command: &str) -> Option<(&'a str, &'a str)> {
    let (start, rest) = line.split_at_checked(command.len())?;
    // Some clients send a space here, which RFC 5321 §4.1.1.2 does not allow and all hosts take.
    let rest = rest.trim_start_matches(' ').strip_prefix('<')?;
    let (path, parameters) = rest.rsplit_once('>')?;
    let is_separate = parameters.is_empty() || parameters.starts_with(' ');
    (start.eq_ignore_ascii_case(command) && is_separate).then_some((path, parameters))
}

/// An address, and its domain in lower case.
fn mailbox(path: &str) -> Option<(String, String)> {
    let (local, domain) = path.rsplit_once('@')?;
    let is_domain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._".contains(&octet);
    let is_sound = !local.is_empty()
        && local.bytes().all(|octet| matches!(octet, b' '..=b'~'))
        && !domain.is_empty()
        && domain.bytes().all(is_domain)
        && path.len() <= LONGEST_PATH;
    is_sound.then(|| (path.to_owned(), domain.trim_end_matches('.').to_ascii_lowercase()))
}

/// Reads the text and keeps nothing of it. Only CRLF ends a line: whoever takes a lone LF for one
/// lets a client smuggle in a second message.
async fn read_text(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Text> {
    let mut place = Place::LineStart;
    let mut length: u64 = 0;
    loop {
        let octets = timeout(PATIENCE, stream.fill_buf())
            .await
            .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        if octets.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut used = 0;
        for &octet in octets {
            used += 1;
            place = place.after(octet);
            if place == Place::End {
                break;
            }
        }
        stream.consume(used);
        length = length.saturating_add(u64::try_from(used).unwrap_or(u64::MAX));
        if place == Place::End {
            return Ok(if length > LARGEST_MESSAGE { Text::TooLarge } else { Text::Whole });
        }
        if length > 2 * LARGEST_MESSAGE {
            // It was told the size, and goes on and on.
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// Where in the text the last octet was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    Within,
    /// Behind a CR.
    Return,
    /// Behind a dot that begins a line.
    Dot,
    /// Behind such a dot and a CR.
    DotReturn,
    End,
}

impl Place {
    fn after(self, octet: u8) -> Self {
        match (self, octet) {
            (Self::LineStart, b'.') => Self::Dot,
            (Self::Dot, b'\r') => Self::DotReturn,
            (Self::DotReturn, b'\n') => Self::End,
            (Self::Return, b'\n') => Self::LineStart,
            (_, b'\r') => Self::Return,
            _ => Self::Within,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_dot_between_two_line_ends_is_the_end() {
        for (text, rest) in [
            (&b".\r\nQUIT\r\n"[..], &b"QUIT\r\n"[..]),
            (b"a\r\n.\r\nQUIT\r\n", b"QUIT\r\n"),
            (b"a\n.\n\r\n.\r\n", b""),      // LF ends no line
            (b"a\r\n.\n\r\n.\r\n", b""),    // nor does it after a dot
            (b"a\r\n..\r\n\r\n.\r\n", b""), // a dot that was doubled
            (b"a\r\r\n.\r\nx", b"x"),
        ] {
            let mut stream = text;
            assert!(read_text(&mut stream).await.unwrap() == Text::Whole);
            assert_eq!(stream, rest, "{text:?}");
        }
        for text in [&b""[..], b".\n", b"a\r\n.\r", b"a.\r\n"] {
            let mut stream = text;
            assert!(read_text(&mut stream).await.is_err(), "{text:?}");
        }
    }

    #[test]
    fn paths_are_read_as_mail_servers_write_them() {
        let good = |line, command, expected| assert_eq!(path(line, command), Some(expected));
        good("MAIL FROM:<>", "MAIL FROM:", ("", ""));
        good("mail from:<a@b.test> SIZE=3", "MAIL FROM:", ("a@b.test", " SIZE=3"));
        good("RCPT TO: <\"a>b\"@c.test>", "RCPT TO:", ("\"a>b\"@c.test", ""));
        for line in ["RCPT TO:a@b.test", "RCPT", "RCPT TO:<a@b.test>x", "RCPT TO:<", "RCPT TO:é"] {
            assert_eq!(path(line, "RCPT TO:"), None, "{line}");
        }
        let mailbox = |path: &str| mailbox(path).map(|(_, domain)| domain);
        assert_eq!(mailbox("a@B.Test."), Some("b.test".to_owned()));
        for path in ["a", "@b.test", "a@", "a@[127.0.0.1]", "a@b c.test", "\u{7}@b.test"] {
            assert_eq!(mailbox(path), None, "{path}");
        }
    }
}
