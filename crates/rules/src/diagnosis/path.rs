//! Did the mail come to us at all?

use std::net::IpAddr;

use mail_domain::DomainName;

use super::case::{Case, Owner, day_of};
use super::causes::{FAIL401, FAIL402, FAIL403, Fault};
use super::known::plain;
use super::verdict::{Draft, Standing};
use crate::provider::Provider;

/// An address or a host that is not ours, if one was reported.
///
/// This comes before all else: what went wrong at a stranger's server says nothing about ours.
pub(super) fn judge(case: &Case<'_>) -> Option<Draft> {
    let owner = case.group.receiving_ip.map(|address| (address, case.owner_of(address)));
    match owner {
        Some((_, Owner::Ours | Owner::OursEarlier)) => None,
        Some((address, owner)) if is_private(address) => Some(private(case, address, owner)),
        Some((address, Owner::Stranger)) if !addresses_change(case) => {
            Some(strange_address(case, address))
        }
        _ => strange_host(case),
    }
}

/// What else is to be said about the address.
pub(super) fn notes(case: &Case<'_>) -> Option<String> {
    let address = case.group.receiving_ip?;
    match case.owner_of(address) {
        Owner::OursEarlier => {
            let earlier = case.earlier_hosts.as_ref().filter(|hosts| hosts.at(address).is_some());
            let day = earlier.and(case.known.earlier).map(|look| day_of(look.observed));
            let when = day.map_or_else(|| "earlier".to_owned(), |day| format!("on {day}"));
            Some(format!("{address} was an address of ours {when} and is none now."))
        }
        Owner::Unknown if is_unseen(case, address) => Some(format!(
            "{address} is not among the addresses{}; it may be newer than they are: look again.",
            as_of(case)
        )),
        Owner::Stranger if !is_private(address) && addresses_change(case) => Some(format!(
            "{address} was not among the addresses seen from here; hosts of large providers have \
             others at other places and times."
        )),
        _ => None,
    }
}

fn private(case: &Case<'_>, address: IpAddr, owner: Owner) -> Draft {
    let sentence = format!(
        "The sender connected to {address} for {}, which is not an address of the public Internet.",
        case.host_text()
    );
    let draft = Draft::new(&FAIL403, Fault::Sender, Standing::Unknown, sentence);
    let draft = match owner {
        Owner::Stranger => draft.ground(known_addresses(case)),
        _ => draft,
    };
    draft.command(case.dig("MX", ""))
}

fn strange_address(case: &Case<'_>, address: IpAddr) -> Draft {
    let sentence = format!(
        "The sender connected to {address} for {}, and that is none of the addresses of our MX \
         hosts: its mail was led elsewhere, or there is a relay of ours that is not known here.",
        case.host_text()
    );
    let mut draft = Draft::new(&FAIL401, Fault::Interference, Standing::Unknown, sentence)
        .ground(known_addresses(case));
    if let Some(name) = strange_name(case) {
        draft = draft.ground(format!("{name} is no MX host of ours either."));
    }
    let arrival = case.group.last_day;
    if case.looked_on().is_some_and(|day| day > arrival.plus(1)) {
        draft = draft.ground(format!(
            "The last of these sessions was on {arrival}, before the addresses were looked at: if \
             one was changed in between, this is the earlier one."
        ));
    }
    draft.command(Some(format!("dig +noall +answer -x {address}")))
}

fn strange_host(case: &Case<'_>) -> Option<Draft> {
    let name = strange_name(case)?;
    let hosts = case.hosts.as_ref()?;
    /// At most so many hosts are written out.
    const SHOWN: usize = 5;
    let ours: Vec<String> =
        hosts.hosts.iter().take(SHOWN).map(|host| host.name.to_string()).collect();
    let sentence = format!(
        "The sender was led to {name} as the MX host of the domain, and no MX record of ours names \
         it."
    );
    let draft = Draft::new(&FAIL402, Fault::Interference, Standing::Unknown, sentence)
        .ground(format!("The MX hosts are {}{}.", ours.join(", "), as_of(case)));
    Some(draft.command(case.dig("MX", "")))
}

/// The reported host, if it is certainly none of ours, now or earlier.
fn strange_name<'a>(case: &'a Case<'_>) -> Option<&'a DomainName> {
    other_name(case).filter(|_| case.is_looked_at_since())
}

/// The reported host, if it would be a stranger's had the MX records been looked at after the
/// sessions. As it is, it may be a new one of ours; nobody is to be told to put it into the policy.
pub(super) fn unseen_name<'a>(case: &'a Case<'_>) -> Option<&'a DomainName> {
    other_name(case).filter(|_| !case.is_looked_at_since())
}

fn other_name<'a>(case: &'a Case<'_>) -> Option<&'a DomainName> {
    let name = case.mx.as_ref()?;
    let hosts = case.hosts.as_ref().filter(|hosts| hosts.names_are_whole)?;
    let is_ours =
        hosts.host(name).is_some() || case.past_hosts().any(|hosts| hosts.host(name).is_some());
    (!is_ours).then_some(name)
}

/// Would it be a stranger's, if the addresses had been looked at after the sessions?
fn is_unseen(case: &Case<'_>, address: IpAddr) -> bool {
    let is_whole = case.hosts.as_ref().is_some_and(|hosts| hosts.addresses_are_whole);
    is_whole && !case.is_looked_at_since() && !is_private(address)
}

fn known_addresses(case: &Case<'_>) -> String {
    /// At most so many addresses are written out.
    const SHOWN: usize = 6;
    let all: Vec<String> = case
        .hosts
        .iter()
        .flat_map(|hosts| &hosts.hosts)
        .flat_map(|host| &host.addresses)
        .map(ToString::to_string)
        .collect();
    let shown = all.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = match all.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("The addresses of the MX hosts are {shown}{more}{}.", as_of(case))
}

pub(super) fn as_of(case: &Case<'_>) -> String {
    match case.looked_on() {
        Some(day) if case.known.mail_hosts.is_none() => format!(", as seen on {day}"),
        _ => String::new(),
    }
}

/// Do the hosts have other addresses at other places and times?
fn addresses_change(case: &Case<'_>) -> bool {
    let is_shared = |host: &DomainName| {
        Provider::of(host).is_some() || host.as_str().ends_with(".mx.microsoft")
    };
    match &case.mx {
        // The name is a claim of the reporter: it helps only if it is ours.
        Some(name) if strange_name(case).is_none() => is_shared(name),
        Some(_) => false,
        None => case.hosts.iter().flat_map(|hosts| &hosts.hosts).any(|host| is_shared(&host.name)),
    }
}

/// Is it an address that no public host has?
fn is_private(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || (a == 100 && b & 0xc0 == 64) // shared by carriers, RFC 6598
        }
        IpAddr::V6(address) => {
            address.is_loopback()
                || address.is_unspecified()
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}
