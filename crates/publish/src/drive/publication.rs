//! What the stage of a domain asks to be live: whether it is, and seeing to it that it becomes so.
//!
//! The order is that of every change of a policy: the body first, on every address of the policy host;
//! then the id, on every server of the zone; and only what was seen there counts as done.

use mta_sts::{Mode, Policy};
use sealpost_net::SetChange;
use sealpost_rollout::{Actor, Horizon, Live, Stage, Time, mx_seen};
use sealpost_store::Rollout;

use super::ledger::Ledger;
use super::seen::{HostSeen, IdSeen, RuaSeen, Seen, same};
use super::{Doing, DriveError, Driver, write_failed};
use crate::dns::{WriteError, changes, lagging};
use crate::host::wants_a_look;
use crate::{DnsRecord, DnsWay, HostWay, PassFailure, PublishedDomain};

/// What publishing came to.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) changes: Vec<SetChange>,
    pub(super) todo: Vec<String>,
    /// What could not be told: nobody has to do anything for it, and the next pass asks again.
    pub(super) untold: Vec<String>,
    pub(super) failures: Vec<PassFailure>,
    /// Something of ours is under way.
    pub(super) is_unfinished: bool,
}

impl Work {
    /// What the stage asks for was not even begun, or not to its end.
    pub(super) fn broken(error: &DriveError) -> Self {
        let failures = vec![error.cause()];
        let todo = vec![format!("failed to {error}")];
        Self { todo, failures, is_unfinished: true, ..Self::default() }
    }

    /// The zone could not be read or written.
    fn fail(&mut self, error: &WriteError) {
        self.todo.push(write_failed(error));
        self.failures.push(PassFailure::Dns);
        self.is_unfinished = true;
    }
}

/// The policy that is asked for now.
fn wanted(published: &PublishedDomain, rollout: &Rollout) -> Result<Option<Policy>, DriveError> {
    published.policy_after(rollout.stage, rollout.history.live()).map_err(|error| {
        DriveError::Policy { domain: published.domain.clone(), reason: error.to_string() }
    })
}

/// Whether what the stage asks for is live.
pub(super) fn live(
    published: &PublishedDomain,
    rollout: &Rollout,
    seen: &Seen,
    since: Option<Time>,
    now: Time,
) -> Result<Live, DriveError> {
    let as_asked = || Live::AsAsked { since: since.unwrap_or(now) };
    let unknown = |why: &str| Live::Unknown { why: why.to_owned() };
    match (rollout.stage, &seen.rua) {
        (Stage::Record, RuaSeen::Unknown(why)) => return Ok(unknown(why)),
        (Stage::Record, found) if !is_rua(published, found) => {
            let todo = rua_todo(published);
            // No server sets a record that nobody named.
            let is_ours = !published.rua.is_empty();
            let todo = if is_ours { missing(published, &todo) } else { todo };
            return Ok(Live::Differs { todo });
        }
        _ => {}
    }
    let Some(policy) = wanted(published, rollout)? else { return Ok(as_asked()) };
    let history = &rollout.history;
    let is_live = history.live().is_some_and(|live| same(live, &policy));
    Ok(match (&seen.host, &seen.id) {
        (HostSeen::Unknown { why, .. }, _) => unknown(why),
        (host, _) if !host.is_everywhere(&policy) || !is_live => {
            Live::Differs { todo: upload(published, &policy) }
        }
        (_, IdSeen::Unknown(why)) if published.dns == DnsWay::Manual => unknown(why),
        _ if history.live_id().is_none() || history.is_id_older() => {
            let id = published.id_after(history, &policy, now);
            let records = published.records(Some(&id));
            Live::Differs { todo: missing(published, &set(records.last())) }
        }
        _ => as_asked(),
    })
}

/// Publishes what the stage asks for, as far as it is ours to do; says what others have to do.
pub(super) async fn publish(
    driver: &Driver,
    published: &PublishedDomain,
    ledger: &mut Ledger,
    seen: &Seen,
) -> Result<Work, DriveError> {
    let stage = ledger.rollout.stage;
    let mut work = Work::default();
    let policy = wanted(published, &ledger.rollout)?;
    let is_served = match &policy {
        Some(policy) => serve(published, policy, ledger, seen, &mut work).await?,
        None => false,
    };
    let goes = if stage == Stage::Removed { going(ledger, seen) } else { Going::Stays };
    if stage == Stage::Removed {
        let host = format!("mta-sts.{}", published.domain);
        let is_served = match published.host {
            HostWay::Own => ledger.rollout.history.live_body().is_some(),
            HostWay::External => matches!(seen.host, HostSeen::Bodies { .. }),
        };
        match (goes, published.host) {
            _ if !is_served => {}
            (Going::Goes, HostWay::Own) => {
                work.is_unfinished = !ledger.unpublish(published).await?;
            }
            (Going::Goes, HostWay::External) => {
                work.todo.push(format!("take the policy off {host}: nobody asks for it any more"));
            }
            (Going::Waits(until), _) => {
                work.todo.push(format!(
                    "{host} goes on serving the policy until {until}: a resolver may remember the \
                     record until then"
                ));
                work.is_unfinished = true;
            }
            // The record is the first to go.
            (Going::Stays, _) => work.is_unfinished = true,
        }
    }
    // The id is that of a policy that every address serves; else it stays as it is.
    let id = policy
        .as_ref()
        .filter(|_| is_served)
        .map(|policy| published.id_after(&ledger.rollout.history, policy, ledger.now));
    let records = published.records(id.as_ref());
    match driver.writer(published) {
        None => ask_for_records(published, stage, &records, seen, ledger, &mut work),
        Some(writer) => {
            let owners = owners(published, stage, id.is_some(), goes);
            let set: Vec<DnsRecord> =
                if stage == Stage::Removed { Vec::new() } else { records.clone() };
            let found = match changes(writer.as_ref(), &owners, &set).await {
                Ok(found) => found,
                Err(error) => {
                    work.fail(&error);
                    return Ok(work);
                }
            };
            work.changes = found;
            if ledger.doing == Doing::Nothing {
                return Ok(work);
            }
            if let Err(error) = writer.write(&work.changes).await {
                work.changes.clear();
                work.fail(&error);
                return Ok(work);
            }
            let is_news = id.as_ref() != ledger.rollout.history.live_id().map(|live| &live.id);
            let is_gone = stage == Stage::Removed && ledger.rollout.history.live_id().is_some();
            let mut behind = Vec::new();
            for owner in &owners {
                match lagging(writer.as_ref(), &driver.network, owner, &set).await {
                    Ok(servers) => behind.extend(servers),
                    Err(error) => behind.push(write_failed(&error)),
                }
            }
            if behind.is_empty() {
                let ttl = std::time::Duration::from_secs(published.ttl.into());
                if let (Some(id), true) = (id, is_news) {
                    ledger.announce(Some(id), ttl, Actor::Itself, None).await?;
                } else if is_gone {
                    ledger.announce(None, ttl, Actor::Itself, None).await?;
                }
            } else {
                work.is_unfinished = true;
                work.failures.push(PassFailure::DnsLag);
                work.todo
                    .extend(behind.into_iter().map(|one| format!("waiting for a server: {one}")));
            }
        }
    }
    Ok(work)
}

/// Sees to it that a policy is served; says whether every address does.
async fn serve(
    published: &PublishedDomain,
    policy: &Policy,
    ledger: &mut Ledger,
    seen: &Seen,
    work: &mut Work,
) -> Result<bool, DriveError> {
    let is_everywhere = seen.host.is_everywhere(policy);
    let is_live = ledger.rollout.history.live().is_some_and(|live| same(live, policy));
    let is_served = is_everywhere && is_live;
    let history = &ledger.rollout.history;
    if is_served && history.live_id().is_some() && !history.is_id_older() {
        return Ok(true);
    }
    if policy.mode() == Mode::Enforce && seen.mail_hosts.is_none() {
        let what = "whether the policy covers every MX host: the MX records could not be looked up";
        work.untold.push(what.to_owned());
        work.is_unfinished = true;
        return Ok(false);
    }
    // A first policy is served as soon as it is configured; that senders fetch it waits for the look.
    if let Some(why) = uncovered(policy, seen, ledger) {
        let what = if is_served { "its id is not announced" } else { "the policy is not served" };
        work.todo.push(format!("{what}{why}"));
        work.is_unfinished = true;
        return Ok(false);
    }
    if is_served {
        return Ok(true);
    }
    let is_ours = published.host == HostWay::Own;
    if is_ours && !is_live && is_written_here(published, policy, ledger) {
        if !ledger.publish(published, policy).await? {
            let what = "it was configured otherwise meanwhile: the next pass goes by that";
            work.todo.push(what.to_owned());
            work.is_unfinished = true;
        }
        return Ok(false);
    }
    let host = format!("mta-sts.{}", published.domain);
    let place = seen.where_missing(policy);
    match &seen.host {
        HostSeen::Unknown { why, .. } if place.is_empty() => {
            work.untold.push(format!("whether {host} serves the policy: {why}"));
        }
        _ if is_ours => {
            work.todo.push(format!("{host} does not serve the policy on every address yet{place}"));
        }
        _ => work.todo.push(upload(published, policy)),
    }
    Ok(false)
}

/// Whether a pass writes down what is served. Where the mode is fixed, that is done by the host, but
/// for what it serves only after this look.
fn is_written_here(published: &PublishedDomain, policy: &Policy, ledger: &Ledger) -> bool {
    let live = ledger.rollout.history.live();
    published.mode.fixed().is_none() || live.is_some_and(|live| wants_a_look(live, policy))
}

/// What speaks against a policy of mode enforce: it leaves out a host that senders still find.
fn uncovered(policy: &Policy, seen: &Seen, ledger: &Ledger) -> Option<String> {
    if policy.mode() != Mode::Enforce {
        return None;
    }
    let mut hosts = seen.mail_hosts.iter().flat_map(|(hosts, _)| hosts);
    if let Some(host) = hosts.find(|host| policy.covers(host).is_none()) {
        return Some(format!(
            ": the policy leaves {host}, an MX host, uncovered; add it to mx, or let `sealpost \
             publish plan` say when it may go"
        ));
    }
    let now = ledger.now;
    let mx = ledger.reckoning.mx(&ledger.rollout.mx, now);
    let of_the_past =
        mx_seen(mx.iter().filter(|set| set.until.is_some()), |host| policy.covers(host).is_none());
    match of_the_past {
        Horizon::Until(until) if until > now => Some(format!(
            " before {until}: until then a cache may hold MX records with hosts that the policy \
             leaves uncovered"
        )),
        Horizon::Nobody | Horizon::Until(_) | Horizon::Open => None,
    }
}

/// Whether policy and policy host go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Going {
    /// They are needed.
    Stays,
    /// A resolver may remember the record until then: whoever sees it asks for the policy.
    Waits(Time),
    /// Nobody asks for them any more.
    Goes,
}

/// Whether policy and policy host go, where the record goes.
fn going(ledger: &Ledger, seen: &Seen) -> Going {
    let now = ledger.now;
    let history = ledger.reckoning.history(&ledger.rollout.history, now);
    if history.live_id().is_some() || matches!(seen.id, IdSeen::Id(..)) {
        return Going::Stays;
    }
    match history.records_forgotten_at() {
        Some(until) if until > now => Going::Waits(until),
        Some(_) | None => Going::Goes,
    }
}

/// The names whose records are ours in this stage.
fn owners(published: &PublishedDomain, stage: Stage, has_id: bool, goes: Going) -> Vec<String> {
    let mut owners = Vec::new();
    if stage == Stage::Nothing && published.mode.fixed().is_none() {
        return owners;
    }
    if !published.rua.is_empty() && stage != Stage::Removed {
        owners.push(published.owner("_smtp._tls"));
    }
    if !published.target.is_empty() && (stage != Stage::Removed || goes == Going::Goes) {
        owners.push(published.owner("mta-sts"));
    }
    if has_id || stage == Stage::Removed {
        owners.push(published.owner("_mta-sts"));
    }
    owners
}

/// What a person has to set, where records are set by hand.
fn ask_for_records(
    published: &PublishedDomain,
    stage: Stage,
    records: &[DnsRecord],
    seen: &Seen,
    ledger: &Ledger,
    work: &mut Work,
) {
    let is_fixed = published.mode.fixed().is_some();
    let has_stage = is_fixed || !matches!(stage, Stage::Nothing | Stage::Removed);
    if has_stage && !matches!(seen.rua, RuaSeen::Unknown(_)) && !is_rua(published, &seen.rua) {
        work.todo.push(rua_todo(published));
    }
    if has_stage && seen.host == HostSeen::Nothing {
        let host = published.owner("mta-sts");
        let of_host = records.iter().filter(|record| record.name == host);
        work.todo.extend(of_host.map(|record| set(Some(record))));
    }
    let history = &ledger.rollout.history;
    let sts = published.owner("_mta-sts");
    if let Some(record) = records.iter().find(|record| record.name == sts)
        && (history.live_id().is_none() || history.is_id_older())
    {
        work.todo.push(set(Some(record)));
    }
    if stage == Stage::Removed && matches!(seen.id, IdSeen::Id(..)) {
        work.todo.push(format!("remove the TXT record {sts}.: nobody can hold a policy any more"));
    }
}

/// Do reports go where they are wanted? Without a wish, anywhere.
fn is_rua(published: &PublishedDomain, found: &RuaSeen) -> bool {
    match found {
        RuaSeen::To(_) if published.rua.is_empty() => true,
        RuaSeen::To(uris) => published.rua.iter().all(|uri| uris.contains(uri)),
        RuaSeen::Nothing | RuaSeen::Unknown(_) => false,
    }
}

fn rua_todo(published: &PublishedDomain) -> String {
    let owner = published.owner("_smtp._tls");
    let records = published.records(None);
    match records.iter().find(|record| record.name == owner) {
        Some(record) => set(Some(record)),
        None => {
            format!("set a TLS-RPT record at {owner}., or name an address for reports with rua")
        }
    }
}

fn set(record: Option<&DnsRecord>) -> String {
    record.map_or_else(String::new, |record| format!("set {record}"))
}

/// What stands out, by who sees to it: a person is asked for it only if nobody else does it.
fn missing(published: &PublishedDomain, todo: &str) -> String {
    match &published.dns {
        DnsWay::Manual => todo.to_owned(),
        DnsWay::Server(name) => {
            format!("the DNS server {name} is to {todo}, and every server of the zone to have it")
        }
    }
}

fn upload(published: &PublishedDomain, policy: &Policy) -> String {
    let host = format!("mta-sts.{}", published.domain);
    let lines: Vec<String> = policy.to_string().lines().map(|line| format!("  {line}")).collect();
    format!("serve at https://{host}/.well-known/mta-sts.txt:\n{}", lines.join("\n"))
}
