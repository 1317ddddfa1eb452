//! The whole, set up.

use std::net::SocketAddr;
use std::sync::Arc;

use sealpost_evidence::{Dnssec, Observer};
use sealpost_runtime::Clock;
use sealpost_wire::smtp::{EhloName, EhloNameError};

use crate::dns::{self, Dns, TrustAnchor, are_local, system_resolvers};
use crate::gather::{Courtesy, SharedHosts};
use crate::guard::Guard;
use crate::reach::{IPV4_AT_LARGE, IPV6_AT_LARGE, route_to};
use crate::settings::Limits;
use crate::tls::{RootsError, TlsClient, TrustedRoots};
use crate::{Deadlines, DnssecMode, Settings};

/// Looks outward. A clone shares everything with its origin.
#[derive(Clone, Debug)]
pub struct Network {
    pub(crate) means: Arc<Means>,
}

/// All that a look needs.
#[derive(Debug)]
pub(crate) struct Means {
    pub(crate) dns: Dns,
    pub(crate) tls: TlsClient,
    pub(crate) guard: Guard,
    pub(crate) clock: Clock,
    pub(crate) ehlo_name: EhloName,
    pub(crate) https_port: u16,
    pub(crate) smtp_port: u16,
    pub(crate) survey: Survey,
    pub(crate) deadlines: Deadlines,
    pub(crate) limits: Limits,
    pub(crate) courtesy: Courtesy,
    /// Turns for the fetches of who sends mail: no look at others, however many hosts it meets, takes
    /// one of these.
    pub(crate) fetches: Courtesy,
    /// What was seen of MX hosts, where domains share that.
    pub(crate) shared_hosts: Option<SharedHosts>,
    resolvers: Vec<SocketAddr>,
    dnssec: DnssecMode,
    trust_roots: String,
}

/// Shall servers be asked which outdated TLS they speak?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Survey {
    Wanted,
    Unwanted,
}

/// Why nothing can be looked at. The settings must be mended first.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// No resolvers are set, and those of the system can't be read.
    #[error("find the system's DNS resolvers: {0}; name some in the settings")]
    Resolvers(#[source] std::io::Error),
    /// The file of trusted roots can't be used.
    #[error("load the trusted roots: {reason}")]
    TrustRoots {
        /// What is wrong with it; names the file.
        reason: String,
    },
    /// The file of DNSSEC trust anchors can't be used.
    #[error("load the DNSSEC trust anchors: {reason}")]
    TrustAnchors {
        /// What is wrong with it; names the file.
        reason: String,
    },
    /// A resolver is to be trusted whose word anyone on the way could forge (RFC 7672 §2.1.1).
    #[error(
        "trust the DNS resolver {resolver} with DNSSEC: it is not on this machine; \
         set `dnssec = \"validate\"`, or name a resolver on loopback"
    )]
    ResolverElsewhere {
        /// The resolver.
        resolver: SocketAddr,
    },
    /// The EHLO name is not one.
    #[error("use {name:?} as the EHLO name: {source}")]
    EhloName {
        /// The name.
        name: String,
        /// What is wrong with it.
        source: EhloNameError,
    },
}

impl Network {
    /// Sets everything up; opens no connection. `clock` decides which certificates are valid.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, NetworkError> {
        let Settings {
            resolvers,
            https_port,
            smtp_port,
            trust_roots,
            allowed_networks,
            ehlo_name,
            dnssec,
            trust_anchors,
            survey_tls,
            share_hosts,
            last_resolver_first,
            deadlines,
            limits,
        } = settings;
        let mut resolvers = if resolvers.is_empty() {
            system_resolvers().map_err(NetworkError::Resolvers)?
        } else {
            resolvers
        };
        if last_resolver_first {
            resolvers.reverse();
        }
        if let (DnssecMode::TrustedResolver, Some(resolver)) =
            (dnssec, resolvers.iter().copied().find(|resolver| !are_local(&[*resolver])))
        {
            return Err(NetworkError::ResolverElsewhere { resolver });
        }
        let anchors = TrustAnchor::load(trust_anchors.as_deref())
            .map_err(|error| NetworkError::TrustAnchors { reason: error.to_string() })?;
        let ehlo_name = EhloName::parse(&ehlo_name)
            .map_err(|source| NetworkError::EhloName { name: ehlo_name, source })?;
        let roots = TrustedRoots::load(&trust_roots)
            .map_err(|error: RootsError| NetworkError::TrustRoots { reason: error.to_string() })?;
        let means = Means {
            dns: Dns::new(dns::Means {
                resolvers: resolvers.clone(),
                patience: deadlines.dns,
                dnssec,
                anchors,
                clock: clock.clone(),
            }),
            tls: TlsClient::new(roots.store, clock.clone()),
            guard: Guard::new(allowed_networks),
            shared_hosts: share_hosts.then(|| SharedHosts::new(deadlines.domain, clock.clone())),
            clock,
            ehlo_name,
            https_port,
            smtp_port,
            survey: if survey_tls { Survey::Wanted } else { Survey::Unwanted },
            deadlines,
            limits: limits.within_bounds(),
            courtesy: Courtesy::default(),
            fetches: Courtesy::default(),
            resolvers,
            dnssec,
            trust_roots: roots.origin,
        };
        Ok(Self { means: Arc::new(means) })
    }

    /// By whom and how the DNS is asked, and who is believed: two networks of which this is the same call
    /// the same things secure.
    pub fn dns_means(&self) -> String {
        let resolvers: Vec<_> = self.means.resolvers.iter().map(ToString::to_string).collect();
        format!("{:?} {}", self.means.dnssec, resolvers.join(" "))
    }

    /// Whether this program validates answers of the DNS by itself, as far as is known by now. To ask
    /// then takes computing.
    pub fn validates(&self) -> bool {
        self.means.dns.dnssec() == Dnssec::Validated
    }

    /// Who looks, and with what means. The routes of this machine are looked up anew each time; who
    /// says what is secure may only be known after the first look-up.
    pub fn observer(&self) -> Observer {
        let means = &self.means;
        Observer {
            software: concat!("sealpost ", env!("CARGO_PKG_VERSION")).to_owned(),
            ehlo_name: means.ehlo_name.as_str().to_owned(),
            resolvers: means.resolvers.iter().map(ToString::to_string).collect(),
            https_port: means.https_port,
            smtp_port: means.smtp_port,
            trust_roots: means.trust_roots.clone(),
            dnssec: means.dns.dnssec(),
            ipv4: route_to(IPV4_AT_LARGE),
            ipv6: route_to(IPV6_AT_LARGE),
        }
    }
}
