//! The servers that are measured, and how each is started.

use std::{env, error::Error, fs, path::PathBuf, thread, time::Duration};

use crate::{
    dns::Security,
    names::BOGUS,
    process::{Folder, Place, Process, free_address},
};

/// What to start the servers with.
pub struct Programs {
    /// The program of this house.
    pub sealpost: PathBuf,
    /// A Python that has postfix-mta-sts-resolver.
    pub python: Option<PathBuf>,
    /// The program of postfix-tlspol.
    pub tlspol: Option<PathBuf>,
    /// The folder of this bench.
    pub home: PathBuf,
}

/// Whether this house's server asks about DANE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dane {
    /// It leaves DANE to the mail server: one round trip for an unknown domain.
    Unasked,
    /// Its default level is `may`, and the DNS vouches for everything: three round trips, one after the
    /// other, for MX records, addresses and TLSA records; the record of MTA-STS beside them.
    Asked,
}

/// A server and where it listens.
pub struct Server {
    pub process: Process,
    pub tcp: String,
    pub unix: String,
}

/// Starts servers that keep their files in one folder.
pub struct Starter<'a> {
    pub programs: &'a Programs,
    pub folder: &'a Folder,
    pub place: Place,
}

impl Starter<'_> {
    /// The DNS; the address is that of its UDP port.
    pub fn dns(
        &self,
        name: &str,
        delay: Duration,
        security: Security,
    ) -> Result<(Process, String), Box<dyn Error>> {
        let address = free_address()?;
        let milliseconds = delay.as_millis().to_string();
        let mut arguments = vec!["dns", &address, &milliseconds];
        if security == Security::Secure {
            arguments.push("secure");
        }
        let own = env::current_exe()?;
        let process = Process::start(self.folder.path(), name, &own, arguments, Place::Anywhere)?;
        // UDP cannot be tried by connecting; it listens as soon as it runs.
        thread::sleep(Duration::from_millis(200));
        Ok((process, address))
    }

    pub fn echo(&self, name: &str, size: usize) -> Result<Server, Box<dyn Error>> {
        let (tcp, unix) = (free_address()?, self.socket(name));
        let own = env::current_exe()?;
        let arguments = ["echo", &size.to_string(), &tcp, &unix];
        let process = Process::start(self.folder.path(), name, &own, arguments, self.place)?;
        ready(process, tcp, unix)
    }

    /// This house's, with a store of its own that holds what `store` does.
    pub fn sealpost(
        &self,
        name: &str,
        store: &std::path::Path,
        dns: &str,
        dane: Dane,
    ) -> Result<Server, Box<dyn Error>> {
        let (tcp, unix) = (free_address()?, self.socket(name));
        let settings = self.folder.path().join(format!("{name}.toml"));
        let resolvers = format!("resolvers = [\"{dns}\"]\n");
        let text = match dane {
            Dane::Unasked => format!(
                "[network]\n{resolvers}dnssec = \"off\"\n[enforce]\ndefault_level = \"may\"\n"
            ),
            Dane::Asked => format!(
                "[network]\n{resolvers}dnssec = \"trusted-resolver\"\n\
                 [enforce]\ndane = \"on\"\ndefault_level = \"may\"\nmta_{resolvers}\
                 signed_name = \"signed.example.com\"\nbogus_names = [\"{BOGUS}.example.com\"]\n"
            ),
        };
        fs::write(&settings, text)?;
        let arguments = [
            "enforce".as_ref(),
            "--listen".as_ref(),
            tcp.as_ref(),
            "--listen".as_ref(),
            unix.as_ref(),
            "--store".as_ref(),
            store.as_os_str(),
            "--config".as_ref(),
            settings.as_os_str(),
        ];
        let program = &self.programs.sealpost;
        let process = Process::start(self.folder.path(), name, program, arguments, self.place)?;
        ready(process, tcp, unix)
    }

    /// postfix-mta-sts-resolver with `policies` policies in its memory; it listens at one kind of
    /// address only, so there are two of them.
    pub fn python(
        &self,
        dns: &str,
        policies: u64,
    ) -> Result<Option<(Server, Process)>, Box<dyn Error>> {
        let Some(python) = &self.programs.python else { return Ok(None) };
        let script = self.programs.home.join("peers/mta-sts-resolver.py");
        let (tcp, unix) = (free_address()?, self.socket("mta-sts-resolver"));
        let mut processes = Vec::new();
        for (name, address) in [("mta-sts-resolver", &tcp), ("mta-sts-resolver-unix", &unix)] {
            let arguments =
                [script.as_os_str(), address.as_ref(), dns.as_ref(), policies.to_string().as_ref()]
                    .map(ToOwned::to_owned);
            let mut process =
                Process::start(self.folder.path(), name, python, arguments, self.place)?;
            process.wait_for(&[address.clone()])?;
            processes.push(process);
        }
        let (Some(second), Some(first)) = (processes.pop(), processes.pop()) else {
            return Ok(None);
        };
        Ok(Some((Server { process: first, tcp, unix }, second)))
    }

    /// postfix-tlspol; it listens at one address, so there are two of them. Its cache begins empty: it
    /// can be filled by nothing but policy hosts.
    pub fn tlspol(&self, dns: &str) -> Result<Option<(Server, Process)>, Box<dyn Error>> {
        let Some(program) = &self.programs.tlspol else { return Ok(None) };
        let (tcp, unix) = (free_address()?, self.socket("tlspol"));
        let start = |name: &str, address: &String| -> Result<Process, Box<dyn Error>> {
            let file = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
            let settings = format!(
                "server:\n  address: {address}\n  log-level: error\n  prefetch: false\n  \
                 cache-file: {}\ndns:\n  address: {dns}\n",
                file("db").display()
            );
            fs::write(file("yaml"), settings)?;
            let arguments = ["-config".as_ref(), file("yaml").as_os_str()].map(ToOwned::to_owned);
            let mut process =
                Process::start(self.folder.path(), name, program, arguments, self.place)?;
            process.wait_for(std::slice::from_ref(address))?;
            Ok(process)
        };
        let process = start("tlspol", &tcp)?;
        let second = start("tlspol-unix", &unix)?;
        Ok(Some((Server { process, tcp, unix }, second)))
    }

    fn socket(&self, name: &str) -> String {
        format!("unix:{}", self.folder.path().join(format!("{name}.sock")).display())
    }
}

fn ready(mut process: Process, tcp: String, unix: String) -> Result<Server, Box<dyn Error>> {
    process.wait_for(&[tcp.clone(), unix.clone()])?;
    Ok(Server { process, tcp, unix })
}
