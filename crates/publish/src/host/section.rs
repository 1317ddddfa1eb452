//! What the operator writes about the policy host.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use sealpost_listen::Address;
use serde::Deserialize;

/// The section `[publish.host]`.
///
/// ```toml
/// [publish.host]
/// https = ["192.0.2.80:443", "[2001:db8::80]:443"]
/// http = ["192.0.2.80:80"]       # challenges of an authority by http-01, and nothing else
/// proxied = ["127.0.0.1:8460"]   # plain HTTP, for a web server that speaks TLS itself
/// health = ["127.0.0.1:8462"]    # /health and /metrics
/// certificates = "certificates"  # a folder, as certbot fills /etc/letsencrypt/live
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HostSection {
    /// How the host is called among those that share a store and have different domains; by default it
    /// has no name. Each answers for its own domains only.
    pub name: String,
    /// Where to serve policies over HTTPS.
    pub https: Vec<Address>,
    /// Where to answer challenges over plain HTTP.
    pub http: Vec<Address>,
    /// Where to serve policies over plain HTTP, behind a proxy that passes `Host` on.
    pub proxied: Vec<Address>,
    /// Where to answer `/health` and `/metrics`.
    pub health: Vec<Address>,
    /// A folder with a folder for each policy host, in it `fullchain.pem` and `privkey.pem`.
    #[schemars(extend("x-path" = "folder"))]
    pub certificates: Option<PathBuf>,
    /// The addresses that policy hosts must have in the DNS before a certificate is ordered; by
    /// default those of a domain's `target`.
    pub addresses: Vec<IpAddr>,
    /// Connections at a time: 25,000.
    pub connections: usize,
    /// Connections at a time from one address, or from one /64: 256.
    pub connections_per_source: usize,
    /// Seconds until a connection that asks for nothing is closed: 30.
    #[schemars(range(min = 1, max = 3_600))]
    pub idle_seconds: u64,
}

impl HostSection {
    /// Paths that are not absolute start from this folder.
    pub(crate) fn relative_to(&mut self, folder: &Path) {
        if let Some(path) = &mut self.certificates {
            *path = folder.join(&*path);
        }
    }
}

impl Default for HostSection {
    fn default() -> Self {
        Self {
            name: String::new(),
            https: Vec::new(),
            http: Vec::new(),
            proxied: Vec::new(),
            health: Vec::new(),
            certificates: None,
            addresses: Vec::new(),
            connections: 25_000,
            connections_per_source: 256,
            idle_seconds: 30,
        }
    }
}
