//! Sockets: binding many addresses to one port, and accepting within bounds.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::LabError;

/// Connections at one address at a time; more are dropped.
const MOST_CONNECTIONS: usize = 64;
/// The life of a connection, whatever happens on it.
const LONGEST_CONNECTION: Duration = Duration::from_secs(120);
/// How many ports are tried before giving up.
const TRIES: usize = 32;

/// Which port to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    /// This one; any other where it is busy.
    Preferred(u16),
    /// This one or none.
    Only(u16),
    Any,
}

impl Port {
    /// The port to try first; 0 lets the system choose.
    fn first(self) -> u16 {
        match self {
            Self::Preferred(port) | Self::Only(port) => port,
            Self::Any => 0,
        }
    }
}

/// Binds every address to one port: the wanted one if it is free everywhere, else any, if any will
/// do.
pub(crate) async fn bind_all(
    addresses: &[SocketAddr],
    wanted: Port,
) -> Result<(Vec<TcpListener>, u16), LabError> {
    let mut port = wanted.first();
    for _ in 0..TRIES {
        match bind_each(addresses, port).await {
            Ok(bound) => return Ok(bound),
            Err(LabError::Bind { source, .. })
                if source.kind() == io::ErrorKind::AddrInUse
                    && !matches!(wanted, Port::Only(_)) =>
            {
                port = 0;
            }
            Err(error) => return Err(error),
        }
    }
    bind_each(addresses, 0).await
}

/// Binds every address to one port, which the first address chooses if `port` is 0.
async fn bind_each(
    addresses: &[SocketAddr],
    mut port: u16,
) -> Result<(Vec<TcpListener>, u16), LabError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        let address = SocketAddr::new(address.ip(), port);
        let fault = |source| LabError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(fault)?;
        port = listener.local_addr().map_err(fault)?.port();
        listeners.push(listener);
    }
    Ok((listeners, port))
}

/// Binds UDP and TCP to one port, the wanted one if it is free for both.
pub(crate) async fn bind_pair(
    address: SocketAddr,
    wanted: Port,
) -> Result<(UdpSocket, TcpListener, SocketAddr), LabError> {
    let mut port = wanted;
    let mut last = None;
    for _ in 0..TRIES {
        let (mut listeners, found) = bind_all(&[address], port).await?;
        let address = SocketAddr::new(address.ip(), found);
        match (UdpSocket::bind(address).await, listeners.pop()) {
            (Ok(socket), Some(listener)) => return Ok((socket, listener, address)),
            (Err(source), _) if matches!(wanted, Port::Only(_)) => {
                return Err(LabError::Bind { address, source });
            }
            (Err(error), _) => last = Some(error),
            (Ok(_), None) => {}
        }
        port = Port::Any;
    }
    let source = last.unwrap_or_else(|| io::Error::from(io::ErrorKind::AddrInUse));
    Err(LabError::Bind { address, source })
}

/// Accepts connections until the task is aborted, which ends every connection too.
pub(crate) async fn accept_all<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(TcpStream) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let permits = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else { continue };
                let conversation = handler(stream);
                connections.spawn(async move {
                    // A conversation that lasts too long simply ends.
                    drop(timeout(LONGEST_CONNECTION, conversation).await);
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, most likely: they come back.
                tracing::debug!("no connection accepted: {error}");
                sleep(Duration::from_millis(50)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Keeps a connection open and says nothing, until the client goes or its time is over.
pub(crate) async fn hold(mut stream: impl AsyncReadExt + Unpin) {
    let mut scrap = [0_u8; 1024];
    let listening = async { while matches!(stream.read(&mut scrap).await, Ok(1..)) {} };
    drop(timeout(LONGEST_CONNECTION, listening).await);
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[tokio::test]
    async fn a_busy_port_is_an_error_where_no_other_will_do() {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let busy = TcpListener::bind(address).await.unwrap();
        let port = busy.local_addr().unwrap().port();
        let is_busy = |error: &LabError| {
            matches!(error, LabError::Bind { address, source }
                if address.port() == port && source.kind() == io::ErrorKind::AddrInUse)
        };
        assert!(is_busy(&bind_all(&[address], Port::Only(port)).await.unwrap_err()));
        assert!(is_busy(&bind_pair(address, Port::Only(port)).await.unwrap_err()));
        let (_, other) = bind_all(&[address], Port::Preferred(port)).await.unwrap();
        assert_ne!(other, port);
        let (_, _, other) = bind_pair(address, Port::Preferred(port)).await.unwrap();
        assert_ne!(other.port(), port);
        drop(busy);
        // Busy for datagrams alone is busy too.
        let datagrams = UdpSocket::bind(address).await.unwrap();
        let port = datagrams.local_addr().unwrap().port();
        let failure = bind_pair(address, Port::Only(port)).await.unwrap_err();
        assert!(matches!(failure, LabError::Bind { address, .. } if address.port() == port));
    }
}
