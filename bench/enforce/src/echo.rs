//! The yardstick: a server that reads netstrings and answers each with the same reply.
//!
//! It does what every server of the protocol on one tokio thread has to do, and nothing else: wait,
//! read, find the end of the request, write.

use std::{error::Error, sync::Arc};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, UnixListener},
    task::JoinSet,
};

/// Serves at every address, `127.0.0.1:0` or `unix:/path`, until the process ends.
pub async fn serve(size: usize, addresses: &[String]) -> Result<(), Box<dyn Error>> {
    let reply: Arc<[u8]> = netstring(&vec![b'x'; size]).into();
    let mut serving = JoinSet::new();
    for address in addresses {
        let reply = Arc::clone(&reply);
        if let Some(path) = address.strip_prefix("unix:") {
            let listener = UnixListener::bind(path)?;
            serving.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(talk(stream, Arc::clone(&reply)));
                }
            });
        } else {
            let listener = TcpListener::bind(address).await?;
            serving.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    // Without it a reply could wait for an acknowledgement.
                    if stream.set_nodelay(true).is_ok() {
                        tokio::spawn(talk(stream, Arc::clone(&reply)));
                    }
                }
            });
        }
    }
    serving.join_all().await;
    Ok(())
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, reply: Arc<[u8]>) {
    let mut chunk = [0; 4096];
    let mut filled = 0;
    loop {
        let Ok(length @ 1..) = stream.read(&mut chunk[filled..]).await else { return };
        filled += length;
        let mut read = 0;
        while let Some(length) = first_netstring(&chunk[read..filled]) {
            if stream.write_all(&reply).await.is_err() {
                return;
            }
            read += length;
        }
        chunk.copy_within(read..filled, 0);
        filled -= read;
    }
}

/// The length of the netstring at the beginning, with all around it, if it is complete.
pub fn first_netstring(octets: &[u8]) -> Option<usize> {
    let colon = octets.iter().position(|octet| *octet == b':')?;
    let length: usize = std::str::from_utf8(&octets[..colon]).ok()?.parse().ok()?;
    let whole = colon + length + 2;
    (octets.len() >= whole).then_some(whole)
}

/// The payload as a netstring.
pub fn netstring(payload: &[u8]) -> Vec<u8> {
    [format!("{}:", payload.len()).as_bytes(), payload, b","].concat()
}
