//! From the table of domains to names, addresses and servers.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use crate::{
    Domain, LabError,
    authority::Authority,
    host::{Address, Dialogue, MailHost, PolicyHost, Reply, Server},
    tls::{Hosted, Tenants},
    zone::{RecordData, Zone},
};

/// Addresses given out in each block 127.66.x.0/24.
const BLOCK: usize = 250;

/// Everything that the lab has to run.
pub(crate) struct Plan {
    pub(crate) zone: Zone,
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
        fleet: &[Domain],
        authority: &Arc<Authority>,
        ipv6: Ipv6,
    ) -> Result<Self, LabError> {
        let mut builder = Builder {
            authority,
            ipv6,
            given: 0,
            zone: Zone::default(),
            https: Vec::new(),
            smtp: Vec::new(),
            shared_https: HashMap::new(),
            shared_smtp: HashMap::new(),
        };
        for domain in fleet {
            builder.domain(domain)?;
        }
        Ok(builder.finish())
    }
}

struct Builder<'a> {
    authority: &'a Arc<Authority>,
    ipv6: Ipv6,
    /// How many IPv4 addresses were given out.
    given: usize,
    zone: Zone,
    https: Vec<(IpAddr, Arc<Tenants<Reply>>)>,
    smtp: Vec<(IpAddr, Arc<Tenants<Dialogue>>)>,
    shared_https: HashMap<String, Arc<Hosted<Reply>>>,
    shared_smtp: HashMap<String, Arc<Hosted<Dialogue>>>,
}

impl Builder<'_> {
    fn domain(&mut self, domain: &Domain) -> Result<(), LabError> {
        for text in &domain.sts {
            self.text(domain, "_mta-sts", text)?;
        }
        for text in &domain.tls_rpt {
            self.text(domain, "_smtp._tls", text)?;
        }
        for (preference, exchange) in &domain.mx {
            let exchange = domain.full_name(exchange);
            self.zone.add(domain.name, RecordData::Mx(*preference, exchange))?;
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
            self.zone.add(&domain.full_name(label), data)?;
        }
        for (label, record_type, fault) in &domain.faults {
            self.zone.fail(&domain.full_name(label), *record_type, *fault)?;
        }
        if let Some(host) = &domain.policy_host {
            self.policy_host(domain, host)?;
        }
        for host in &domain.mail_hosts {
            self.mail_host(domain, host)?;
        }
        Ok(())
    }

    fn text(&mut self, domain: &Domain, label: &str, strings: &[Vec<u8>]) -> Result<(), LabError> {
        self.zone.add(&domain.full_name(label), RecordData::Text(strings.to_vec()))
    }

    fn policy_host(&mut self, domain: &Domain, host: &PolicyHost) -> Result<(), LabError> {
        let name = domain.full_name("mta-sts");
        let owner = self.owner(domain, &name, host.alias_of)?;
        let filled = |server: &Server<Reply>| {
            let body = server.conduct.body.as_ref().unwrap_or(&domain.policy);
            let conduct = Reply { body: Some(domain.fill(body)), ..server.conduct.clone() };
            Server { conduct, ..server.clone() }
        };
        for address in &host.ipv4 {
            let ip = self.address(&owner, address)?;
            if let Address::Served(server) = address {
                let hosted = Hosted::new(name.clone(), filled(server), Arc::clone(self.authority));
                self.https.push((ip, Arc::new(Tenants::One(Arc::new(hosted)))));
            }
        }
        if let (Some(server), Ipv6::Present) = (&host.ipv6, self.ipv6) {
            self.zone.add(&owner, RecordData::Ipv6(Ipv6Addr::LOCALHOST))?;
            let hosted = Hosted::new(name.clone(), filled(server), Arc::clone(self.authority));
            self.shared_https.insert(name, Arc::new(hosted));
        }
        Ok(())
    }

    fn mail_host(&mut self, domain: &Domain, host: &MailHost) -> Result<(), LabError> {
        let name = domain.full_name(host.label);
        let owner = self.owner(domain, &name, host.alias_of)?;
        for address in &host.ipv4 {
            let ip = self.address(&owner, address)?;
            if let Address::Served(server) = address {
                let hosted = Hosted::new(name.clone(), server.clone(), Arc::clone(self.authority));
                self.smtp.push((ip, Arc::new(Tenants::One(Arc::new(hosted)))));
            }
        }
        if let (Some(server), Ipv6::Present) = (&host.ipv6, self.ipv6) {
            self.zone.add(&owner, RecordData::Ipv6(Ipv6Addr::LOCALHOST))?;
            let hosted = Hosted::new(name.clone(), server.clone(), Arc::clone(self.authority));
            self.shared_smtp.insert(name, Arc::new(hosted));
        }
        Ok(())
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
        self.zone.add(name, RecordData::Alias(owner.clone()))?;
        Ok(owner)
    }

    /// Finds the address and publishes it.
    fn address<C>(&mut self, owner: &str, address: &Address<C>) -> Result<IpAddr, LabError> {
        let ip = match address {
            Address::Elsewhere(ip) => *ip,
            Address::Served(_) | Address::Closed => self.next_address()?,
        };
        self.zone.add(owner, RecordData::Ipv4(ip))?;
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
        Plan { zone: self.zone, https: self.https, smtp: self.smtp }
    }
}
