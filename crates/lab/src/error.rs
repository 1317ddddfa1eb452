//! Why the lab could not start.

use std::{io, net::SocketAddr, path::PathBuf};

/// Why the lab could not start. Nothing is left running after any of these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The folder for the trust files and the settings could not be made or written.
    #[error("the lab's files could not be written: {0}")]
    Files(#[from] io::Error),

    /// The lab's time lies too far away for certificates with sensible dates.
    #[error("the lab's time is out of range: choose one between the years 2000 and 2200")]
    Time,

    /// An address could not be bound, on any port.
    #[error("{address} could not be bound: {source}{}", loopback_hint(address, source))]
    Bind {
        /// The address and the last port that was tried.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },

    /// The control socket could not be opened; another lab may have the same folder.
    #[error("the control socket {} could not be opened: {source}", path.display())]
    Control {
        /// The socket's file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The certificate authority could not make its certificates.
    #[error("the lab's certificates could not be made: {0}")]
    Certificates(#[from] rcgen::Error),

    /// A zone of the lab's DNS could not be given its key.
    #[error("the keys of the lab's zones could not be made: {0}")]
    ZoneKeys(#[from] hickory_proto::dnssec::DnsSecError),

    /// No MX host of the lab has this name.
    #[error("the lab has no MX host `{0}`")]
    NoMailHost(String),

    /// A name in the fleet is not a DNS name. This is a fault of the table.
    #[error("the fleet holds `{0}`, which is not a DNS name")]
    Name(String),

    /// The fleet needs more addresses than the lab has. This is a fault of the table.
    #[error("the fleet needs more addresses than 127.66.0.0/16 holds")]
    Addresses,
}

/// What to do where the system has only 127.0.0.1.
fn loopback_hint(address: &SocketAddr, source: &io::Error) -> &'static str {
    let is_missing = source.kind() == io::ErrorKind::AddrNotAvailable;
    if address.is_ipv4() && is_missing {
        "; all of 127.66.0.0/16 must be local, as it is on Linux"
    } else {
        ""
    }
}
