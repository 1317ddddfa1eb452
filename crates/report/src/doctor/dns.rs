//! What the DNS says of the domain that writes, and of the machine that sends.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_dkim::Alignment;
use sealpost_evidence::{Lookup, LookupFault, TextRecord};
use sealpost_net::Network;

use super::{Examined, Health, Reporter, ReporterWay};

/// Addresses that are looked at, at most.
const MOST_ADDRESSES: usize = 16;

/// Whether the author can be written to: receivers refuse mail from domains that cannot.
pub(super) async fn author(domain: &DomainName, network: &Network) -> Examined {
    const WHAT: &str = "mx";
    let hosts = match network.mx_hosts(domain).await {
        Ok(hosts) => hosts,
        Err(fault) => {
            let found =
                format!("the MX records of {domain} could not be looked up: {}", fault.text);
            return Examined::unknown(WHAT, found);
        }
    };
    let remedy = format!("publish an MX record of {domain}, or write from a domain that has one");
    let Some(first) = hosts.first() else {
        let found = format!("{domain} takes no mail: receivers refuse mail from it");
        return Examined::ill(WHAT, Health::Bad, found, remedy);
    };
    if first != domain {
        return Examined::good(WHAT, format!("mail to {domain} goes to {first}"));
    }
    // By its own addresses, which are looked for only where there is no MX record.
    let addresses = network.host_addresses(domain).await;
    if addresses.all().is_empty() {
        let found = format!("{domain} has neither MX nor address: receivers refuse mail from it");
        return Examined::ill(WHAT, Health::Bad, found, remedy);
    }
    Examined::good(WHAT, format!("mail to {domain} goes to {domain}"))
}

/// Whether the domain of the return path says who may send.
pub(super) async fn spf(domain: &DomainName, network: &Network) -> Examined {
    const WHAT: &str = "spf";
    let records = match texts(domain.as_str(), network).await {
        Ok(records) => records,
        Err(fault) => {
            let found =
                format!("the SPF record of {domain} could not be looked up: {}", fault.text);
            return Examined::unknown(WHAT, found);
        }
    };
    let is_spf = |text: &String| {
        text.split_ascii_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("v=spf1"))
    };
    let records: Vec<_> = records.iter().filter(|text| is_spf(text)).collect();
    match records.as_slice() {
        [] => Examined::ill(
            WHAT,
            Health::Doubtful,
            format!("{domain} has no SPF record: some receivers refuse or mark its mail"),
            format!(
                "publish at {domain} a text such as \"v=spf1 mx a:HOST -all\" with the hosts that send"
            ),
        ),
        [one] if one.split_ascii_whitespace().nth(1) == Some("-all") => Examined::ill(
            WHAT,
            Health::Bad,
            format!("{domain} says that nobody may send for it: {}", one.escape_debug()),
            "name the hosts that send before `-all`, or give another return path",
        ),
        [one] => Examined::good(
            WHAT,
            format!("{domain}: {}; see that it covers the host that sends", one.escape_debug()),
        ),
        _ => Examined::ill(
            WHAT,
            Health::Bad,
            format!("{domain} has several SPF records, which is an error to receivers (RFC 7208)"),
            "leave one",
        ),
    }
}

/// Whether our signature is one that DMARC takes for the author's.
pub(super) async fn dmarc(reporter: &Reporter, network: &Network) -> Examined {
    const WHAT: &str = "dmarc";
    let author = &reporter.author;
    // The record of a domain above speaks for those below that have none.
    let mut asked = Some(author.clone());
    let mut record = None;
    while let Some(domain) = asked.take().filter(|domain| domain.labels().nth(1).is_some()) {
        match texts(&format!("_dmarc.{domain}"), network).await {
            Err(fault) => {
                let found =
                    format!("the DMARC record of {domain} could not be looked up: {}", fault.text);
                return Examined::unknown(WHAT, found);
            }
            Ok(found) => {
                record = found.into_iter().find(|text| text.trim_start().starts_with("v=DMARC1"));
            }
        }
        if record.is_some() {
            break;
        }
        asked = domain.parent();
    }
    let Some(record) = record else {
        return Examined::ill(
            WHAT,
            Health::Doubtful,
            format!("{author} has no DMARC record: some receivers want one"),
            format!("publish at _dmarc.{author} the text \"v=DMARC1; p=none\" or a stricter one"),
        );
    };
    let is_strict = record.split(';').any(|tag| {
        tag.split_once('=').is_some_and(|(name, value)| {
            name.trim() == "adkim" && value.trim().eq_ignore_ascii_case("s")
        })
    });
    let aligned = |signer: &DomainName| match is_strict {
        true => signer == author,
        false => Alignment::of(signer, author).is_some(),
    };
    let shown = record.escape_debug();
    if reporter.keys.is_empty() {
        return Examined::good(
            WHAT,
            format!("{shown}; see that the mail server signs for {author}"),
        );
    }
    if reporter.keys.iter().any(|key| aligned(&key.domain)) {
        return Examined::good(WHAT, format!("{shown}; our signature is aligned with {author}"));
    }
    Examined::ill(
        WHAT,
        Health::Bad,
        format!("{shown}: no key of ours signs for {author} itself"),
        format!("give a key whose `domain` is {author}"),
    )
}

/// Whether each address that sends has a name that leads back to it.
pub(super) async fn reverse(reporter: &Reporter, network: &Network) -> Vec<Examined> {
    const WHAT: &str = "reverse-dns";
    let mut addresses: Vec<IpAddr> = reporter.addresses.values().copied().collect();
    if reporter.way == ReporterWay::Direct && addresses.is_empty() {
        addresses = network.host_addresses(&reporter.host).await.all();
        if addresses.is_empty() {
            return vec![Examined::ill(
                WHAT,
                Health::Doubtful,
                format!("{} has no address: receivers do not believe its EHLO", reporter.host),
                "set `ehlo_name` in [network] to the name of this machine, and publish its address",
            )];
        }
    }
    addresses.sort_unstable();
    addresses.dedup();
    let mut all = Vec::new();
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        all.push(match network.reverse_names(address).await {
            Lookup::Unknown(fault) => {
                let found = format!("the name of {address} could not be looked up: {}", fault.text);
                Examined::unknown(WHAT, found)
            }
            Lookup::Absent(_) => Examined::ill(
                WHAT,
                Health::Doubtful,
                format!("{address} has no name: many receivers refuse mail from it"),
                "ask whoever gave you the address for a PTR record with the name of the host",
            ),
            Lookup::Found(found) => match back(&found.value, address, network).await {
                Some(name) => Examined::good(WHAT, format!("{address} is {name}, and back")),
                None => Examined::ill(
                    WHAT,
                    Health::Doubtful,
                    format!("{address} has a name that does not lead back to it"),
                    format!(
                        "publish {address} as an address of the host that its PTR record names"
                    ),
                ),
            },
        });
    }
    all
}

/// The name that leads back to the address, if one of the first few does.
async fn back(names: &[String], address: IpAddr, network: &Network) -> Option<DomainName> {
    for name in names.iter().take(4) {
        let Ok(name) = DomainName::parse(name) else { continue };
        if network.host_addresses(&name).await.all().contains(&address) {
            return Some(name);
        }
    }
    None
}

async fn texts(name: &str, network: &Network) -> Result<Vec<String>, LookupFault> {
    match network.text_records(name).await {
        Lookup::Found(found) => Ok(found
            .value
            .iter()
            .map(|record| String::from_utf8_lossy(TextRecord::text(record).as_slice()).into_owned())
            .collect()),
        Lookup::Absent(_) => Ok(Vec::new()),
        Lookup::Unknown(fault) => Err(fault),
    }
}
