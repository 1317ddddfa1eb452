//! TLS of the lab's servers: the host is chosen by SNI or by address, and may misbehave.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustls::{
    ServerConfig,
    server::{Acceptor, NoServerSessionStorage},
    sign::SingleCertAndKey,
    version::{TLS12, TLS13},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use crate::{
    authority::{Identity, IssueError, LazyIdentity},
    host::{Handshake, Server},
    listen::hold,
    old_tls::{self, Offer, Reaction},
};

/// Alert `unrecognized_name` (RFC 6066 §3).
const UNRECOGNIZED_NAME: u8 = 112;
/// How long a client may take over its part of the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// A host at an address, with its certificate made when first needed.
pub(crate) struct Hosted<C> {
    /// The full name, in lower case and without a trailing dot.
    pub(crate) name: String,
    pub(crate) server: Server<C>,
    identity: Arc<LazyIdentity>,
    resumption: Resumption,
    /// The newest, and the identity that it shows.
    config: Mutex<Option<(Arc<Identity>, Arc<ServerConfig>)>>,
}

/// Can a client go on with a session that it has had?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resumption {
    Offered,
    Refused,
}

/// Who is at home at an address.
pub(crate) enum Tenants<C> {
    /// One host, whatever SNI says.
    One(Arc<Hosted<C>>),
    /// Many hosts, told apart by SNI.
    Many(HashMap<String, Arc<Hosted<C>>>),
    /// Whatever host the client asks for.
    Issued(Issue<C>),
}

/// Makes a host for a name, or for none.
pub(crate) type Issue<C> = Box<dyn Fn(Option<&str>) -> Arc<Hosted<C>> + Send + Sync>;

impl<C> Hosted<C> {
    pub(crate) fn new(name: String, server: Server<C>, identity: Arc<LazyIdentity>) -> Self {
        let resumption = Resumption::Offered;
        Self { name, server, identity, resumption, config: Mutex::default() }
    }

    pub(crate) fn resuming(mut self, resumption: Resumption) -> Self {
        self.resumption = resumption;
        self
    }

    pub(crate) fn identity(&self) -> &Arc<LazyIdentity> {
        &self.identity
    }

    fn config(&self) -> Result<Arc<ServerConfig>, IssueError> {
        let identity = self.identity.get()?;
        let mut made = self.config.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((shown, config)) = &*made
            && Arc::ptr_eq(shown, &identity)
        {
            return Ok(Arc::clone(config));
        }
        let provider = self.identity.provider();
        let versions = match self.server.handshake {
            Handshake::Tls12Only => &[&TLS12][..],
            _ => &[&TLS13, &TLS12],
        };
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified(provider)?)));
        if self.resumption == Resumption::Refused {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        let config = Arc::new(config);
        *made = Some((identity, Arc::clone(&config)));
        Ok(config)
    }
}

impl<C> Tenants<C> {
    fn by_name(&self, server_name: Option<&str>) -> Option<Arc<Hosted<C>>> {
        match self {
            Self::One(host) => Some(Arc::clone(host)),
            Self::Many(hosts) => hosts.get(&server_name?.to_ascii_lowercase()).cloned(),
            Self::Issued(issue) => Some(issue(server_name.map(str::to_ascii_lowercase).as_deref())),
        }
    }
}

/// Reads the ClientHello, finds the host, and shakes hands its way.
///
/// `None` when there is nothing more to say on this connection. Hidden hosts are as if they were
/// not here.
pub(crate) async fn accept<C>(
    stream: TcpStream,
    tenants: &Tenants<C>,
    is_hidden: impl Fn(&str) -> bool,
) -> Option<(Arc<Hosted<C>>, TlsStream<TcpStream>)> {
    let stream = match tenants {
        Tenants::One(host) => answer_old_offer(stream, host).await?,
        // Old TLS knows no SNI, so that no host could be chosen.
        Tenants::Many(_) | Tenants::Issued(_) => stream,
    };
    let hello = LazyConfigAcceptor::new(Acceptor::default(), stream);
    let start = timeout(PATIENCE, hello).await.ok()?.ok()?;
    let host = tenants.by_name(start.client_hello().server_name());
    let Some(host) = host.filter(|host| !is_hidden(&host.name)) else {
        send_and_close(start.io, &fatal_alert(UNRECOGNIZED_NAME)).await;
        return None;
    };
    match host.server.handshake {
        Handshake::Complete | Handshake::Tls12Only | Handshake::Old(_) => {
            let config = host
                .config()
                .inspect_err(|error| tracing::error!("no certificate for {}: {error}", host.name))
                .ok()?;
            let stream = timeout(PATIENCE, start.into_stream(config)).await.ok()?.ok()?;
            Some((host, stream))
        }
        Handshake::Alert(code) => {
            send_and_close(start.io, &fatal_alert(code)).await;
            None
        }
        Handshake::PlainText(text) => {
            send_and_close(start.io, text.as_bytes()).await;
            None
        }
        Handshake::Close => {
            send_and_close(start.io, b"").await;
            None
        }
        Handshake::Reset => {
            reset(&start.io);
            None
        }
        Handshake::Silence => {
            hold(start.io).await;
            None
        }
    }
}

/// Answers an offer of yesterday where the host still does so; gives back the connection, with
/// nothing read of it, where the offer is one of today.
async fn answer_old_offer<C>(mut stream: TcpStream, host: &Hosted<C>) -> Option<TcpStream> {
    let Handshake::Old(old) = host.server.handshake else { return Some(stream) };
    let offer = timeout(PATIENCE, peek_offer(&mut stream)).await.ok()?.ok()?;
    let answer = match old.react(&offer) {
        Reaction::Modern => return Some(stream),
        Reaction::Alert(code) => fatal_alert(code).to_vec(),
        Reaction::Hello { version, cipher_suite } => {
            let identity = host
                .identity
                .get()
                .inspect_err(|error| tracing::error!("no certificate for {}: {error}", host.name))
                .ok()?;
            old_tls::first_flight(version, cipher_suite, &identity.chain)
        }
    };
    send_and_close(stream, &answer).await;
    None
}

/// Waits until the whole first record is there, and reads it without taking it away.
async fn peek_offer(stream: &mut TcpStream) -> io::Result<Offer> {
    let mut octets = vec![0_u8; old_tls::LONGEST_RECORD];
    let mut before = 0;
    loop {
        let length = stream.peek(&mut octets).await?;
        match Offer::read(octets.get(..length).unwrap_or_default()) {
            Ok(offer) => return Ok(offer),
            Err(old_tls::Unread::NoOffer) => return Err(io::ErrorKind::InvalidData.into()),
            // The end of the stream gives nothing new, and nothing new is no reason to hurry.
            Err(old_tls::Unread::Incomplete) if length == before => {
                sleep(Duration::from_millis(5)).await;
            }
            Err(old_tls::Unread::Incomplete) => before = length,
        }
    }
}

/// Has the connection end with a reset when it is dropped, which is next.
pub(crate) fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::debug!("no reset, but an orderly end: {error}");
    }
}

/// Sends the last octets of a connection and lets the client read them.
pub(crate) async fn send_and_close(mut stream: TcpStream, octets: &[u8]) {
    let sent = async {
        stream.write_all(octets).await?;
        stream.shutdown().await
    };
    if sent.await.is_ok() {
        drain(&mut stream).await;
    }
}

/// Waits a moment for the client's end, and throws away what it still says: closing a socket with
/// unread octets would reset the connection and might take the reply along.
pub(crate) async fn drain(stream: &mut (impl AsyncReadExt + Unpin)) {
    let reading = async {
        let mut scrap = [0_u8; 1024];
        // As much as any client has to say after the end, and no more.
        for _ in 0..64 {
            match stream.read(&mut scrap).await {
                Ok(0) => return Ok::<(), io::Error>(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    };
    // Whatever comes of it, the connection ends now.
    drop(timeout(Duration::from_secs(2), reading).await);
}

/// A fatal alert as a record of TLS 1.2 (RFC 5246 §7.2).
fn fatal_alert(code: u8) -> [u8; 7] {
    [21, 3, 3, 0, 2, 2, code]
}
