//! Taking in a report: is it new, and what does it change?

use data_encoding::BASE64URL_NOPAD;
use mail_domain::DomainName;
use rusqlite::{Connection, OptionalExtension as _, Statement, params};
use sealpost_evidence::traffic::{Bounds, Day, Trust};
use sha2::{Digest as _, Sha256};

use super::{
    Accepted, DayShare, NewReport, ReportId, Scope,
    batch::Batch,
    details::{Details, counted},
    new,
    packed::{Packed, Packer},
    sql,
    sums::{self, Counted, Sign},
};
use crate::{
    Digest, StoreError,
    column::{clip, stored},
};

/// Reports with one identity that are kept; older ones that do not count give way.
const REVISIONS: usize = 8;

/// A report as it will be stored, as far as that can be said without looking into the store.
pub(super) struct Prepared {
    scope: Scope,
    /// The first day, so that what comes in together lies together, and 16 octets of SHA-256 of
    /// what identifies the report.
    key: [u8; 20],
    payload: Digest,
    raw: Digest,
    signer: String,
    organisation: String,
    contact: Option<String>,
    domain: Option<DomainName>,
    report_id: String,
    begins_at: i64,
    ends_at: i64,
    received_at: i64,
    place: i64,
    trust: (&'static str, String),
    days: Vec<DayShare>,
    total: DayShare,
    is_failing: bool,
    has_addresses: bool,
    /// Policies that are stored once for all reports: digest and text.
    shown: Vec<([u8; 16], String)>,
    details: Packed,
    sums: DetailSums,
}

/// What the details add to the sums.
pub(super) struct DetailSums {
    /// Policy type, result type, sessions; each pair once.
    pub(super) failures: Vec<(String, String, u64)>,
    /// Code and place; each code once.
    pub(super) repairs: Vec<(String, String)>,
}

impl Prepared {
    pub(super) fn new(report: NewReport, packer: &mut Packer) -> Result<Self, StoreError> {
        if report.days.len() > new::MOST_DAYS {
            return Err(StoreError::refused("it has more than 100 days"));
        }
        let scope = Scope::of(&report.trust, report.ownership);
        let mut shown = Vec::new();
        let details = Details::of(&report, |text| match scope {
            Scope::Counted => {
                let digest = half(Sha256::digest(&text).as_slice());
                shown.push((digest, text));
                BASE64URL_NOPAD.encode(&digest)
            }
            // What is thrown away sooner keeps its policies to itself.
            Scope::Unverified | Scope::NotOurs => text,
        });
        let mut days: Vec<DayShare> = report.days.iter().copied().map(counted).collect();
        days.sort_unstable_by_key(|share| share.day);
        if days.iter().zip(days.iter().skip(1)).any(|(day, next)| day.day == next.day) {
            return Err(StoreError::refused("it has a day twice"));
        }
        if days.is_empty() {
            // A report without sessions still says that its sender is there.
            let day = Day::of(report.ends_at);
            days.push(DayShare { day, successful: Bounds::default(), failed: Bounds::default() });
        }
        let total = total(&days);
        let span = days.first().map_or(0, |first| total.day.number() - first.day.number());
        if span >= i64::try_from(new::MOST_DAYS).unwrap_or(i64::MAX) {
            return Err(StoreError::refused("its days lie more than 100 days apart"));
        }
        let has_failures = details.failures().next().is_some();
        Ok(Self {
            scope,
            key: key(&report),
            payload: report.payload,
            raw: report.raw,
            signer: clip(report.trust.signer(), 253),
            organisation: organisation(&report),
            contact: report.contact.as_deref().map(|text| clip(text, 320)),
            report_id: clip(&report.report_id, 1024),
            begins_at: report.begins_at,
            ends_at: report.ends_at,
            received_at: report.received_at,
            place: report.place,
            trust: stored_trust(&report.trust),
            is_failing: has_failures || total.failed.upper > 0,
            has_addresses: details.has_addresses(),
            sums: DetailSums::of(&details),
            details: packer.pack(&details)?,
            domain: report.domain,
            days,
            total,
            shown,
        })
    }
}

/// Takes in one report. Runs again, it finds a duplicate.
pub(super) fn accept<'p>(
    batch: &mut Batch<'_, 'p>,
    prepared: &'p Prepared,
) -> Result<Accepted, StoreError> {
    let connection = batch.connection;
    let scope = prepared.scope;
    let key = &prepared.key;
    // Nearly always there is nothing under this key.
    let is_known = batch.statements.is_known.query_row([key], |_| Ok(())).optional()?.is_some();
    let same = if is_known { same_payload(connection, prepared)? } else { Vec::new() };
    if let Some((id, _)) = same.iter().find(|(_, number)| *number <= scope.number()) {
        return Ok(Accepted::Duplicate(ReportId(*id)));
    }
    let id = batch.next_report();
    // From now on it is known to be better than what was thought.
    for (id, _) in same {
        batch.settle()?;
        remove(connection, id)?;
    }
    let Prepared { signer, organisation, contact, .. } = prepared;
    let reporter = batch.reporter(signer, organisation, contact.as_deref())?;
    let domain = batch.domain(prepared.domain.as_ref())?;
    let others = if is_known { revisions(connection, prepared, reporter)? } else { Vec::new() };
    let current = others.iter().find(|other| other.is_current);
    let is_current = current.is_none_or(|current| current.is_before(prepared));
    if let Some(current) = current
        && is_current
    {
        batch.settle()?;
        sums::count(connection, &sums::counted(connection, current.id)?, Sign::Minus)?;
        connection.prepare_cached(sql::SET_CURRENT)?.execute([0, current.id])?;
    }
    show_policies(batch, prepared)?;
    insert(&mut batch.statements.add, prepared, id, is_current, (reporter, domain))?;
    if is_current {
        batch.count(Counted {
            id,
            scope: scope.number(),
            reporter,
            domain,
            day: prepared.total.day,
            days: &prepared.days,
            details: &prepared.sums,
        });
    }
    // The oldest come last.
    for other in others.iter().rev().take(others.len().saturating_sub(REVISIONS - 1)) {
        if !other.is_current || is_current {
            connection.prepare_cached(sql::FORGET)?.execute([other.id])?;
        }
    }
    let id = ReportId(id);
    Ok(if others.is_empty() { Accepted::New(id) } else { Accepted::Revision(id) })
}

/// Reports with the same octets, each with the number of its scope, the best scope first.
fn same_payload(
    connection: &Connection,
    prepared: &Prepared,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut same = connection.prepare_cached(sql::SAME_PAYLOAD)?;
    let values = params![prepared.key, prepared.payload.as_bytes()];
    let same = same.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(same.collect::<Result<_, _>>()?)
}

/// Removes a report and what it counted for. If there is an earlier revision, that counts again.
pub(super) fn remove(connection: &Connection, id: i64) -> Result<(), StoreError> {
    let report = sums::counted(connection, id)?;
    let (is_current, key): (i64, [u8; 20]) = connection
        .prepare_cached(sql::COUNTED)?
        .query_row([id], |row| Ok((row.get(1)?, row.get(2)?)))?;
    connection.prepare_cached(sql::FORGET)?.execute([id])?;
    if is_current == 0 {
        return Ok(());
    }
    sums::count(connection, &report, Sign::Minus)?;
    let others = revisions_of(connection, &key, report.scope, report.reporter)?;
    if let Some(newest) = others.first() {
        connection.prepare_cached(sql::SET_CURRENT)?.execute([1, newest.id])?;
        sums::count(connection, &sums::counted(connection, newest.id)?, Sign::Plus)?;
    }
    Ok(())
}

/// A report with the same identity.
struct Revision {
    id: i64,
    is_current: bool,
    received_at: i64,
    place: i64,
}

impl Revision {
    /// Is what came now the later one? Of what came in the same second, as all of an import does,
    /// that is the later one in the order of arrival, in whatever order they are read. Within one
    /// submission it is the one that is taken in later.
    fn is_before(&self, prepared: &Prepared) -> bool {
        (self.received_at, self.place) <= (prepared.received_at, prepared.place)
    }
}

fn revisions(
    connection: &Connection,
    prepared: &Prepared,
    reporter: i64,
) -> Result<Vec<Revision>, StoreError> {
    revisions_of(connection, &prepared.key, prepared.scope.number(), reporter)
}

/// Reports of one identity, newest first.
fn revisions_of(
    connection: &Connection,
    key: &[u8; 20],
    scope: i64,
    reporter: i64,
) -> Result<Vec<Revision>, StoreError> {
    let mut statement = connection.prepare_cached(sql::REVISIONS)?;
    let rows = statement.query_map(params![key, scope, reporter], |row| {
        Ok(Revision {
            id: row.get(0)?,
            is_current: row.get::<_, i64>(1)? == 1,
            received_at: row.get(2)?,
            place: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(
    add: &mut Statement<'_>,
    prepared: &Prepared,
    id: i64,
    is_current: bool,
    (reporter, domain): (i64, i64),
) -> Result<(), StoreError> {
    let total = prepared.total;
    add.execute(params![
        id,
        prepared.scope.number(),
        i64::from(is_current),
        prepared.key,
        prepared.payload.as_bytes(),
        reporter,
        domain,
        total.day.number(),
        prepared.report_id,
        prepared.begins_at,
        prepared.ends_at,
        prepared.received_at,
        prepared.raw.as_bytes(),
        prepared.trust.0,
        prepared.trust.1,
        stored(total.successful.lower),
        stored(total.successful.upper),
        stored(total.failed.lower),
        stored(total.failed.upper),
        i64::from(prepared.is_failing),
        i64::from(prepared.has_addresses),
        prepared.details.details,
        prepared.scope.with(domain),
        prepared.scope.with(reporter),
        prepared.place,
        prepared.details.packed,
    ])?;
    Ok(())
}

fn show_policies(batch: &mut Batch<'_, '_>, prepared: &Prepared) -> Result<(), StoreError> {
    let (connection, is_shown) = (batch.connection, &mut batch.statements.is_shown);
    for (digest, text) in &prepared.shown {
        if is_shown.query_row([digest], |_| Ok(())).optional()?.is_none() {
            let id = next(connection, sql::NEWEST_POLICY)?;
            connection.prepare_cached(sql::SHOW_POLICY)?.execute(params![id, digest, text])?;
        }
    }
    Ok(())
}

/// The number after the newest one.
pub(super) fn next(connection: &Connection, newest: &str) -> Result<i64, StoreError> {
    let newest: i64 = connection.prepare_cached(newest)?.query_row([], |row| row.get(0))?;
    Ok(newest.saturating_add(1))
}

impl DetailSums {
    /// The sums of what is kept, each key once and in order.
    pub(super) fn of(details: &Details<'_>) -> Self {
        let mut failures: Vec<(&str, &str, u64)> = details.kinds().collect();
        failures.sort_unstable();
        failures.dedup_by(|next, kept| {
            let is_alike = (next.0, next.1) == (kept.0, kept.1);
            if is_alike {
                kept.2 = kept.2.saturating_add(next.2);
            }
            is_alike
        });
        let mut repairs: Vec<(String, String)> = details
            .repairs
            .iter()
            .map(|(code, place)| (code.to_string(), place.to_string()))
            .collect();
        repairs.sort();
        repairs.dedup_by(|next, kept| next.0 == kept.0);
        let owned = |(policy, result, sessions): (&str, &str, u64)| {
            (policy.to_owned(), result.to_owned(), sessions.min(new::MOST_SESSIONS))
        };
        Self { failures: failures.into_iter().map(owned).collect(), repairs }
    }
}

/// The name of the organisation, 255 characters at most. Whoever is admitted may hand on the reports of
/// many, who need not name themselves apart.
fn organisation(report: &NewReport) -> String {
    match &report.trust {
        Trust::Admitted { sender: Some(sender), .. } => {
            let sender = format!(" ({sender})");
            let room = 255_usize.saturating_sub(sender.chars().count());
            clip(&(clip(&report.organisation, room) + &sender), 255)
        }
        _ => clip(&report.organisation, 255),
    }
}

/// Signer and scope are not part of it: the same octets are the same report whoever vouches for
/// them, and revisions are looked for by them besides.
fn key(report: &NewReport) -> [u8; 20] {
    let mut hash = Sha256::new();
    let domain = report.domain.as_ref().map_or("", DomainName::as_str);
    for text in [domain, &report.organisation, &report.report_id] {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text);
    }
    hash.update(report.begins_at.to_be_bytes());
    hash.update(report.ends_at.to_be_bytes());
    let day = u32::try_from(Day::of(report.begins_at).number()).unwrap_or(u32::MAX);
    let mut key = [0; 20];
    let hash = half(hash.finalize().as_slice());
    for (octet, to) in day.to_be_bytes().into_iter().chain(hash).zip(&mut key) {
        *to = octet;
    }
    key
}

/// The first 16 octets.
fn half(hash: &[u8]) -> [u8; 16] {
    let mut half = [0; 16];
    for (octet, to) in hash.iter().zip(&mut half) {
        *to = *octet;
    }
    half
}

/// The sum of all days, on the last of them.
fn total(days: &[DayShare]) -> DayShare {
    let none =
        DayShare { day: Day::new(0), successful: Bounds::default(), failed: Bounds::default() };
    days.iter().fold(none, |sum, share| DayShare {
        day: sum.day.max(share.day),
        successful: sum.successful.plus(share.successful),
        failed: sum.failed.plus(share.failed),
    })
}

/// The two columns of a trust. A line break cannot be in a domain, so it parts the two that there
/// may be.
fn stored_trust(trust: &Trust) -> (&'static str, String) {
    match trust {
        Trust::Verified { signer } => ("verified", clip(signer, 253)),
        Trust::Vouched { signer, server } => {
            ("vouched", format!("{}\n{}", clip(signer, 253), clip(server, 253)))
        }
        Trust::Admitted { source, sender: None } => ("admitted", clip(source, 253)),
        Trust::Admitted { source, sender: Some(sender) } => {
            ("admitted", format!("{}\n{}", clip(source, 253), clip(sender, 253)))
        }
        Trust::Unverified { reason } => ("unverified", clip(reason, 64)),
    }
}

/// The trust that was stored.
pub(super) fn trust(kind: &str, detail: String) -> Option<Trust> {
    Some(match kind {
        "verified" => Trust::Verified { signer: detail },
        "vouched" => {
            let (signer, server) = detail.split_once('\n')?;
            Trust::Vouched { signer: signer.to_owned(), server: server.to_owned() }
        }
        "admitted" => match detail.split_once('\n') {
            Some((source, sender)) => {
                Trust::Admitted { source: source.to_owned(), sender: Some(sender.to_owned()) }
            }
            None => Trust::Admitted { source: detail, sender: None },
        },
        "unverified" => Trust::Unverified { reason: detail },
        _ => return None,
    })
}
