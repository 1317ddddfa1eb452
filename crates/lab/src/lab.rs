//! The whole lab: start, addresses, stop.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};

use hickory_proto::rr::RecordType;
use jiff::Timestamp;
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
};

use crate::{
    Attack, AttackError, Delivery, Domain, LabError, Visit,
    attacker::Attacker,
    authority::Authority,
    control::{ControlSocket, SocketFile},
    delivery::Mailroom,
    dns,
    files::Files,
    fleet, https,
    listen::{Port, accept_all, bind_all, bind_pair},
    owner::Owner,
    plan::{Ipv6, Plan},
    reporters::{Reporter, signing_key},
    sender::{Internet, Sender},
    smtp,
    tls::Tenants,
    zone::{RecordData, Zones},
};

/// Where the DNS of the lab is.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 66, 0, 1));
/// Where nothing is.
const SPARE: Ipv4Addr = Ipv4Addr::new(127, 66, 0, 80);

/// How to run a lab.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which ports to use.
    pub ports: Ports,
    /// The folder for the trust files and the settings, made if it does not exist. By default a new
    /// temporary folder, which goes when the lab does.
    pub directory: Option<PathBuf>,
    /// The time that the lab believes in: certificates are made relative to it. Between the years
    /// 2000 and 2200.
    pub now: Timestamp,
}

/// Which ports a lab uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// 5300 for DNS, 4443 for HTTPS and 2525 for SMTP; any free port in place of a busy one.
    Preferred,
    /// Any free ports, so that several labs can run side by side.
    Ephemeral,
    /// 53 for DNS, 443 for HTTPS and 25 for SMTP, and no others: for programs that cannot be told
    /// another port. It takes root, or better, a network namespace of one's own.
    Standard,
}

/// A running mail internet on loopback. It stops when it is dropped.
pub struct Lab {
    resolver: SocketAddr,
    https_port: u16,
    smtp_port: u16,
    /// Goes before the folder does.
    _control: SocketFile,
    files: Files,
    authority: Arc<Authority>,
    mailroom: Arc<Mailroom>,
    attacker: Arc<Attacker>,
    owner: Arc<Owner>,
    zones: Arc<Zones>,
    /// One task for each listener; dropping them ends every connection.
    tasks: JoinSet<()>,
}

impl Options {
    /// The preferred ports, a temporary folder, and this time.
    pub fn new(now: Timestamp) -> Self {
        Self { ports: Ports::Preferred, directory: None, now }
    }
}

impl Lab {
    /// Starts every server of the fleet. Must be called within a Tokio runtime with I/O and time.
    ///
    /// # Errors
    ///
    /// [`LabError`] if the files cannot be written, a loopback address cannot be bound or the time
    /// is out of range. A busy port is an error with [`Ports::Standard`] only.
    pub async fn start(options: Options) -> Result<Self, LabError> {
        let authority = Arc::new(Authority::new(options.now)?);
        let files = Files::new(options.directory.as_deref())?;
        let control = ControlSocket::open(&files.directory)?;
        let mailroom = Mailroom::new(options.now, &files.deliveries, &files.visits)?;
        let mailroom = Arc::new(mailroom);
        let zones = Zones::new(authority.now_seconds())?;
        let attacker = Arc::new(Attacker::new(&authority));
        let plan = Plan::new(zones, &authority, &attacker, probe_ipv6().await)?;
        let owner = Arc::new(Owner::new(&authority, plan.mail_hosts()));
        let port = |preferred, standard| match options.ports {
            Ports::Preferred => Port::Preferred(preferred),
            Ports::Ephemeral => Port::Any,
            Ports::Standard => Port::Only(standard),
        };
        let mut tasks = JoinSet::new();
        let between = Arc::clone(&attacker);
        let serve = move |stream, tenants| https::serve(stream, tenants, Arc::clone(&between));
        let https_port = listen(&mut tasks, plan.https, port(4443, 443), serve).await?;
        let (between, mail) = (Arc::clone(&attacker), Arc::clone(&mailroom));
        let changed = Arc::clone(&owner);
        let serve = move |stream, tenants| {
            let (between, changed) = (Arc::clone(&between), Arc::clone(&changed));
            smtp::serve(stream, tenants, between, changed, Arc::clone(&mail))
        };
        let smtp_port = listen(&mut tasks, plan.smtp, port(2525, 25), serve).await?;
        let trust_anchors = plan.zones.trust_anchors();
        let zones = Arc::new(plan.zones);
        let (socket, listener, resolver) =
            bind_pair(SocketAddr::new(RESOLVER, 0), port(5300, 53)).await?;
        resolve(&mut tasks, (socket, listener), &zones, &attacker);
        let control = control.serve(&mut tasks, Arc::clone(&attacker), Arc::clone(&owner));
        files.write(authority.root_pem(), &trust_anchors, resolver, https_port, smtp_port)?;
        Ok(Self {
            resolver,
            https_port,
            smtp_port,
            _control: control,
            files,
            authority,
            mailroom,
            attacker,
            owner,
            zones,
            tasks,
        })
    }

    /// Stops every server and waits until the last has ended.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// Lets the DNS be asked at another address too, at port 53: for programs that know no other port.
    ///
    /// # Errors
    ///
    /// [`LabError::Bind`] if somebody else is there, or if that takes root.
    pub async fn resolve_at(&mut self, address: Ipv4Addr) -> Result<(), LabError> {
        let address = SocketAddr::from((address, 0));
        let (socket, listener, _) = bind_pair(address, Port::Only(53)).await?;
        resolve(&mut self.tasks, (socket, listener), &self.zones, &self.attacker);
        Ok(())
    }

    /// Lets the lab's time go on to then, and never back: the DNS is signed as of then, and certificates
    /// are issued anew when two thirds of ninety days have passed, with the same key.
    ///
    /// # Errors
    ///
    /// [`LabError::Time`] if that is out of range.
    pub fn set_forward(&self, to: Timestamp) -> Result<(), LabError> {
        self.authority.set_forward(to)?;
        self.zones.set_time(self.authority.now_seconds());
        Ok(())
    }

    /// Every domain of the lab, in groups; each name once.
    pub fn fleet() -> &'static [Domain] {
        fleet::fleet()
    }

    /// An address of the lab where it serves nothing, for a server of the caller’s on the ports of the
    /// lab.
    pub fn spare_address() -> Ipv4Addr {
        SPARE
    }

    /// Sets the only A record at a name below `tour.test`.
    ///
    /// # Errors
    ///
    /// [`LabError::Name`] if it is no name.
    pub fn set_address(&self, name: &str, address: Ipv4Addr) -> Result<(), LabError> {
        self.zones.change(name, RecordType::A, vec![RecordData::Ipv4(address)])
    }

    /// Sets the only TXT record at a name below `tour.test`.
    ///
    /// # Errors
    ///
    /// As [`Self::set_address`].
    pub fn set_text(&self, name: &str, text: &str) -> Result<(), LabError> {
        let strings = text.as_bytes().chunks(255).map(<[u8]>::to_vec).collect();
        self.zones.change(name, RecordType::TXT, vec![RecordData::Text(strings)])
    }

    /// Names these as the MX hosts of `tour.test`, all with one preference.
    ///
    /// # Errors
    ///
    /// As [`Self::set_address`].
    pub fn set_mx(&self, domain: &str, hosts: &[String]) -> Result<(), LabError> {
        let records = hosts.iter().map(|host| RecordData::Mx(10, host.clone())).collect();
        self.zones.change(domain, RecordType::MX, records)
    }

    /// Writes a certificate for a host that the lab does not serve itself, with nothing wrong with it,
    /// and its key into a folder: `fullchain.pem` and `privkey.pem`.
    ///
    /// # Errors
    ///
    /// If they cannot be made or written.
    pub fn write_certificate(&self, host: &str, folder: &Path) -> Result<(), LabError> {
        let identity = self.owner.certify(host);
        let identity = identity.get()?;
        fs_err::write(folder.join("fullchain.pem"), identity.chain_pem())?;
        fs_err::write(folder.join("privkey.pem"), identity.key_pem()?)?;
        Ok(())
    }

    /// Lets an MX host offer STARTTLS and show a new certificate, with nothing wrong with either, from
    /// now on and at every address.
    ///
    /// # Errors
    ///
    /// [`LabError::NoMailHost`] if there is no such host.
    pub fn mend(&self, host: &str) -> Result<(), LabError> {
        self.owner.mend(host)
    }

    /// Writes the key with which a reporter signs its mails as `key.pem` into a folder, for a program
    /// that reports in its place; says with which selector. Where it has several, that is the last.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn write_signing_key(&self, of: Reporter, folder: &Path) -> Result<&'static str, LabError> {
        let (selector, key) = signing_key(of);
        fs_err::write(folder.join("key.pem"), key)?;
        Ok(selector)
    }

    /// A mail server that sends into the lab, and behaves as this reporter when it reports on that.
    ///
    /// # Errors
    ///
    /// If the file with the root certificate cannot be read.
    pub fn sender(&self, reporter: Reporter) -> Result<Sender, LabError> {
        let internet = Internet {
            resolver: self.resolver,
            https_port: self.https_port,
            smtp_port: self.smtp_port,
            roots: Internet::trusting(self.trust_roots_file())?,
        };
        Ok(Sender::new(internet, reporter))
    }

    /// Begins an attack on a domain of the fleet, or on all of it with `*`. One that is on already
    /// goes on.
    ///
    /// # Errors
    ///
    /// [`AttackError`] if there is no such domain, or if an attack is on that changes the same.
    pub fn attack(&self, attack: Attack, domain: &str) -> Result<(), AttackError> {
        self.attacker.attack(attack, domain)
    }

    /// Ends an attack where it was begun; everything there is as before.
    pub fn cease(&self, attack: Attack, domain: &str) {
        self.attacker.cease(attack, domain);
    }

    /// Ends all attacks.
    pub fn cease_all(&self) {
        self.attacker.cease_all();
    }

    /// The attacks that are on, each with its domain or `*`.
    pub fn attacks(&self) -> Vec<(Attack, String)> {
        self.attacker.attacks()
    }

    /// What MX hosts have taken, once for each recipient: the newest ten thousand, the oldest of
    /// them first.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.mailroom.deliveries()
    }

    /// Who came to MX hosts and has left again, whether a host took something or not: the newest ten
    /// thousand, the oldest of them first.
    pub fn visits(&self) -> Vec<Visit> {
        self.mailroom.visits()
    }

    /// The file of all deliveries, a line of JSON each, up to 64 MiB. It begins anew with the lab.
    pub fn deliveries_file(&self) -> &Path {
        &self.files.deliveries
    }

    /// The same of all visits.
    pub fn visits_file(&self) -> &Path {
        &self.files.visits
    }

    /// Where the DNS is, on UDP and TCP.
    pub fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// The port of every policy host.
    pub fn https_port(&self) -> u16 {
        self.https_port
    }

    /// The port of every MX host.
    pub fn smtp_port(&self) -> u16 {
        self.smtp_port
    }

    /// The folder of all files, with the control socket `control.sock`.
    pub fn directory(&self) -> &Path {
        &self.files.directory
    }

    /// The file with the only root certificate that clients are to trust, PEM.
    pub fn trust_roots_file(&self) -> &Path {
        &self.files.trust_roots
    }

    /// The DNSSEC keys to trust: DNSKEY records of the root and of `.test`, a line each, as Unbound
    /// and others read them. The lab's root is a root of its own.
    pub fn trust_anchors_file(&self) -> &Path {
        &self.files.trust_anchors
    }

    /// The settings, TOML, that point `sealpost --network FILE` at this lab.
    pub fn settings_file(&self) -> &Path {
        &self.files.settings
    }
}

/// Binds every address to one port and serves each in a task of its own.
async fn listen<C, S, F>(
    tasks: &mut JoinSet<()>,
    servers: Vec<(IpAddr, Arc<Tenants<C>>)>,
    port: Port,
    serve: S,
) -> Result<u16, LabError>
where
    C: Send + Sync + 'static,
    S: Fn(TcpStream, Arc<Tenants<C>>) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let addresses: Vec<_> = servers.iter().map(|(ip, _)| SocketAddr::new(*ip, 0)).collect();
    let (listeners, port) = bind_all(&addresses, port).await?;
    for (listener, (_, tenants)) in listeners.into_iter().zip(servers) {
        let serve = serve.clone();
        tasks.spawn(accept_all(listener, move |stream| serve(stream, Arc::clone(&tenants))));
    }
    Ok(port)
}

/// Answers questions of the DNS, over UDP and over TCP.
fn resolve(
    tasks: &mut JoinSet<()>,
    (socket, listener): (UdpSocket, TcpListener),
    zones: &Arc<Zones>,
    attacker: &Arc<Attacker>,
) {
    let (known, between) = (Arc::clone(zones), Arc::clone(attacker));
    tasks.spawn(dns::serve_udp(socket, Arc::clone(&known), Arc::clone(&between)));
    tasks.spawn(accept_all(listener, move |stream| {
        dns::serve_tcp(stream, Arc::clone(&known), Arc::clone(&between))
    }));
}

async fn probe_ipv6() -> Ipv6 {
    match TcpListener::bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0)).await {
        Ok(_) => Ipv6::Present,
        Err(error) => {
            tracing::warn!("no IPv6 on loopback, so the lab is without it: {error}");
            Ipv6::Missing
        }
    }
}
