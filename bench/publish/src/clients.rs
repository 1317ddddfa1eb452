//! Clients: full handshakes, one request each, and connections that then do nothing.

use std::{
    fs, io,
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Connections from one address.
const PORTS: usize = 10_000;
/// Longer than a server that works lets a client wait.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Clients {
    connector: TlsConnector,
    address: SocketAddr,
    domains: usize,
}

impl Clients {
    pub fn new(folder: &str, address: &str, domains: usize) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let pem = fs::read(Path::new(folder).join("roots.pem"))?;
        let root = CertificateDer::from_pem_slice(&pem).map_err(io::Error::other)?;
        roots.add(root).map_err(io::Error::other)?;
        let mut config =
            ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        let address = address.parse().map_err(io::Error::other)?;
        Ok(Self { connector, address, domains })
    }

    /// Asks again and again for so many seconds, each time over a new connection; gives the number of
    /// answers. One that fails is an error.
    pub fn shake(&self, seconds: usize, at_once: usize) -> io::Result<usize> {
        runtime()?.block_on(async {
            let end = Instant::now() + Duration::from_secs(seconds as u64);
            let mut tasks = JoinSet::new();
            for number in 0..at_once {
                let this = self.clone();
                tasks.spawn(async move {
                    let mut count = 0;
                    while Instant::now() < end {
                        let domain = (number + count * at_once) % this.domains;
                        // Each its own address: one has not ports enough for all that are closed.
                        let mut stream = this.connect(domain, number * PORTS).await?;
                        this.ask(&mut stream, domain).await?;
                        count += 1;
                    }
                    Ok::<usize, io::Error>(count)
                });
            }
            let mut sum = 0;
            while let Some(ended) = tasks.join_next().await {
                sum += ended.map_err(io::Error::other)??;
            }
            Ok(sum)
        })
    }

    /// Opens so many connections, asks once over each, looks while all are idle, and then asks over
    /// some again to see that they live.
    pub fn hold<T>(
        &self,
        connections: usize,
        look: impl Fn() -> io::Result<T>,
    ) -> io::Result<(usize, T)> {
        runtime()?.block_on(async {
            let mut held = Vec::with_capacity(connections);
            let mut next = 0;
            while next < connections {
                let mut tasks = JoinSet::new();
                for number in next..(next + 64).min(connections) {
                    let this = self.clone();
                    tasks.spawn(async move {
                        let domain = number % this.domains;
                        let mut stream = this.connect(domain, number).await?;
                        this.ask(&mut stream, domain).await?;
                        Ok::<_, io::Error>((domain, stream))
                    });
                }
                while let Some(ended) = tasks.join_next().await {
                    held.push(ended.map_err(io::Error::other)??);
                }
                next += 64;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
            let seen = look()?;
            for (domain, stream) in held.iter_mut().step_by(97) {
                self.ask(stream, *domain).await?;
            }
            Ok((held.len(), seen))
        })
    }

    async fn connect(&self, domain: usize, number: usize) -> io::Result<TlsStream<TcpStream>> {
        let socket = TcpSocket::new_v4()?;
        // One address has not ports enough for all who stay.
        let last = 2 + (number / PORTS) as u8;
        socket.bind(SocketAddr::from(([127, 0, 0, last], 0)))?;
        let connected = async {
            let stream = socket.connect(self.address).await?;
            stream.set_nodelay(true)?;
            let name = ServerName::try_from(host(domain)).map_err(io::Error::other)?;
            self.connector.connect(name, stream).await
        };
        timeout(PATIENCE, connected).await?
    }

    async fn ask(&self, stream: &mut TlsStream<TcpStream>, domain: usize) -> io::Result<()> {
        let request =
            format!("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: {}\r\n\r\n", host(domain));
        let wanted = format!("mx: mx.d{domain}.test\r\nmax_age: 604800\r\n");
        let asked = async {
            stream.write_all(request.as_bytes()).await?;
            let mut answer = Vec::new();
            while !answer.ends_with(wanted.as_bytes()) {
                if stream.read_buf(&mut answer).await? == 0 {
                    let text = String::from_utf8_lossy(&answer).into_owned();
                    return Err(io::Error::other(format!("cut off: {text}")));
                }
            }
            match answer.starts_with(b"HTTP/1.1 200 ") {
                true => Ok(()),
                false => Err(io::Error::other(String::from_utf8_lossy(&answer).into_owned())),
            }
        };
        timeout(PATIENCE, asked).await?
    }
}

fn host(domain: usize) -> String {
    format!("mta-sts.d{domain}.test")
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
