//! From a question to the reply.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use mail_domain::DomainName;
use sealpost_net::{Network, NextHop};
use sealpost_rules::matrix::{OperatorLevel, SenderDecision, StsState};
use sealpost_runtime::Stopwatch;
use sealpost_wire::{
    postfix::{Answer, Enforced, HostLookup, Key, Profile, Reason, Reply, SmartHost, Table},
    socketmap::{Question, write_reply},
};
use tokio::join;

use crate::{
    Dane, Decided, DecisionLabel, EnforceMetrics, Enforcer, Exception, Exceptions, Mode, Settings,
    Sts, Treatment, mail_hosts::MailHosts, memo::Memo, observations::Observations,
    remarks::Unremarked, routes::Routes,
};

/// The port of mail between servers.
const SMTP: u16 = 25;

/// Answers mail servers from the memory of an [`Enforcer`]. Clones share everything.
#[derive(Clone)]
pub struct Answerer {
    shared: Arc<Shared>,
}

struct Shared {
    enforcer: Enforcer,
    network: Network,
    routes: Routes,
    mail_hosts: MailHosts,
    settings: Settings,
    exceptions: RwLock<Arc<Exceptions>>,
    dane: AtomicBool,
    memo: Memo,
    observations: Observations,
    unremarked: Unremarked,
}

/// Whether answers follow DANE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DaneAnswers {
    /// They do: it is proven that the mail server's resolver validates, and so does ours.
    On,
    /// They do not: MTA-STS decides alone.
    Off,
}

/// Where answers follow DANE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DaneUse {
    Never,
    /// Only where a policy is enforced: everything else the mail server does by itself.
    WhereEnforced,
    Always,
}

impl DaneUse {
    pub(crate) fn of(
        dane: DaneAnswers,
        level: OperatorLevel,
        treatment: Option<&Treatment>,
    ) -> Self {
        match (dane, level) {
            (DaneAnswers::Off, _) => Self::Never,
            (DaneAnswers::On, _) if treatment == Some(&Treatment::Off) => Self::Never,
            // What is required may be had by DANE alone.
            (DaneAnswers::On, _) if treatment == Some(&Treatment::Require) => Self::Always,
            // To find nothing leaves DANE to the mail server.
            (DaneAnswers::On, OperatorLevel::Dane | OperatorLevel::DaneOnly) => Self::WhereEnforced,
            (DaneAnswers::On, _) => Self::Always,
        }
    }
}

impl Answerer {
    /// Answers from this memory, without exceptions and without DANE at first. `network` is asked
    /// about the hosts of next hops. Call this in the runtime in which look-ups shall run.
    pub fn new(enforcer: Enforcer, network: Network, settings: Settings) -> Self {
        let shared = Shared {
            routes: Routes::new(&settings, network.clone(), Arc::clone(enforcer.metrics())),
            mail_hosts: MailHosts::new(&settings, network.clone()),
            enforcer,
            network,
            settings,
            exceptions: RwLock::default(),
            dane: AtomicBool::new(false),
            memo: Memo::default(),
            observations: Observations::default(),
            unremarked: Unremarked::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// From now on these exceptions hold and no others.
    pub fn set_exceptions(&self, exceptions: Exceptions) {
        let mut held = self.shared.exceptions.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(exceptions);
        drop(held);
        self.shared.memo.begin_anew();
    }

    /// From now on answers follow DANE, or do not.
    pub fn set_dane(&self, dane: DaneAnswers) {
        self.shared.dane.store(dane == DaneAnswers::On, Ordering::Relaxed);
        self.shared.memo.begin_anew();
    }

    /// Whether answers follow DANE.
    pub fn dane(&self) -> DaneAnswers {
        if self.shared.dane.load(Ordering::Relaxed) { DaneAnswers::On } else { DaneAnswers::Off }
    }

    /// What would have been answered, where answers are only recorded.
    pub fn observations(&self) -> &Observations {
        &self.shared.observations
    }

    /// The exceptions that hold.
    pub fn exceptions(&self) -> Arc<Exceptions> {
        Arc::clone(&self.shared.exceptions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is counted.
    pub fn metrics(&self) -> &EnforceMetrics {
        self.shared.enforcer.metrics()
    }

    /// Brings those metrics up to date that show a state.
    pub(crate) fn measure(&self) {
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let (metrics, exceptions) = (self.metrics(), self.exceptions());
        let (policies, without_policy) = self.enforcer().sizes();
        metrics.policies.set(count(policies));
        metrics.without_policy.set(count(without_policy));
        metrics.dane.set(i64::from(self.dane() == DaneAnswers::On));
        metrics.exceptions.set(count(exceptions.len()));
        metrics.exceptions_ended.set(count(exceptions.ended(self.enforcer().wall()).count()));
    }

    /// The replies that were kept are made anew.
    pub(crate) fn forget_replies(&self) {
        self.shared.memo.begin_anew();
    }

    /// What no report knows of yet.
    pub(crate) fn unremarked(&self) -> &Unremarked {
        &self.shared.unremarked
    }

    pub(crate) fn network(&self) -> &Network {
        &self.shared.network
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    pub(crate) fn enforcer(&self) -> &Enforcer {
        &self.shared.enforcer
    }

    /// The reply to a question, within [`Settings::deadline`].
    ///
    /// Where nothing is to be demanded, nothing is found: the mail server goes by its own default,
    /// which is never lowered.
    pub async fn answer(&self, question: &Question, table: Table) -> Reply {
        let Some(domain) = question.key.policy_domain() else { return Reply::NotFound };
        let since = Stopwatch::start();
        let (reply, _) = self.reply_about(question, domain, table, since).await;
        self.metrics().answer_seconds.observe(since.elapsed());
        reply
    }

    /// The same for the octets of a socketmap request, and keeps the reply for the next who asks so,
    /// as long as nothing can have changed.
    pub(crate) async fn answer_request(
        &self,
        request: &[u8],
        question: &Question,
        replies: &mut Vec<u8>,
    ) {
        let since = Stopwatch::start();
        let start = replies.len();
        let Some(domain) = question.key.policy_domain() else {
            return write_reply(&Reply::NotFound, replies);
        };
        // Before it is decided: whatever changes meanwhile makes the reply one that is not kept.
        let (turn, lasting) = (self.shared.memo.turn(), self.shared.enforcer.lasting(domain));
        let (reply, decided) = self.reply_about(question, domain, Table::Socketmap, since).await;
        write_reply(&reply, replies);
        if let Some(lasting) = lasting
            && self.may_be_kept(&decided, domain, question.map.profile())
        {
            let reply = replies.get(start..).unwrap_or_default();
            self.shared.memo.keep(request, reply, decided.decision, lasting, turn);
        }
        self.metrics().answer_seconds.observe(since.elapsed());
    }

    /// The reply to the octets of a socketmap request if it was kept.
    pub(crate) fn recall(&self, request: &[u8]) -> Option<Arc<[u8]>> {
        let shared = &*self.shared;
        let (reply, decision) = shared.memo.recall(request, shared.enforcer.at_latest())?;
        let metrics = self.metrics();
        metrics.answers.increment(DecisionLabel(decision));
        metrics.answer_seconds.observe_none();
        Some(reply)
    }

    /// Whether a reply follows from nothing but what is known of the domain.
    fn may_be_kept(&self, decided: &Decided, domain: &DomainName, profile: Profile) -> bool {
        decided.exception.is_none()
            && decided.dane == Dane::NotAsked
            && self.mode(None) == Mode::Enforce
            && !decided.needs_mx_hosts(domain, profile, Table::Socketmap)
    }

    async fn reply_about(
        &self,
        question: &Question,
        domain: &DomainName,
        table: Table,
        since: Stopwatch,
    ) -> (Reply, Decided) {
        let profile = question.map.profile();
        let decided = self.decide(&question.key, domain).await;
        let metrics = self.metrics();
        if decided.exception.is_some() {
            metrics.excepted.increment();
        }
        let label = DecisionLabel(decided.decision);
        if self.mode(decided.exception.as_ref()) == Mode::Observe {
            let observations = &self.shared.observations;
            observations.record(domain, question.map, &decided, self.shared.enforcer.wall());
            metrics.observed.increment(label);
            return (Reply::NotFound, decided);
        }
        metrics.answers.increment(label);
        if let Key::Domain(_) = &question.key {
            self.shared.unremarked.keep(domain, &decided);
        }
        let reply = if decided.needs_mx_hosts(domain, profile, table) {
            let left = self.shared.settings.deadline.saturating_sub(since.elapsed());
            let hosts = self.mx_hosts(&question.key, domain, &decided, left).await;
            reply(domain, &decided, hosts.as_deref(), profile, table)
        } else {
            reply(domain, &decided, Ok(&[]), profile, table)
        };
        (reply, decided)
    }

    /// What is done about a next hop, within [`Settings::deadline`].
    pub async fn decide(&self, key: &Key, domain: &DomainName) -> Decided {
        let shared = &*self.shared;
        let exception = self.exception(domain);
        let level = shared.settings.level;
        let deadline = shared.settings.deadline;
        let sts = async {
            match exception.as_ref().map(|exception| &exception.treatment) {
                Some(Treatment::Off) => Sts::NotAsked,
                Some(Treatment::Pin(policy)) => Sts::Pinned(Arc::clone(policy)),
                _ => shared.enforcer.standing(domain).await.into(),
            }
        };
        let treatment = exception.as_ref().map(|exception| &exception.treatment);
        let (sts, dane) = match DaneUse::of(self.dane(), level, treatment) {
            DaneUse::Never => (sts.await, Dane::NotAsked),
            DaneUse::Always => join!(sts, self.look_for_dane(key, domain, deadline)),
            DaneUse::WhereEnforced => {
                let since = Stopwatch::start();
                let sts = sts.await;
                let dane = match sts.state(treatment) {
                    StsState::Enforce => {
                        let left = deadline.saturating_sub(since.elapsed());
                        self.look_for_dane(key, domain, left).await
                    }
                    StsState::Other => Dane::NotAsked,
                };
                (sts, dane)
            }
        };
        Decided::new(sts, dane, exception, level)
    }

    /// The mode that holds for a domain with this exception.
    pub(crate) fn mode(&self, exception: Option<&Exception>) -> Mode {
        self.shared.settings.mode.under(exception)
    }

    fn exception(&self, domain: &DomainName) -> Option<Exception> {
        let held = self.shared.exceptions.read().unwrap_or_else(PoisonError::into_inner);
        if held.is_empty() {
            return None;
        }
        held.of(domain, self.shared.enforcer.wall()).cloned()
    }

    async fn look_for_dane(&self, key: &Key, domain: &DomainName, patience: Duration) -> Dane {
        let Some(next_hop) = next_hop(key, domain) else { return Dane::NotAsked };
        match self.shared.routes.of(&next_hop, patience).await {
            Some(route) => Dane::Seen(route),
            None => Dane::Pending,
        }
    }

    /// The hosts to which mail for the next hop goes, as far as they are known within `patience`.
    pub(crate) async fn mx_hosts(
        &self,
        key: &Key,
        domain: &DomainName,
        decided: &Decided,
        patience: Duration,
    ) -> Result<Vec<DomainName>, Reason> {
        if let Key::SmartHost(SmartHost { hosts: HostLookup::Address, .. }) = key {
            return Ok(vec![domain.clone()]);
        }
        if let Dane::Seen(route) = &decided.dane {
            return Ok(route.hosts.iter().map(|(name, _)| name.clone()).collect());
        }
        self.shared.mail_hosts.of(domain, patience).await
    }
}

/// The reply for what was decided and the MX hosts of the moment; or why they are not known, which
/// matters only where they are needed.
pub(crate) fn reply(
    domain: &DomainName,
    decided: &Decided,
    hosts: Result<&[DomainName], &Reason>,
    profile: Profile,
    table: Table,
) -> Reply {
    match decided.decision {
        SenderDecision::NotFound => Reply::NotFound,
        SenderDecision::DaneOnly => Answer::DaneOnly.reply(profile, table),
        SenderDecision::Dane => Answer::Dane.reply(profile, table),
        SenderDecision::Temporary => Reply::Temporary(Reason::new(&decided.because(domain))),
        //= https://www.rfc-editor.org/rfc/rfc8461#section-5
        //# (In all cases, MTAs SHOULD treat such failures as
        //# transient errors and retry delivery later.)
        SenderDecision::Secure => {
            match (decided.enforced(domain, hosts.unwrap_or_default()), hosts) {
                // Only a policy makes it so.
                (None, _) => Reply::NotFound,
                (Some(enforced), Err(reason)) if enforced.needs_mx_hosts(profile, table) => {
                    Reply::Temporary(reason.clone())
                }
                (Some(enforced), _) => Answer::Secure(enforced).reply(profile, table),
            }
        }
    }
}

impl Decided {
    fn enforced<'a>(
        &'a self,
        domain: &'a DomainName,
        hosts: &'a [DomainName],
    ) -> Option<Enforced<'a>> {
        Enforced::new(domain, self.policy()?, hosts)
    }

    fn needs_mx_hosts(&self, domain: &DomainName, profile: Profile, table: Table) -> bool {
        self.decision == SenderDecision::Secure
            && self
                .enforced(domain, &[])
                .is_some_and(|enforced| enforced.needs_mx_hosts(profile, table))
    }
}

/// The next hop as DANE sees it. `None` for a port that only the mail server knows by its name: what
/// its TLSA records are called cannot be told.
fn next_hop(key: &Key, domain: &DomainName) -> Option<NextHop> {
    let (hosts, port) = match key {
        Key::SmartHost(smart_host) => (smart_host.hosts, smart_host.port?),
        Key::Domain(_) | Key::NotADomain => (HostLookup::Mx, SMTP),
    };
    Some(NextHop { domain: domain.clone(), hosts, port })
}
