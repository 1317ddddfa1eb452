//! What a policy host meets: Pebble, an authority that speaks ACME, and its name server.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::certificates::Authority;
use crate::{Environment, EnvironmentError, LeafKind, System, sealpost_binary};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(150);

/// The key of the external account `kid-1`, in base64url.
const EXTERNAL: &str = "c2VhbHBvc3QgZTJlIGV4dGVybmFsIGFjY291bnQga2V5";

/// The settings of Pebble; the validity of its certificates comes in, and the key.
const PEBBLE: &str = r#"{ "pebble": {
  "listenAddress": "127.0.0.54:14000", "managementListenAddress": "127.0.0.54:15000",
  "certificate": "/e2e/certificates/ca.test.pem", "privateKey": "/e2e/certificates/ca.test.pem",
  "httpPort": 80, "tlsPort": 443, "ocspResponderURL": "", "externalAccountBindingRequired": false,
  "externalAccountMACKeys": { "kid-1": "EXTERNAL" },
  "certificateValidityPeriod": VALIDITY, "retryAfter": { "authz": 1, "order": 1 } } }
"#;

/// A BIND with all that policy hosts below `dns.test`, `alias.test` and `killed.test` need, which
/// takes updates.
const NAMED: &str = r#"
options {
    directory "/e2e/named";
    listen-on port 53 { 127.0.0.55; };
    listen-on-v6 { none; };
    recursion no;
    pid-file none;
    session-keyfile none;
    dnssec-validation no;
};
controls {};
key "sealpost" { algorithm hmac-sha256; secret "c2VhbHBvc3Qtc2VhbHBvc3Qtc2VhbHBvc3Q="; };
zone "test" { type primary; file "test.zone"; allow-update { key "sealpost"; }; };
"#;

/// Its zone.
const ZONE: &str = "\
$TTL 60
@ IN SOA ns.test. hostmaster.test. 1 60 60 600 60
@ IN NS ns.test.
ns IN A 127.0.0.55
ca IN A 127.0.0.54
mta-sts.dns IN A 127.0.0.80
mta-sts.alias IN A 127.0.0.80
_acme-challenge.mta-sts.alias IN CNAME alias.challenges.example.
mta-sts.killed IN A 127.0.0.80
";

/// nginx in front of a policy host that serves plain HTTP; what stands between the marks stands in
/// the documentation.
const NGINX: &str = "\
daemon off;
worker_processes 1;
pid /run/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
    access_log off;
PROXY
}
";

/// An environment with Pebble 2.6 and a name server at which every name has the address 127.0.0.80.
/// The authority is `https://ca.test:14000/dir`. Beside it, at port 14001, is another one, which
/// wants the external account `kid-1`, whose key lies in `external.key`, and believes the BIND at
/// 127.0.0.55; that holds `test` and takes updates with the key `sealpost`.
#[derive(Debug)]
pub struct Hosting {
    environment: Environment,
}

/// A daemon in it. It is killed when dropped.
#[derive(Debug)]
pub struct PolicyDaemon {
    child: Child,
    said: Receiver<String>,
}

impl Hosting {
    /// Starts it; certificates are valid for so many seconds. `proxy` are lines for nginx, in its
    /// context `http`.
    ///
    /// # Errors
    ///
    /// As for [`Environment::start`].
    pub fn start(validity: u32, proxy: &str) -> Result<Self, EnvironmentError> {
        let environment =
            Environment::boot("hosting", &[System::Trixie, System::Bookworm], |directory| {
                configure(directory, validity, proxy)
            })?;
        Ok(Self { environment })
    }

    /// All servers.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Writes a configuration: what all have, and this.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn configuration(&self, name: &str, text: &str) -> Result<PathBuf, EnvironmentError> {
        let path = self.environment.directory().join(name);
        let network = "[network]\nresolvers = [\"127.0.0.53:53\"]\ndnssec = \"off\"\n\
                       allowed_networks = [\"127.0.0.0/8\"]\ntrust_roots = \"ca.pem\"\n";
        fs_err::write(&path, format!("{network}{text}"))?;
        Ok(path)
    }

    /// Puts a certificate by the environment's own authority where a policy host reads it.
    ///
    /// # Errors
    ///
    /// When it cannot be made or written.
    pub fn certificate(&self, folder: &Path, host: &str) -> Result<(), EnvironmentError> {
        let authority = Authority::of(self.environment.directory())?;
        let identity = authority.identity(host, LeafKind::Good)?;
        let folder = folder.join(host);
        fs_err::create_dir_all(&folder)?;
        fs_err::write(folder.join("fullchain.pem"), &identity.pem)?;
        fs_err::write(folder.join("privkey.pem"), &identity.pem)?;
        Ok(())
    }

    /// Starts a policy host, and gives it when it is ready.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or ends; the error holds what it said.
    pub fn serve(
        &self,
        configuration: &Path,
        flags: &[&str],
    ) -> Result<PolicyDaemon, EnvironmentError> {
        self.start_daemon(&["publish", "serve"], configuration, flags)
    }

    /// Starts a daemon by these words of the command line, and gives it when it is ready.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or ends; the error holds what it said.
    pub fn start_daemon(
        &self,
        words: &[&str],
        configuration: &Path,
        flags: &[&str],
    ) -> Result<PolicyDaemon, EnvironmentError> {
        let configuration = configuration.to_string_lossy();
        let arguments = words.iter().copied().chain(["--config", &*configuration]);
        let arguments = arguments.chain(flags.iter().copied());
        PolicyDaemon::heard(self.environment.spawn_for_long(&sealpost_binary()?, arguments)?)
    }

    /// Starts an authority at `https://ca.test:14002/dir`, which is Pebble but for one thing: it
    /// refuses the first order that replaces a certificate, as if that had been replaced already. It
    /// says `order: replacing` or `order: new` for each.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or ends; the error holds what it said.
    pub fn start_forgetful_authority(&self) -> Result<PolicyDaemon, EnvironmentError> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("authority");
        let certificate = self.environment.directory().join("certificates/ca.test.pem");
        PolicyDaemon::heard(self.environment.spawn_for_long(&script, [certificate])?)
    }

    /// Runs another command of `sealpost publish` with this configuration.
    ///
    /// # Errors
    ///
    /// When it could not be run.
    pub fn publish(
        &self,
        configuration: &Path,
        arguments: &[&str],
    ) -> Result<Output, EnvironmentError> {
        let configuration = configuration.to_string_lossy();
        let configuration = ["--config", &*configuration];
        let all = ["publish"].iter().chain(arguments).chain(&configuration);
        self.environment.run(&sealpost_binary()?, all)
    }

    /// Tells the name server something, such as `add-a`.
    ///
    /// # Errors
    ///
    /// When it does not take it.
    pub fn tell_names(&self, what: &str, json: &str) -> Result<(), EnvironmentError> {
        let url = format!("http://127.0.0.53:8055/{what}");
        self.curl(&["--data", json, &url]).map(drop)
    }

    /// What Pebble signs certificates with, of which the file is given back.
    ///
    /// # Errors
    ///
    /// When it does not say so.
    pub fn authority_root(&self) -> Result<&'static str, EnvironmentError> {
        let root = self.curl(&["--cacert", "/e2e/ca.pem", "https://ca.test:15000/roots/0"])?;
        fs_err::write(self.environment.directory().join("pebble.pem"), root)?;
        Ok("/e2e/pebble.pem")
    }

    /// How many orders Pebble has taken.
    ///
    /// # Errors
    ///
    /// When its log cannot be read.
    pub fn orders(&self) -> Result<usize, EnvironmentError> {
        self.orders_of("pebble")
    }

    /// How many the other one has taken.
    ///
    /// # Errors
    ///
    /// When its log cannot be read.
    pub fn other_orders(&self) -> Result<usize, EnvironmentError> {
        self.orders_of("pebble_dns")
    }

    /// How many proofs Pebble has looked at and found wanting, or not found.
    ///
    /// # Errors
    ///
    /// When its log cannot be read.
    pub fn failed_proofs(&self) -> Result<usize, EnvironmentError> {
        let log = self.environment.log_of("pebble")?;
        Ok(log.lines().filter(|line| line.contains("set INVALID by completed challenge")).count())
    }

    fn orders_of(&self, name: &str) -> Result<usize, EnvironmentError> {
        let log = self.environment.log_of(name)?;
        Ok(log.lines().filter(|line| line.contains("Added order")).count())
    }

    /// What Pebble has said.
    ///
    /// # Errors
    ///
    /// When its log cannot be read.
    pub fn authority_log(&self) -> Result<String, EnvironmentError> {
        self.environment.log_of("pebble")
    }

    /// Runs curl, and gives what it fetched.
    ///
    /// # Errors
    ///
    /// When it fails, as with a status that is none of success.
    pub fn curl(&self, arguments: &[&str]) -> Result<Vec<u8>, EnvironmentError> {
        let fixed = ["--silent", "--show-error", "--fail", "--max-time", "10"];
        let arguments: Vec<&str> = fixed.into_iter().chain(arguments.iter().copied()).collect();
        let output = self.environment.run_inside("curl", &arguments)?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let detail = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(EnvironmentError::Program { program: format!("curl {arguments:?}"), detail })
    }
}

impl PolicyDaemon {
    /// One that is ready.
    fn heard(mut child: Child) -> Result<Self, EnvironmentError> {
        let (sender, said) = channel();
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    // Nobody may listen any more; the daemon must not wait for that.
                    let _ = sender.send(line);
                }
            });
        }
        let daemon = Self { child, said };
        daemon.is_ready()?;
        Ok(daemon)
    }

    /// Waits until it says a line with these words, and gives the line.
    ///
    /// # Errors
    ///
    /// When it ends or is silent for long; the error holds what it said.
    pub fn says(&self, words: &str) -> Result<String, EnvironmentError> {
        self.says_line(words, |line| line.contains(words))
    }

    /// Waits until it says a line with these words, and gives all that it said until then.
    ///
    /// # Errors
    ///
    /// As for [`Self::says`].
    pub fn heard_until(&self, words: &str) -> Result<String, EnvironmentError> {
        let heard = std::cell::RefCell::new(String::new());
        self.says_line(words, |line| {
            let mut heard = heard.borrow_mut();
            heard.push_str(line);
            heard.push('\n');
            line.contains(words)
        })?;
        Ok(heard.into_inner())
    }

    fn is_ready(&self) -> Result<String, EnvironmentError> {
        self.says_line("ready", |line| {
            line == "ready" || line.starts_with("ready, ") || line.starts_with("ready: ")
        })
    }

    fn says_line(
        &self,
        words: &str,
        is_it: impl Fn(&str) -> bool,
    ) -> Result<String, EnvironmentError> {
        let mut before = String::new();
        loop {
            match self.said.recv_timeout(PATIENCE) {
                Ok(line) if is_it(&line) => return Ok(line),
                Ok(line) => before = format!("{before}\n{line}"),
                Err(error) => {
                    let why = match error {
                        RecvTimeoutError::Timeout => "it goes on without saying",
                        RecvTimeoutError::Disconnected => "it ended without saying",
                    };
                    return Err(EnvironmentError::NotReady(format!("{why} {words:?}:{before}")));
                }
            }
        }
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn kill(mut self) -> Result<(), EnvironmentError> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal, such as `-HUP`.
    ///
    /// # Errors
    ///
    /// When it has ended already.
    pub fn signal(&self, signal: &str) -> Result<(), EnvironmentError> {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status()?;
        Ok(())
    }
}

impl Drop for PolicyDaemon {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configure(directory: &Path, validity: u32, proxy: &str) -> Result<(), EnvironmentError> {
    for name in ["log", "certificates"] {
        fs_err::create_dir(directory.join(name))?;
    }
    let authority = Authority::create()?;
    let identity = authority.identity("ca.test", LeafKind::Good)?;
    let pebble = PEBBLE.replace("VALIDITY", &validity.to_string()).replace("EXTERNAL", EXTERNAL);
    let strict = pebble.replace("Required\": false", "Required\": true");
    let proxied = authority.identity("mta-sts.proxied.test", LeafKind::Good)?;
    let files = [
        ("ca.pem", authority.root_pem().to_owned()),
        ("issuer.pem", authority.to_pem()),
        ("certificates/ca.test.pem", identity.pem),
        ("certificates/mta-sts.proxied.test.pem", proxied.pem),
        ("pebble.json", pebble.clone()),
        ("pebble-dns.json", strict.replace("14000", "14001").replace("15000", "15001")),
        ("external.key", format!("{EXTERNAL}\n")),
        ("named.conf", NAMED.to_owned()),
        ("test.zone", ZONE.to_owned()),
        ("secret", "c2VhbHBvc3Qtc2VhbHBvc3Qtc2VhbHBvc3Q=\n".to_owned()),
        ("nginx.conf", NGINX.replace("PROXY", proxy)),
        ("resolv.conf", "nameserver 127.0.0.53\n".to_owned()),
        (
            "listeners",
            "127.0.0.53 53\n127.0.0.55 53\n127.0.0.54 14000\n127.0.0.54 14001\n".to_owned(),
        ),
    ];
    for (name, text) in files {
        fs_err::write(directory.join(name), text)?;
    }
    Ok(())
}
