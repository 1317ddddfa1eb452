//! From the table of domains to names, addresses and servers.

use std::{
    collections::{HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use crate::{
    Domain, LabError,
    attacker::{self, Attacker},
    authority::{Authority, LazyIdentity},
    domain::policy,
    fleet,
    host::{Address, Certificate, Dialogue, MailHost, Reply, Server, Tlsa, TlsaOf, WebHost},
    reporters::published_keys,
    tls::{Hosted, Tenants},
    zone::{RecordData, Zones},
};

/// Addresses given out in each block 127.66.x.0/24.
const BLOCK: usize = 250;

/// Everything that the lab has to run.
pub(crate) struct Plan {
    pub(crate) zones: Zones,
    pub(crate) https: Vec<(IpAddr, Arc<Tenants<Reply>>)>,
    pub(crate) smtp: Vec<(IpAddr, Arc<Tenants<Dialogue>>)>,
}

/// Does this machine have the IPv6 loopback address?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ipv6 {
    Present,
    Missing,
}

impl Plan {
    pub(crate) fn new(
        zones: Zones,
        authority: &Arc<Authority>,
        attacker: &Arc<Attacker>,
        ipv6: Ipv6,
    ) -> Result<Self, LabError> {
        let mut builder = Builder {
            authority,
            ipv6,
            given: 0,
            zones,
            https: Vec::new(),
            smtp: Vec::new(),
            shared_https: HashMap::new(),
            shared_smtp: HashMap::new(),
            identities: HashMap::new(),
        };
        for provider in fleet::providers() {
            builder.zones.serve(provider.name)?;
            builder.domain(&provider)?;
        }
        for domain in fleet::fleet().iter().chain(fleet::estates()) {
            builder.domain(domain)?;
        }
        builder.attacker(attacker)?;
        builder.reporters()?;
        Ok(builder.finish())
    }

    /// The names of the MX hosts that have an address of their own.
    pub(crate) fn mail_hosts(&self) -> HashSet<String> {
        let hosts = self.smtp.iter().filter_map(|(_, tenants)| match &**tenants {
            Tenants::One(host) => Some(host.name.clone()),
            Tenants::Many(_) | Tenants::Issued(_) => None,
        });
        hosts.collect()
    }
}

struct Builder<'a> {
    authority: &'a Arc<Authority>,
    ipv6: Ipv6,
    /// How many IPv4 addresses were given out.
    given: usize,
    zones: Zones,
    https: Vec<(IpAddr, Arc<Tenants<Reply>>)>,
    smtp: Vec<(IpAddr, Arc<Tenants<Dialogue>>)>,
    shared_https: HashMap<String, Arc<Hosted<Reply>>>,
    shared_smtp: HashMap<String, Arc<Hosted<Dialogue>>>,
    /// One for each host and kind of certificate: a host shows the same at all its addresses.
    identities: HashMap<(String, Certificate), Arc<LazyIdentity>>,
}

impl Builder<'_> {
    fn domain(&mut self, domain: &Domain) -> Result<(), LabError> {
        if let Some(delegation) = domain.delegation {
            self.zones.delegate(domain.name, delegation)?;
        }
        for text in &domain.sts {
            self.text(domain, "_mta-sts", text)?;
        }
        for text in &domain.tls_rpt {
            self.text(domain, "_smtp._tls", text)?;
        }
        for (preference, exchange) in &domain.mx {
            let exchange = domain.full_name(exchange);
            self.zones.add(domain.name, RecordData::Mx(*preference, exchange))?;
        }
        for (label, data) in &domain.records {
            let data = match data {
                RecordData::Alias(target) => {
                    let target = domain.fill(target.as_bytes());
                    RecordData::Alias(String::from_utf8_lossy(&target).into_owned())
                }
                RecordData::Text(strings) => {
                    RecordData::Text(strings.iter().map(|text| domain.fill(text)).collect())
                }
                other => other.clone(),
            };
            self.zones.add(&domain.full_name(label), data)?;
        }
        for (label, ttl) in &domain.ttls {
            self.zones.live(&domain.full_name(label), *ttl)?;
        }
        for (label, extent, flaw) in &domain.flaws {
            self.zones.spoil(&domain.full_name(label), *extent, *flaw)?;
        }
        for (label, record_type, fault) in &domain.faults {
            self.zones.fail(&domain.full_name(label), *record_type, *fault)?;
        }
        if let Some(host) = &domain.policy_host {
            self.web_host(domain, "mta-sts", host)?;
        }
        for (label, host) in &domain.web_hosts {
            self.web_host(domain, label, host)?;
        }
        for host in &domain.mail_hosts {
            self.mail_host(domain, host)?;
        }
        for (label, record) in &domain.tlsa {
            self.tlsa(domain, label, record)?;
        }
        Ok(())
    }

    fn text(&mut self, domain: &Domain, label: &str, strings: &[Vec<u8>]) -> Result<(), LabError> {
        self.zones.add(&domain.full_name(label), RecordData::Text(strings.to_vec()))
    }

    fn web_host(&mut self, domain: &Domain, label: &str, host: &WebHost) -> Result<(), LabError> {
        let name = domain.full_name(label);
        let owner = self.owner(domain, &name, host.alias_of)?;
        let filled = |server: &Server<Reply>| {
            let body = server.conduct.body.as_ref().unwrap_or(&domain.policy);
            let conduct = Reply { body: Some(domain.fill(body)), ..server.conduct.clone() };
            Server { conduct, ..server.clone() }
        };
        for address in &host.ipv4 {
            let ip = self.address(&owner, address)?;
            if let Address::Served(server) = address {
                let hosted = self.hosted(&name, filled(server));
                self.https.push((ip, Arc::new(Tenants::One(Arc::new(hosted)))));
            }
        }
        if let (Some(server), Ipv6::Present) = (&host.ipv6, self.ipv6) {
            self.zones.add(&owner, RecordData::Ipv6(Ipv6Addr::LOCALHOST))?;
            let hosted = self.hosted(&name, filled(server));
            self.shared_https.insert(name, Arc::new(hosted));
        }
        Ok(())
    }

    fn mail_host(&mut self, domain: &Domain, host: &MailHost) -> Result<(), LabError> {
        let name = domain.full_name(host.label);
        let owner = match host.wildcard {
            Some(label) => domain.full_name(label),
            None => self.owner(domain, &name, host.alias_of)?,
        };
        for address in &host.ipv4 {
            let ip = self.address(&owner, address)?;
            if let Address::Served(server) = address {
                let hosted = self.hosted(&name, server.clone());
                self.smtp.push((ip, Arc::new(Tenants::One(Arc::new(hosted)))));
            }
        }
        if let (Some(server), Ipv6::Present) = (&host.ipv6, self.ipv6) {
            self.zones.add(&owner, RecordData::Ipv6(Ipv6Addr::LOCALHOST))?;
            let hosted = self.hosted(&name, server.clone());
            self.shared_smtp.insert(name, Arc::new(hosted));
        }
        Ok(())
    }

    /// A TLSA record for what the host presents at its first address, or for something else. Where
    /// the host is an alias, it stands at the end of that (RFC 7672 §2.2.3).
    fn tlsa(&mut self, domain: &Domain, label: &str, record: &Tlsa) -> Result<(), LabError> {
        let host = domain.mail_hosts.iter().find(|host| host.label == label);
        let mut addresses = host.into_iter().flat_map(|host| &host.ipv4);
        let served = addresses.find_map(|address| match address {
            Address::Served(server) => Some(server.certificate),
            Address::Closed | Address::Elsewhere(_) => None,
        });
        let certificate = served.unwrap_or_else(Certificate::good);
        let identity = self.identity(&domain.full_name(label), certificate);
        let present = identity.get()?;
        let data = self.authority.association(&present, record)?;
        let base = host.and_then(|host| host.alias_of).unwrap_or(label);
        let owner = format!("_25._tcp.{}", domain.full_name(base));
        let Tlsa { usage, selector, matching, .. } = *record;
        self.zones.add(&owner, RecordData::Tlsa(usage, selector, matching, data))
    }

    /// The attacker's own domain and hosts, which have nothing wrong with them but their owner.
    fn attacker(&mut self, attacker: &Arc<Attacker>) -> Result<(), LabError> {
        let (ip, good) = (IpAddr::V4(attacker::ADDRESS), Certificate::good());
        let exchange = RecordData::Mx(10, attacker::MAIL_HOST.to_owned());
        self.zones.add(attacker::DOMAIN, exchange)?;
        for host in [attacker::MAIL_HOST, attacker::POLICY_HOST] {
            self.zones.add(host, RecordData::Ipv4(attacker::ADDRESS))?;
        }
        let identity = attacker.identity(attacker::MAIL_HOST, good);
        let record = Tlsa::new(3, 1, 1, TlsaOf::Leaf);
        let present = identity.get()?;
        let data = self.authority.association(&present, &record)?;
        let owner = format!("_25._tcp.{}", attacker::MAIL_HOST);
        self.zones.add(&owner, RecordData::Tlsa(3, 1, 1, data))?;
        let mail_host = Server::good(Dialogue::Polite);
        let hosted = Hosted::new(attacker::MAIL_HOST.to_owned(), mail_host, identity);
        self.smtp.push((ip, Arc::new(Tenants::One(Arc::new(hosted)))));

        let issuer = Arc::clone(attacker);
        let issue = Box::new(move |name: Option<&str>| issuer.issued(name));
        let issuing = IpAddr::V4(attacker::ISSUING_ADDRESS);
        self.smtp.push((issuing, Arc::new(Tenants::Issued(issue))));

        let body = Some(policy("none", &[], "86400"));
        let policy_host = Server::good(Reply { body, ..Reply::good() });
        let identity = attacker.identity(attacker::POLICY_HOST, good);
        let hosted = Hosted::new(attacker::POLICY_HOST.to_owned(), policy_host, identity);
        self.https.push((ip, Arc::new(Tenants::One(Arc::new(hosted)))));
        Ok(())
    }

    /// The keys with which reporters sign.
    fn reporters(&mut self) -> Result<(), LabError> {
        for (name, text) in published_keys() {
            let strings = text.as_bytes().chunks(255).map(<[u8]>::to_vec).collect();
            self.zones.add(&name, RecordData::Text(strings))?;
        }
        Ok(())
    }

    fn hosted<C>(&mut self, name: &str, server: Server<C>) -> Hosted<C> {
        let identity = self.identity(name, server.certificate);
        Hosted::new(name.to_owned(), server, identity)
    }

    fn identity(&mut self, name: &str, certificate: Certificate) -> Arc<LazyIdentity> {
        let make = || LazyIdentity::new(Arc::clone(self.authority), name.to_owned(), certificate);
        Arc::clone(
            self.identities
                .entry((name.to_owned(), certificate))
                .or_insert_with(|| Arc::new(make())),
        )
    }

    /// The name that owns the host's addresses: its own, or the one that it is an alias of.
    fn owner(
        &mut self,
        domain: &Domain,
        name: &str,
        alias_of: Option<&str>,
    ) -> Result<String, LabError> {
        let Some(label) = alias_of else { return Ok(name.to_owned()) };
        let owner = domain.full_name(label);
        self.zones.add(name, RecordData::Alias(owner.clone()))?;
        Ok(owner)
    }

    /// Finds the address and publishes it.
    fn address<C>(&mut self, owner: &str, address: &Address<C>) -> Result<IpAddr, LabError> {
        let ip = match address {
            Address::Elsewhere(ip) => *ip,
            Address::Served(_) | Address::Closed => self.next_address()?,
        };
        self.zones.add(owner, RecordData::Ipv4(ip))?;
        Ok(IpAddr::V4(ip))
    }

    fn next_address(&mut self) -> Result<Ipv4Addr, LabError> {
        // 127.66.0.0/24 is for the lab itself.
        let block = u8::try_from(1 + self.given / BLOCK).map_err(|_| LabError::Addresses)?;
        let place = u8::try_from(1 + self.given % BLOCK).map_err(|_| LabError::Addresses)?;
        self.given += 1;
        Ok(Ipv4Addr::new(127, 66, block, place))
    }

    fn finish(mut self) -> Plan {
        let shared = IpAddr::V6(Ipv6Addr::LOCALHOST);
        if self.ipv6 == Ipv6::Present {
            self.https.push((shared, Arc::new(Tenants::Many(self.shared_https))));
            self.smtp.push((shared, Arc::new(Tenants::Many(self.shared_smtp))));
        }
        Plan { zones: self.zones, https: self.https, smtp: self.smtp }
    }
}
