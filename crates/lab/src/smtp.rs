//! The MX hosts: an SMTP server of our own, since most of them must misbehave.

mod envelope;

use std::{io, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};

use envelope::Envelope;

use crate::{
    attacker::{self, Attacker, Way},
    delivery::{DeliveryTls, Mailroom, TakenBy},
    host::Dialogue,
    listen::hold,
    owner::Owner,
    tls::{self, Tenants, reset, send_and_close},
};

/// Longest command line, in octets (RFC 5321 §4.5.3.1.4).
const LONGEST_LINE: u64 = 512;
/// Commands in one session, before and inside TLS alike.
const MOST_COMMANDS: usize = 300;
/// The largest message, in octets; what EHLO announces.
const LARGEST_MESSAGE: u64 = 52_428_800;
/// How long a client may take over a command.
const PATIENCE: Duration = Duration::from_secs(30);
/// Another name that a host may have for itself.
const OTHER_NAME: &str = "internal.lab.test";
/// The name of the host that all MX hosts share where SNI has not told them apart yet.
const SHARED_NAME: &str = "mx.lab.test";

/// Serves one connection, in plaintext and then inside TLS.
pub(crate) async fn serve(
    stream: TcpStream,
    tenants: Arc<Tenants<Dialogue>>,
    attacker: Arc<Attacker>,
    owner: Arc<Owner>,
    mailroom: Arc<Mailroom>,
) {
    let Ok(at) = stream.local_addr() else { return };
    let is_shared = matches!(*tenants, Tenants::Many(_));
    let (tenants, by) = match attacker.way_to_mail(&tenants) {
        Way::To(tenants, TakenBy::Owner) => (owner.mail_host(&tenants), TakenBy::Owner),
        Way::To(tenants, TakenBy::Attacker) => (tenants, TakenBy::Attacker),
        Way::Blocked => return reset(&stream),
    };
    let (name, dialogue) = match &*tenants {
        Tenants::One(host) => (host.name.as_str(), host.server.conduct),
        Tenants::Many(_) => (SHARED_NAME, Dialogue::Polite),
        Tenants::Issued(_) => (attacker::MAIL_HOST, Dialogue::Polite),
    };
    let mut envelope = Envelope::new(mailroom, name, at, by);
    let mut stream = BufReader::new(stream);
    let next = match in_plaintext(&mut stream, name, dialogue, &mut envelope).await {
        Ok(next) => next,
        Err(error) => {
            tracing::debug!("{name}: the client went early: {error}");
            return;
        }
    };
    match next {
        Next::End => send_and_close(stream.into_inner(), b"").await,
        Next::Silence => hold(stream.into_inner()).await,
        Next::Handshake => {
            // A client that speaks before the handshake is no client of ours.
            if !stream.buffer().is_empty() {
                return;
            }
            let is_hidden = |name: &str| is_shared && attacker.hides_mail_host(name);
            let accepted = tls::accept(stream.into_inner(), &tenants, is_hidden).await;
            let Some((host, stream)) = accepted else {
                return;
            };
            // All that was said before counts no more (RFC 3207 §4.2).
            envelope.reset();
            envelope.host.clone_from(&host.name);
            envelope.tls = Some(DeliveryTls::of(&stream));
            let mut stream = BufReader::new(stream);
            let name = if dialogue == Dialogue::OtherName { OTHER_NAME } else { name };
            if let Err(error) = inside_tls(&mut stream, name, &mut envelope).await {
                tracing::debug!("{}: the client went early: {error}", host.name);
            }
            // The client may be gone already.
            drop(stream.shutdown().await);
        }
    }
}

/// What follows the plaintext part.
enum Next {
    End,
    Silence,
    Handshake,
}

async fn in_plaintext(
    stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
    name: &str,
    dialogue: Dialogue,
    envelope: &mut Envelope,
) -> io::Result<Next> {
    match dialogue {
        Dialogue::Silence => return Ok(Next::Silence),
        Dialogue::Tarpit => {
            for _ in 0..120 {
                send(stream, &format!("220-{name} one moment please\r\n")).await?;
                sleep(Duration::from_secs(1)).await;
            }
            return Ok(Next::End);
        }
        Dialogue::Farewell(greeting) => {
            send(stream, greeting).await?;
            return Ok(Next::End);
        }
        Dialogue::Refusal(greeting) => send(stream, greeting).await?,
        Dialogue::Unusual => {
            send(stream, &format!("220-{name} ESMTP\r\n220-This host is watched\r\n220 \r\n"))
                .await?;
        }
        Dialogue::Nameless => send(stream, "220 ESMTP ready\r\n").await?,
        Dialogue::Unhurried => {
            sleep(Duration::from_millis(700)).await;
            send_in_pieces(stream, &format!("220 {name} ESMTP\r\n")).await?;
        }
        _ => send(stream, &format!("220 {name} ESMTP\r\n")).await?,
    }
    for _ in 0..MOST_COMMANDS {
        let line = read_line(stream).await?;
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match (verb.as_str(), dialogue) {
            ("QUIT", _) => {
                send(stream, "221 2.0.0 Bye\r\n").await?;
                return Ok(Next::End);
            }
            (_, Dialogue::Refusal(_)) => send(stream, "503 5.5.1 No service here\r\n").await?,
            ("EHLO", Dialogue::EhloRefused) => {
                send(stream, "502 5.5.1 Command not implemented\r\n").await?;
            }
            ("EHLO", Dialogue::CloseAfterEhlo) => return Ok(Next::End),
            ("EHLO", Dialogue::SilenceAfterEhlo) => return Ok(Next::Silence),
            ("EHLO", _) if line.trim_end().len() <= "EHLO ".len() => {
                send(stream, "501 5.5.4 EHLO needs a name\r\n").await?;
            }
            ("EHLO", Dialogue::Unhurried) => {
                envelope.greet(&line);
                send_in_pieces(stream, &extensions(name, dialogue)).await?;
            }
            ("EHLO", _) => {
                envelope.greet(&line);
                send(stream, &extensions(name, dialogue)).await?;
            }
            ("STARTTLS", Dialogue::NoStartTls | Dialogue::EhloRefused | Dialogue::Masked(_)) => {
                send(stream, "502 5.5.1 Command not implemented\r\n").await?;
            }
            ("STARTTLS", Dialogue::StartTlsRefused(reply)) => send(stream, reply).await?,
            ("STARTTLS", Dialogue::Injection) => {
                send(stream, "220 2.0.0 Go ahead\r\n250 2.1.0 Spoken too early\r\n").await?;
                return Ok(Next::Handshake);
            }
            ("STARTTLS", Dialogue::Unhurried) => {
                send_in_pieces(stream, "220 2.0.0 Go ahead\r\n").await?;
                return Ok(Next::Handshake);
            }
            ("STARTTLS", _) => {
                send(stream, "220 2.0.0 Go ahead\r\n").await?;
                return Ok(Next::Handshake);
            }
            _ => common(stream, &verb, &line, envelope).await?,
        }
    }
    send(stream, "421 4.7.0 Too many commands\r\n").await?;
    Ok(Next::End)
}

/// The reply to EHLO before TLS.
fn extensions(name: &str, dialogue: Dialogue) -> String {
    match dialogue {
        Dialogue::NoStartTls => {
            format!(
                "250-{name}\r\n250-PIPELINING\r\n250-SIZE {LARGEST_MESSAGE}\r\n250 8BITMIME\r\n"
            )
        }
        Dialogue::Unusual => {
            format!("250-{name} greets you\r\n250-size\r\n250-X-Unknown a=b\r\n250 starttls\r\n")
        }
        Dialogue::OtherName => with_keyword(OTHER_NAME, "STARTTLS"),
        Dialogue::Masked(keyword) => with_keyword(name, keyword),
        _ => with_keyword(name, "STARTTLS"),
    }
}

fn with_keyword(name: &str, keyword: &str) -> String {
    format!(
        "250-{name}\r\n250-PIPELINING\r\n250-SIZE {LARGEST_MESSAGE}\r\n250-{keyword}\r\n250 8BITMIME\r\n"
    )
}

async fn inside_tls(
    stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
    name: &str,
    envelope: &mut Envelope,
) -> io::Result<()> {
    for _ in 0..MOST_COMMANDS {
        let line = read_line(stream).await?;
        let verb = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "QUIT" => return send(stream, "221 2.0.0 Bye\r\n").await,
            "EHLO" => {
                envelope.greet(&line);
                let reply = format!(
                    "250-{name}\r\n250-PIPELINING\r\n250-SIZE {LARGEST_MESSAGE}\r\n250 8BITMIME\r\n"
                );
                send(stream, &reply).await?;
            }
            "STARTTLS" => send(stream, "503 5.5.1 TLS is on already\r\n").await?,
            _ => common(stream, &verb, &line, envelope).await?,
        }
    }
    send(stream, "421 4.7.0 Too many commands\r\n").await
}

/// The commands that are the same before and inside TLS.
async fn common(
    stream: &mut (impl AsyncBufRead + AsyncWrite + Unpin),
    verb: &str,
    line: &str,
    envelope: &mut Envelope,
) -> io::Result<()> {
    let reply = match verb {
        "HELO" => {
            envelope.greet(line);
            "250 mx.lab.test\r\n"
        }
        "RSET" => {
            envelope.reset();
            "250 2.0.0 OK\r\n"
        }
        "NOOP" => "250 2.0.0 OK\r\n",
        "VRFY" => "252 2.1.5 Send it, and see\r\n",
        "MAIL" => envelope.mail(line),
        "RCPT" => envelope.recipient(line),
        "DATA" => return envelope.data(stream, line).await,
        _ => "500 5.5.2 Command not recognized\r\n",
    };
    send(stream, reply).await
}

async fn read_line(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    let mut bounded = AsyncReadExt::take(stream, LONGEST_LINE);
    timeout(PATIENCE, bounded.read_until(b'\n', &mut line))
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let Some(line) = line.strip_suffix(b"\r\n") else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    Ok(String::from_utf8_lossy(line).into_owned())
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), reply: &str) -> io::Result<()> {
    stream.write_all(reply.as_bytes()).await?;
    stream.flush().await
}

async fn send_in_pieces(stream: &mut (impl AsyncWrite + Unpin), reply: &str) -> io::Result<()> {
    for piece in reply.as_bytes().chunks(7) {
        stream.write_all(piece).await?;
        stream.flush().await?;
        sleep(Duration::from_millis(15)).await;
    }
    Ok(())
}
