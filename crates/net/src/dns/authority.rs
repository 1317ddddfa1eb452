//! What one authoritative server has, asked by itself and not through a resolver or its cache.

use std::net::SocketAddr;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use sealpost_evidence::{LookupFault, LookupFaultKind};

use super::message::{Checking, fault};
use super::upstream::Upstream;
use super::zone_record::{RecordKind, RecordSet, RecordValue};
use crate::deadline::Deadline;

/// The most records of one name and type.
const MOST_RECORDS: usize = 64;

/// The records of a name and type. A CNAME in their place is not followed: they are none.
pub(crate) async fn read(
    server: SocketAddr,
    owner: &str,
    kind: RecordKind,
    deadline: Deadline,
) -> Result<RecordSet, LookupFault> {
    let message = ask(server, owner, kind.record_type(), deadline).await?;
    let mut set = RecordSet { owner: owner.to_owned(), kind, values: Vec::new(), ttl: 0 };
    if message.metadata.response_code == ResponseCode::NXDomain {
        return Ok(set);
    }
    let name = name(owner)?;
    let own = message
        .answers
        .iter()
        .filter(|record| record.name == name && record.record_type() == kind.record_type());
    for record in own {
        set.values.extend(RecordValue::of(&record.data));
        set.ttl = record.ttl;
    }
    if set.values.len() > MOST_RECORDS {
        let text = format!("{owner} has more than {MOST_RECORDS} records of the type {kind}");
        return Err(fault(LookupFaultKind::TooLarge, &text));
    }
    set.values.sort();
    Ok(set)
}

/// How long the records of a name may be kept, as the zone has it.
pub(crate) struct Kept {
    /// Seconds.
    pub(crate) ttl: u32,
    /// Where they are, if the name is an alias: they may be kept for another time there.
    pub(crate) alias: Option<String>,
}

/// How long the records of a name and type may be kept, or that there are none.
pub(crate) async fn kept(
    server: SocketAddr,
    owner: &str,
    kind: RecordType,
    deadline: Deadline,
) -> Result<Kept, LookupFault> {
    let message = ask(server, owner, kind, deadline).await?;
    let name = name(owner)?;
    let own = || message.answers.iter().filter(|record| record.name == name);
    let alias = own().find_map(|record| match &record.data {
        RData::CNAME(target) => Some((record.ttl, target.0.to_ascii())),
        _ => None,
    });
    if let Some((ttl, target)) = alias {
        return Ok(Kept { ttl, alias: Some(target.trim_end_matches('.').to_owned()) });
    }
    let found = own().filter(|record| record.record_type() == kind).map(|record| record.ttl).max();
    // Of what there is not, the start of the zone says how long that holds (RFC 2308 §5).
    let denied = message.authorities.iter().filter_map(|record| match &record.data {
        RData::SOA(start) => Some(record.ttl.min(start.minimum)),
        _ => None,
    });
    Ok(Kept { ttl: found.or_else(|| denied.max()).unwrap_or(0), alias: None })
}

/// The answer of a server that speaks for the zone.
pub(super) async fn ask(
    server: SocketAddr,
    owner: &str,
    kind: RecordType,
    deadline: Deadline,
) -> Result<Message, LookupFault> {
    let query = Query::query(name(owner)?, kind);
    let asked = deadline.bound(Upstream::new(server).ask(&query, Checking::Ours)).await;
    let answer = asked.map_err(|_| {
        let text = format!("{server} did not answer within the deadline");
        fault(LookupFaultKind::TimedOut, &text)
    })??;
    let message = answer.message;
    if !message.metadata.authoritative {
        let text = format!("{server} does not speak for the zone of {owner}");
        return Err(fault(LookupFaultKind::Refused, &text));
    }
    Ok(message)
}

fn name(owner: &str) -> Result<Name, LookupFault> {
    Name::from_ascii(format!("{owner}."))
        .map_err(|error| fault(LookupFaultKind::Malformed, &error.to_string()))
}
