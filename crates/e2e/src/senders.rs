//! Mail servers that send into the lab, and what they ask before they do.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;

use crate::{Environment, EnvironmentError, Server, Signal, System, sealpost_binary, unbound};

mod daemon;
mod exim;
mod postfix;
mod sessions;
pub use sessions::Seen;

/// The mail servers that send, the daemons that they ask, and the resolver of all of them.
///
/// Each mail server delivers in several ways, the [`Route`]s. They never try again by themselves, so
/// that a test decides when: with [`Senders::try_again`].
#[derive(Debug)]
pub struct Senders {
    environment: Environment,
}

/// A mail server, and how it delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// Postfix 3.10, its default level `may`, the map `postfix`.
    Postfix3_10,
    /// The same, and a daemon whose answers do not follow DANE.
    Postfix3_10Plain,
    /// The same with the default level `encrypt`.
    Postfix3_10Encrypt,
    /// The same with the default level `dane`.
    Postfix3_10Dane,
    /// Postfix 3.7, its default level `may`, the map `postfix-3.9`.
    Postfix3_7,
    /// Exim 4.96, the map `exim`, with the configuration that the documentation gives.
    Exim,
    /// Postfix 3.10, its default level `may`, and postfix-mta-sts-resolver as its documentation has
    /// it.
    Peer,
    /// The same with `tlsrpt: true` at postfix-mta-sts-resolver.
    PeerTlsRpt,
}

/// Whether the daemon that is asked may have a policy cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Memory {
    /// The daemon that is asked in all else.
    Cached,
    /// A daemon of its own, which is asked in nothing else.
    Fresh,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 8] = [
        Self::Postfix3_10,
        Self::Postfix3_10Plain,
        Self::Postfix3_10Encrypt,
        Self::Postfix3_10Dane,
        Self::Postfix3_7,
        Self::Exim,
        Self::Peer,
        Self::PeerTlsRpt,
    ];

    /// The name of the transport in `master.cf`, and of the server in addresses.
    pub fn name(self, memory: Memory) -> String {
        let name = match self {
            Self::Postfix3_10 => "may",
            Self::Postfix3_10Plain => "plain",
            Self::Postfix3_10Encrypt => "encrypt",
            Self::Postfix3_10Dane => "dane",
            Self::Postfix3_7 => "older",
            Self::Exim => "exim",
            Self::Peer => "peer",
            Self::PeerTlsRpt => "peer-tlsrpt",
        };
        match memory {
            Memory::Cached => name.to_owned(),
            Memory::Fresh => format!("fresh-{name}"),
        }
    }

    /// Where the mail server takes mail.
    fn port(self, memory: Memory) -> u16 {
        match self {
            Self::Postfix3_7 => postfix::BOOKWORM.port,
            Self::Exim => exim::port(memory),
            _ => postfix::TRIXIE.port,
        }
    }

    /// The daemon that is asked. A level that is tried with cached policies only has but one.
    pub fn daemon(self, memory: Memory) -> Server {
        match (self, memory) {
            (Self::Postfix3_10Plain, _) => Server::PlainEnforce,
            (Self::Postfix3_10Encrypt, _) => Server::EncryptEnforce,
            (Self::Postfix3_10Dane, Memory::Cached) => Server::DaneEnforce,
            (Self::Postfix3_10Dane, Memory::Fresh) => Server::FreshDaneEnforce,
            (Self::Peer | Self::PeerTlsRpt, Memory::Cached) => Server::Peer,
            (Self::Peer | Self::PeerTlsRpt, Memory::Fresh) => Server::FreshPeer,
            (_, Memory::Cached) => Server::Enforce,
            (_, Memory::Fresh) => Server::FreshEnforce,
        }
    }

    /// The name of the log that tells what became of the mail, in the folder `log`.
    fn log(self, memory: Memory) -> &'static str {
        match (self, memory) {
            (Self::Postfix3_7, _) => "postfix-3.7",
            (Self::Exim, Memory::Cached) => "exim.main",
            (Self::Exim, Memory::Fresh) => "fresh-exim.main",
            _ => "postfix-3.10",
        }
    }
}

impl Senders {
    /// Boots the lab and all that sends into it.
    ///
    /// # Errors
    ///
    /// As [`Environment::start`], when `sealpost` has not been built, and when answers do not follow
    /// DANE that shall.
    pub fn start() -> Result<Self, EnvironmentError> {
        let program = sealpost_binary()?;
        let systems = [System::Trixie, System::Bookworm];
        let environment = Environment::boot("senders", &systems, |directory| {
            fs_err::os::unix::fs::symlink(program, directory.join("sealpost"))?;
            write_configuration(directory)
        })?;
        let senders = Self { environment };
        senders.follow_dane(&daemon::ALL)?;
        Ok(senders)
    }

    /// The environment that they run in.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Hands a message for these recipients to each mail server, and returns when all are taken.
    ///
    /// # Errors
    ///
    /// When a mail server does not take one.
    pub fn submit(&self, messages: &[Message]) -> Result<(), EnvironmentError> {
        let mut text = String::new();
        for message in messages {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{message}");
        }
        fs_err::write(self.environment.directory().join("messages"), text)?;
        let command = "python3 /e2e/submit </e2e/messages";
        done(self.environment.run_in(System::Bookworm, "sh", &["-c", command])?, "submit")
    }

    /// Hands a message for this recipient to the Postfix of a system, by the way that our documentation
    /// gives to report mails.
    ///
    /// # Errors
    ///
    /// When it does not take it.
    pub fn submit_report(&self, system: System, recipient: &str) -> Result<(), EnvironmentError> {
        let instance = match system {
            System::Trixie => postfix::TRIXIE,
            System::Bookworm => postfix::BOOKWORM,
        };
        let command = format!("echo {} '{recipient}' | python3 /e2e/submit", instance.report_port);
        done(self.environment.run_in(System::Bookworm, "sh", &["-c", &command])?, "submit")
    }

    /// Has every mail server but the Exim that asks the fresh daemon try again all that it has
    /// deferred.
    ///
    /// # Errors
    ///
    /// When one cannot be told so.
    pub fn try_again(&self) -> Result<(), EnvironmentError> {
        for system in [System::Trixie, System::Bookworm] {
            done(self.environment.run_in(system, "postqueue", &["-f"])?, "postqueue -f")?;
        }
        done(self.environment.run_in(System::Bookworm, "exim4", &["-qff"])?, "exim4 -qff")
    }

    /// Kills servers and starts them again, in this order.
    ///
    /// # Errors
    ///
    /// When one does not start, and when answers do not follow DANE that shall.
    pub fn restart(&self, servers: &[Server]) -> Result<(), EnvironmentError> {
        for server in servers {
            self.environment.signal(*server, Signal::Kill)?;
        }
        self.start_again(servers)
    }

    /// Starts servers that were killed, in this order.
    ///
    /// # Errors
    ///
    /// When one does not start, and when answers do not follow DANE that shall.
    pub fn start_again(&self, servers: &[Server]) -> Result<(), EnvironmentError> {
        self.environment.start_again(servers)?;
        self.follow_dane(servers)
    }

    /// The daemons say whether the resolver is proven to validate before they listen.
    fn follow_dane(&self, servers: &[Server]) -> Result<(), EnvironmentError> {
        for server in servers.iter().filter(|server| daemon::follows_dane(**server)) {
            let log = self.environment.log(*server)?;
            let last = log.lines().rfind(|line| line.contains(daemon::ABOUT_DANE));
            if last != Some(daemon::PROVEN) {
                let program = server.as_str().to_owned();
                return Err(EnvironmentError::Program { program, detail: log });
            }
        }
        Ok(())
    }

    /// Starts the daemons of `sealpost enforce` that are attacked again with their clocks so many
    /// minutes ahead, as if they had been away for so long.
    ///
    /// # Errors
    ///
    /// When one does not start.
    pub fn be_away(&self, minutes: u32) -> Result<(), EnvironmentError> {
        let daemons = [Server::Enforce, Server::DaneEnforce];
        for daemon in daemons {
            let ahead = format!("{}.ahead", daemon.as_str());
            let ahead = self.environment.directory().join(ahead);
            fs_err::write(ahead, format!("+{minutes} minutes"))?;
        }
        self.restart(&daemons)
    }

    /// What the mail server of a route has logged.
    ///
    /// # Errors
    ///
    /// When the log can't be read.
    pub fn log(&self, route: Route, memory: Memory) -> Result<String, EnvironmentError> {
        let log = self.environment.directory().join("log").join(route.log(memory));
        // Exim makes it with its first line.
        match fs_err::read(log) {
            Ok(log) => Ok(String::from_utf8_lossy(&log).into_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A message for one mail server.
#[derive(Clone, Debug)]
pub struct Message {
    route: Route,
    memory: Memory,
    /// The recipients.
    pub recipients: Vec<String>,
}

impl Message {
    /// A message to `domain`, for a recipient whose name says by which route it goes, and whose rest
    /// is `tag`: letters, digits, hyphens.
    pub fn new(route: Route, memory: Memory, tag: &str, domain: &str) -> Self {
        let recipients = vec![format!("{}.{tag}@{domain}", route.name(memory))];
        Self { route, memory, recipients }
    }

    /// The same with one recipient more.
    #[must_use]
    pub fn and(mut self, tag: &str, domain: &str) -> Self {
        self.recipients.push(format!("{}.{tag}@{domain}", self.route.name(self.memory)));
        self
    }
}

impl std::fmt::Display for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let port = self.route.port(self.memory);
        write!(formatter, "{port} {}", self.recipients.join(" "))
    }
}

fn done(output: Output, program: &str) -> Result<(), EnvironmentError> {
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(EnvironmentError::Program {
        program: program.to_owned(),
        detail: String::from_utf8_lossy(&said).into_owned(),
    })
}

/// Where Postfix sends what it would else send to the MX hosts of the domain, by the end of the
/// recipient's name.
const SMART_HOSTS: [(&str, &str); 4] = [
    ("via-host", "[implicit-mx.test]"),
    ("via-port", "[implicit-mx.test]:25"),
    ("via-mx", "good.test"),
    ("via-bad", "mx-certificate-expired.test"),
];

/// The address of every daemon that a mail server asks; the port tells them apart.
const DAEMON_ADDRESS: &str = "127.0.0.1";

/// The port at which a mail server asks.
fn daemon_port(server: Server) -> u16 {
    match server {
        Server::Enforce => 8461,
        Server::FreshEnforce => 8462,
        Server::Peer => 8463,
        Server::FreshPeer => 8464,
        Server::EncryptEnforce => 8465,
        Server::DaneEnforce => 8466,
        Server::FreshDaneEnforce => 8467,
        Server::PlainEnforce => 8468,
        Server::Knot
        | Server::Bind
        | Server::Unbound
        | Server::Postfix
        | Server::Nginx
        | Server::ExportedNginx
        | Server::Caddy
        | Server::Dovecot
        | Server::Lab => 0,
    }
}

/// Writes all that the servers read.
fn write_configuration(directory: &Path) -> Result<(), EnvironmentError> {
    fs_err::create_dir(directory.join("log"))?;
    // Exim writes there as a user of its own.
    fs_err::set_permissions(
        directory.join("log"),
        std::os::unix::fs::PermissionsExt::from_mode(0o777),
    )?;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs_err::copy(here.join("submit"), directory.join("submit"))?;
    for name in ["router.conf", "transport.conf"] {
        let documented = here.join("../../doc/how-to/exim").join(name);
        fs_err::copy(documented, directory.join(format!("exim-{name}")))?;
    }
    let mut listeners = format!("{} 53\n", unbound::ADDRESS);
    for server in daemon::ALL {
        let name = server.as_str();
        let configuration = daemon::configuration(server, directory);
        fs_err::write(directory.join(format!("{name}.toml")), configuration)?;
        let _ = writeln!(listeners, "{DAEMON_ADDRESS} {}", daemon_port(server));
    }
    for server in [Server::Peer, Server::FreshPeer] {
        fs_err::write(directory.join(format!("{}.yml", server.as_str())), peer(server))?;
        let _ = writeln!(listeners, "{DAEMON_ADDRESS} {}", daemon_port(server));
    }
    for instance in [postfix::TRIXIE, postfix::BOOKWORM] {
        let write = |name: &str, text| {
            fs_err::write(directory.join(format!("{}.{name}", instance.system.as_str())), text)
        };
        write("main.cf", instance.main())?;
        write("master.cf", instance.services())?;
        let _ = writeln!(listeners, "127.0.0.1 {}", instance.port);
        let _ = writeln!(listeners, "127.0.0.1 {}", instance.report_port);
    }
    fs_err::write(directory.join("transport"), postfix::transports())?;
    for memory in [Memory::Cached, Memory::Fresh] {
        let name = format!("{}.conf", Route::Exim.name(memory));
        fs_err::write(directory.join(name), exim::configuration(memory))?;
        let _ = writeln!(listeners, "127.0.0.1 {}", exim::port(memory));
    }
    fs_err::write(directory.join("unbound.conf"), unbound::for_the_lab())?;
    let resolver = format!("nameserver {}\noptions edns0 trust-ad\n", unbound::ADDRESS);
    fs_err::write(directory.join("resolv.conf"), resolver)?;
    fs_err::write(directory.join("listeners"), listeners)?;
    Ok(())
}

/// The configuration of postfix-mta-sts-resolver. Its documentation gives the values, but for
/// `cache_grace`, which is a minute there: here it looks at once whether a policy is still the newest.
/// A map of the other zone's name is answered with TLSRPT attributes.
fn peer(server: Server) -> String {
    format!(
        "host: {DAEMON_ADDRESS}
port: {}
reuse_port: true
shutdown_timeout: 20
cache_grace: 0
cache:
  type: internal
  options:
    cache_size: 10000
default_zone:
  strict_testing: false
  timeout: 4
zones:
  tlsrpt:
    strict_testing: false
    timeout: 4
    tlsrpt: true
",
        daemon_port(server)
    )
}
