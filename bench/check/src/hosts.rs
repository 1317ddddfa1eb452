//! Policy hosts and MX hosts.

use std::error::Error;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;

use crate::ZONE;
use crate::tls::Authority;

/// Policies at port 443 and mail at port 25 of all of 127.0.0.0/8, until the process ends. A policy
/// comes `think` after it was asked for.
pub async fn serve(authority: Authority, think: Duration) -> Result<(), Box<dyn Error>> {
    let acceptor = TlsAcceptor::from(authority.server()?);
    let https = TcpListener::bind("0.0.0.0:443").await?;
    let smtp = TcpListener::bind("0.0.0.0:25").await?;
    println!("ready");
    loop {
        tokio::select! {
            accepted = https.accept() => {
                let acceptor = acceptor.clone();
                // Whoever goes away early goes.
                tokio::spawn(async move { policy(accepted?.0, acceptor, think).await });
            }
            accepted = smtp.accept() => {
                let acceptor = acceptor.clone();
                tokio::spawn(async move { mail(accepted?.0, acceptor).await });
            }
        }
    }
}

async fn policy(stream: TcpStream, acceptor: TlsAcceptor, think: Duration) -> io::Result<()> {
    let stream = acceptor.accept(stream).await?;
    let name = stream.get_ref().1.server_name().unwrap_or_default();
    let domain = name.strip_prefix("mta-sts.").unwrap_or(ZONE).to_owned();
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            break;
        }
    }
    sleep(think).await;
    let body = format!(
        "version: STSv1\r\nmode: enforce\r\nmx: mx1.{domain}\r\nmx: mx2.{domain}\r\nmax_age: 604800\r\n"
    );
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).await?;
    stream.shutdown().await
}

async fn mail(mut stream: TcpStream, acceptor: TlsAcceptor) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"220 mx ESMTP\r\n").await?;
    let is_wanted = talk(&mut stream, "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n").await?;
    if is_wanted {
        let mut stream = acceptor.accept(stream).await?;
        talk(&mut stream, "250 mx\r\n").await?;
        stream.shutdown().await?;
    }
    Ok(())
}

/// Talks until QUIT, or until TLS is wanted.
async fn talk(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), ehlo: &str) -> io::Result<bool> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let verb = line.trim().split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let (reply, is_over) = match verb.as_str() {
            "EHLO" | "HELO" => (ehlo, None),
            "STARTTLS" => ("220 go ahead\r\n", Some(true)),
            "QUIT" => ("221 bye\r\n", Some(false)),
            _ => ("250 ok\r\n", None),
        };
        stream.write_all(reply.as_bytes()).await?;
        if let Some(is_wanted) = is_over {
            return Ok(is_wanted);
        }
    }
}
