//! The reports of a day that is over.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_net::{MailWay, Network};
use sealpost_store::{
    Sessions, StoreError, Submissions,
    submissions::{Decision, Goal, NewDestination, NewSubmissions, Verdict},
};
use tls_rpt::{PackedReport, ReportFace, ReportUri};
use tokio::task::JoinSet;

use super::{
    courier::seed,
    destinations::{Wanted, host, look_up},
};
use crate::{
    CountedDay, domain_day,
    section::{Delivery, Destinations, OwnMails},
};

/// Domains that are asked for, and decided, at a time.
const PAGE: u32 = 500;
/// Domains that are worked on at a time: what takes long is to look up their records.
const TOGETHER: usize = 64;
/// Suppressed destinations that are asked for at a time.
const SUPPRESSIONS: u32 = 1_000;
/// What the store takes of one report.
const MOST_PACKED: usize = 16 << 20;
/// The longest id that the store takes.
const LONGEST_ID: usize = 512;

/// Makes the reports of a day and queues them. Clones share everything.
#[derive(Clone)]
pub struct DayBuilder {
    sessions: Sessions,
    submissions: Submissions,
    network: Network,
    face: Arc<ReportFace>,
    delivery: Arc<Delivery>,
}

/// When reports are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The time, in seconds since 1970.
    pub now: i64,
    /// Whether they are due at once, or spread over the hours of the configuration.
    pub is_at_once: bool,
    /// Whether it is decided now of domains whose record cannot be looked up.
    pub is_last: bool,
}

/// What there is to be done about a domain on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Considered {
    /// This is to be sent.
    Report(NewSubmissions),
    /// Nothing, for this reason.
    None(Verdict, String),
    /// It could not be told where reports are wanted: later.
    Later(String),
}

/// What was made of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Built {
    /// Reports that were queued.
    pub queued: u64,
    /// Domains that get none.
    pub without: u64,
    /// Domains that could not be told of.
    pub later: u64,
}

/// What becomes of what was considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Decide,
    Look,
}

/// What holds for all domains of a day.
struct Conditions {
    suppressed: HashSet<String>,
    /// Mails that the mail server took from us on the day, by the domain that they went to.
    mails: HashMap<String, u64>,
    /// Whether the mail server may have told of them.
    own_mails: OwnMails,
}

/// What the reports on other domains say of sessions with a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Elsewhere {
    /// They go to none of the places of the host: it hears of them here.
    No,
    /// They go to one of its places, and tell the same.
    Yes,
    /// It could not be told where they go.
    Unknown,
}

impl DayBuilder {
    /// Makes reports of this face, from these sessions, for this queue.
    pub fn new(
        sessions: Sessions,
        submissions: Submissions,
        network: Network,
        face: ReportFace,
        delivery: Arc<Delivery>,
    ) -> Self {
        Self { sessions, submissions, network, face: Arc::new(face), delivery }
    }

    /// Decides about each domain of a day of which nothing is decided. `told` hears of each; its
    /// report, if there is one, is in the queue then.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says. What was decided stays, so that it may be repeated.
    pub async fn build(
        &self,
        day: Day,
        occasion: Occasion,
        told: impl FnMut(&DomainName, &Considered),
    ) -> Result<Built, StoreError> {
        self.walk(day, occasion, Deed::Decide, told).await
    }

    /// Says what [`Self::build`] would decide; nothing is written.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn look(
        &self,
        day: Day,
        occasion: Occasion,
        told: impl FnMut(&DomainName, &Considered),
    ) -> Result<Built, StoreError> {
        self.walk(day, occasion, Deed::Look, told).await
    }

    async fn walk(
        &self,
        day: Day,
        occasion: Occasion,
        deed: Deed,
        mut told: impl FnMut(&DomainName, &Considered),
    ) -> Result<Built, StoreError> {
        let conditions = Arc::new(self.conditions(day, occasion.now).await?);
        let (mut built, mut after) = (Built::default(), None);
        loop {
            let page = self.submissions.undecided(day, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(built) };
            after = Some(last.clone());
            let considered = self.consider_all(day, page, occasion, &conditions).await?;
            if deed == Deed::Decide {
                let decisions = considered.iter().filter_map(|(domain, considered)| {
                    decision(day, domain, considered, occasion.now)
                });
                self.submissions.decide(decisions.collect()).await?;
            }
            for (domain, considered) in &considered {
                match considered {
                    Considered::Report(_) => built.queued += 1,
                    Considered::None(..) => built.without += 1,
                    Considered::Later(_) => built.later += 1,
                }
                told(domain, considered);
            }
        }
    }

    /// Decides about one domain, if nothing is decided; `None` if it is, or there was no session.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says.
    pub async fn build_one(
        &self,
        day: Day,
        domain: &DomainName,
        occasion: Occasion,
    ) -> Result<Option<Considered>, StoreError> {
        let Some(considered) = self.consider(day, domain, occasion).await? else {
            return Ok(None);
        };
        let decision = decision(day, domain, &considered, occasion.now);
        let decided = self.submissions.decide(decision.into_iter().collect()).await?;
        Ok((decided != [false]).then_some(considered))
    }

    /// What is to be done about one domain; nothing is written. `None` if there was no session.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn consider(
        &self,
        day: Day,
        domain: &DomainName,
        occasion: Occasion,
    ) -> Result<Option<Considered>, StoreError> {
        let counted = domain_day(&self.sessions, day, domain.clone(), 0).await?.sessions;
        let hosted = self.sessions.domains_of_host(day, domain.clone(), None, 1).await?;
        if counted.is_empty() && !counted.has_remarks() && hosted.is_empty() {
            return Ok(None);
        }
        let conditions = self.conditions(day, occasion.now).await?;
        self.of(day, domain.clone(), occasion, &conditions).await.map(Some)
    }

    async fn conditions(&self, day: Day, now: i64) -> Result<Conditions, StoreError> {
        let (mut suppressed, mut after) = (HashSet::new(), None);
        loop {
            let page = self.submissions.suppressed(now, after, SUPPRESSIONS).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.destination.clone());
            suppressed.extend(page.into_iter().map(|one| one.destination));
        }
        // What we send ourselves, the mail server knows nothing of.
        let mails = match self.delivery.mail {
            MailWay::Direct => HashMap::new(),
            _ => self.submissions.mails(day.begins_at(), day.plus(1).begins_at()).await?,
        };
        Ok(Conditions { suppressed, mails, own_mails: self.delivery.own_mails })
    }

    async fn consider_all(
        &self,
        day: Day,
        domains: Vec<DomainName>,
        occasion: Occasion,
        conditions: &Arc<Conditions>,
    ) -> Result<Vec<(DomainName, Considered)>, StoreError> {
        let work = |domain: DomainName| {
            let (builder, conditions) = (self.clone(), Arc::clone(conditions));
            async move {
                let of = builder.of(day, domain.clone(), occasion, &conditions).await;
                of.map(|considered| (domain, considered))
            }
        };
        together(domains, work).await.into_iter().collect()
    }

    async fn of(
        &self,
        day: Day,
        domain: DomainName,
        occasion: Occasion,
        conditions: &Conditions,
    ) -> Result<Considered, StoreError> {
        let mut counted = self.counted(day, domain.clone(), conditions).await?;
        let own = counted.counted;
        let hosted = self.sessions.domains_of_host(day, domain.clone(), None, 1).await?;
        let mails = conditions.mails_to(&domain);
        // Who delivers our reports asks `enforce` too: what that finds is then no reason for a further
        // report, or each would be the reason for the next one.
        let is_asked_for_mail = counted.sessions.has_remarks() && mails == 0;
        if counted.sessions.is_empty() && hosted.is_empty() && !is_asked_for_mail {
            let text = format!("{mails} mails with reports went there, and nothing else");
            return Ok(Considered::None(Verdict::OnlyReports, text));
        }
        let uris = match look_up(&self.network, &domain).await {
            Wanted::Here(uris) => uris,
            Wanted::Nowhere => {
                let text = "it asks for no reports".to_owned();
                return Ok(Considered::None(Verdict::NotWanted, text));
            }
            Wanted::Unknown(text) if occasion.is_last => {
                return Ok(Considered::None(Verdict::Unknown, text));
            }
            Wanted::Unknown(text) => return Ok(Considered::Later(text)),
        };
        if !hosted.is_empty() {
            let added = self.add_hosted(day, &mut counted, &uris, occasion, conditions).await?;
            if let Err(text) = added {
                return Ok(Considered::Later(text));
            }
            if counted.sessions.is_empty() && !is_asked_for_mail {
                let text = "its domains have reports on it that go to the same place".to_owned();
                return Ok(Considered::None(Verdict::ToldElsewhere, text));
            }
        }
        let is_open = |uri: &ReportUri| {
            !conditions.suppressed.contains(uri.as_str())
                && !conditions.suppressed.contains(&host(uri))
        };
        let uris: Vec<ReportUri> = uris.into_iter().filter(is_open).collect();
        if uris.is_empty() {
            let text = "all of its destinations are suppressed".to_owned();
            return Ok(Considered::None(Verdict::Suppressed, text));
        }
        let report = match self.report(&counted.sessions) {
            Ok(report) => report,
            Err(text) => {
                tracing::error!(%domain, %day, %text, "there is no report on a domain");
                return Ok(Considered::None(Verdict::Unfit, text));
            }
        };
        let queued = self.queued(day, domain, &report, &uris, occasion);
        Ok(Considered::Report(NewSubmissions { counted: own, ..queued }))
    }

    /// What was counted of a domain, without our own reports.
    async fn counted(
        &self,
        day: Day,
        domain: DomainName,
        conditions: &Conditions,
    ) -> Result<CountedDay, StoreError> {
        let own = match conditions.own_mails {
            OwnMails::Counted => conditions.mails_to(&domain),
            OwnMails::Uncounted => 0,
        };
        domain_day(&self.sessions, day, domain, own).await
    }

    /// Adds the sessions that other domains had with this host and its TLSA records, but for those
    /// that are told to one of its places anyway. An error means that it could not be told where
    /// they are.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-1.1
    //# For DANE, the Policy
    //# Domain is the "TLSA base domain" of the receiving SMTP server as
    //# described in Section 2.2.3 of RFC 7672 and Section 3 of RFC 6698.
    async fn add_hosted(
        &self,
        day: Day,
        counted: &mut CountedDay,
        uris: &[ReportUri],
        occasion: Occasion,
        conditions: &Conditions,
    ) -> Result<Result<(), String>, StoreError> {
        let host = counted.sessions.domain().clone();
        let mut after = None;
        loop {
            let page = self.sessions.domains_of_host(day, host.clone(), after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(Ok(())) };
            after = Some(last.clone());
            for (domain, elsewhere) in self.are_told(page, uris).await {
                match elsewhere {
                    Elsewhere::Yes => {}
                    // It hears of too little rather than twice.
                    Elsewhere::Unknown if occasion.is_last => {}
                    Elsewhere::Unknown => {
                        return Ok(Err(format!("the record of {domain} could not be looked up")));
                    }
                    Elsewhere::No => {
                        let other = self.counted(day, domain, conditions).await?;
                        counted.sessions.add_dane_of(&other.sessions);
                    }
                }
            }
        }
    }

    /// Whether the reports on these domains go to one of these places.
    async fn are_told(
        &self,
        domains: Vec<DomainName>,
        uris: &[ReportUri],
    ) -> Vec<(DomainName, Elsewhere)> {
        let uris: Arc<[ReportUri]> = uris.into();
        let work = |domain: DomainName| {
            let (network, uris) = (self.network.clone(), Arc::clone(&uris));
            async move {
                let elsewhere = match look_up(&network, &domain).await {
                    Wanted::Here(others) if others.iter().any(|uri| uris.contains(uri)) => {
                        Elsewhere::Yes
                    }
                    Wanted::Here(_) | Wanted::Nowhere => Elsewhere::No,
                    Wanted::Unknown(_) => Elsewhere::Unknown,
                };
                (domain, elsewhere)
            }
        };
        together(domains, work).await
    }

    fn report(&self, sessions: &tls_rpt::DomainDay) -> Result<PackedReport, String> {
        let built = sessions.report(&self.face, 1).map_err(|error| {
            let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
            format!("{error}{}", source.unwrap_or_default())
        })?;
        let packed = PackedReport::pack(&built.report, sessions.domain());
        let packed = packed.map_err(|error| error.to_string())?;
        if packed.gzip().len() > MOST_PACKED || packed.id().to_string().len() > LONGEST_ID {
            return Err("the report, or its id, is too long".to_owned());
        }
        Ok(packed)
    }

    fn queued(
        &self,
        day: Day,
        about: DomainName,
        report: &PackedReport,
        uris: &[ReportUri],
        occasion: Occasion,
    ) -> NewSubmissions {
        let schedule = self.delivery.schedule();
        let report_id = report.id().to_string();
        let place = |uri: &ReportUri| NewDestination {
            rua: uri.as_str().to_owned(),
            host: host(uri),
            due: match occasion.is_at_once {
                true => occasion.now,
                false => schedule.first_attempt(occasion.now, seed(&report_id, uri.as_str())),
            },
            lifetime: i64::try_from(schedule.lifetime.as_secs()).unwrap_or(i64::MAX),
        };
        NewSubmissions {
            destinations: uris.iter().map(place).collect(),
            about,
            day,
            queued_at: occasion.now,
            counted: 0,
            octets: report.gzip().to_vec(),
            goal: match self.delivery.destinations {
                Destinations::All => Goal::All,
                Destinations::First => Goal::First,
            },
            report_id,
        }
    }
}

impl Conditions {
    fn mails_to(&self, domain: &DomainName) -> u64 {
        self.mails.get(domain.as_str()).copied().unwrap_or_default()
    }
}

/// Works on domains, on some at a time, and gives what came of each in the order in which they were
/// done.
async fn together<W, F>(domains: Vec<DomainName>, work: W) -> Vec<F::Output>
where
    W: Fn(DomainName) -> F,
    F: Future<Output: Send + 'static> + Send + 'static,
{
    let (mut working, mut done) = (JoinSet::new(), Vec::new());
    let mut domains = domains.into_iter();
    loop {
        while working.len() < TOGETHER
            && let Some(domain) = domains.next()
        {
            working.spawn(work(domain));
        }
        match working.join_next().await {
            None => return done,
            Some(Ok(one)) => done.push(one),
            Some(Err(error)) if error.is_panic() => {
                std::panic::resume_unwind(error.into_panic());
            }
            Some(Err(_)) => {}
        }
    }
}

fn decision(day: Day, domain: &DomainName, considered: &Considered, now: i64) -> Option<Decision> {
    match considered {
        Considered::Report(report) => Some(Decision::Report(report.clone())),
        Considered::None(why, _) => {
            Some(Decision::None { day, about: domain.clone(), why: *why, now })
        }
        Considered::Later(_) => None,
    }
}
