//! What would be answered, looked up now.

use std::sync::Arc;

use mail_domain::DomainName;
use mta_sts::cache::{Absence, FetchedPolicy};
use sealpost_net::{Freshness, Network, NextHop};
use sealpost_rules::matrix::{OperatorLevel, StsState};
use sealpost_store::Remembered;
use sealpost_wire::postfix::Reason;

use super::{DaneSeen, Explanation, HeldSeen, HostSeen, PolicySeen, RecordSeen};
use crate::{
    Dane, DaneAnswers, Decided, Exceptions, Mode, RouteSeen, Sts, Treatment, answerer::DaneUse,
};

/// About what, and under which circumstances.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The policy domain.
    pub domain: &'a DomainName,
    /// What the store keeps of it.
    pub stored: Option<Remembered>,
    /// Whether answers follow DANE. It is looked up in any case, to be shown.
    pub dane: DaneAnswers,
    /// The level at which the mail server delivers by itself.
    pub level: OperatorLevel,
    /// What the operator wants otherwise.
    pub exceptions: &'a Exceptions,
    /// Whether answers are given or only recorded.
    pub mode: Mode,
    /// The time, in seconds since 1970.
    pub now: i64,
}

impl Explanation {
    /// Looks up and fetches what there is, with nothing remembered but what the store keeps, and
    /// says what follows.
    pub async fn live(question: Question<'_>, network: &Network) -> Self {
        let Question { domain, stored, dane, level, exceptions, mode, now } = question;
        let next_hop = NextHop::of_domain(domain.clone());
        let (lookup, hosts, route) = tokio::join!(
            network.sts_records(domain, Freshness::WithinTtl),
            network.mx_hosts(domain),
            network.mail_route(&next_hop),
        );
        let record = RecordSeen::of_lookup(lookup);
        let fetched = match &record {
            RecordSeen::Found { .. } => {
                Some(network.sts_policy(domain, Freshness::WithinTtl).await)
            }
            _ => None,
        };
        let policy = fetched.as_ref().map(PolicySeen::new);
        let kept = stored.as_ref().and_then(|stored| kept(stored, now));
        let held = stored.as_ref().map(|stored| {
            HeldSeen::of_store(stored, kept.as_ref().map(FetchedPolicy::policy).as_ref())
        });

        let exception = exceptions.of(domain, now).cloned();
        let treatment = exception.as_ref().map(|exception| &exception.treatment);
        let sts = match treatment {
            Some(Treatment::Pin(policy)) => Sts::Pinned(Arc::clone(policy)),
            _ => sts(&record, fetched, kept),
        };
        let seen = Dane::Seen(Arc::new(RouteSeen::new(&route)));
        let used = match (DaneUse::of(dane, level, treatment), sts.state(treatment)) {
            (DaneUse::Always, _) | (DaneUse::WhereEnforced, StsState::Enforce) => seen.clone(),
            (DaneUse::Never, _) | (DaneUse::WhereEnforced, StsState::Other) => Dane::NotAsked,
        };
        let decided = Decided::new(sts, used, exception, level);
        let hosts = hosts.map_err(|fault| {
            Reason::new(&format!("the MX hosts of {domain} are not known: {}", fault.text))
        });
        let mode = mode.under(decided.exception.as_ref());
        let explained = Self::new(domain, &decided, hosts.clone());
        // What DANE says is shown also where answers do not follow it.
        let mut shown = decided;
        shown.dane = seen;
        let seen_hosts =
            |hosts: Vec<_>| hosts.iter().map(|host| HostSeen::new(host, &shown)).collect();
        Self {
            record,
            policy,
            held,
            mode,
            dane: DaneSeen::new(&shown.dane),
            mx_hosts: hosts.ok().map(seen_hosts),
            ..explained
        }
    }
}

/// The policy that the store keeps, unless it has expired.
fn kept(stored: &Remembered, now: i64) -> Option<FetchedPolicy> {
    let kept = stored.policy.as_ref()?;
    let policy = FetchedPolicy::parse(kept.text.as_slice()).ok()?;
    let expires = kept.fetched_at.saturating_add(policy.max_age().as_secs().into());
    (now <= expires).then_some(policy)
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//# Conversely, if no "live" policy can be discovered via DNS or fetched
//# via HTTPS, but a valid (non-expired) policy exists in the sender's
//# cache, the sender MUST apply that cached policy.
fn sts(
    record: &RecordSeen,
    fetched: Option<Result<FetchedPolicy, sealpost_net::PolicyFetchError>>,
    kept: Option<FetchedPolicy>,
) -> Sts {
    match (record, fetched, kept) {
        (_, Some(Ok(policy)), _) => Sts::Policy(policy),
        (_, _, Some(kept)) => Sts::Policy(kept),
        (_, Some(Err(error)), None) => Sts::NoPolicy(Absence::FetchFailed(error.failure())),
        (RecordSeen::Absent, None, None) => Sts::NoPolicy(Absence::NoRecord),
        (RecordSeen::Unusable, None, None) => Sts::NoPolicy(Absence::RecordUnusable),
        (_, None, None) => Sts::NoPolicy(Absence::RecordUnknown),
    }
}
