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
    domain_day,
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
        let counted = domain_day(&self.sessions, day, domain.clone()).await?;
        if counted.sessions.is_empty() {
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
        let is_counted =
            self.delivery.own_mails == OwnMails::Counted && self.delivery.mail != MailWay::Direct;
        let mails = match is_counted {
            true => self.submissions.mails(day.begins_at(), day.plus(1).begins_at()).await?,
            false => HashMap::new(),
        };
        Ok(Conditions { suppressed, mails })
    }

    async fn consider_all(
        &self,
        day: Day,
        domains: Vec<DomainName>,
        occasion: Occasion,
        conditions: &Arc<Conditions>,
    ) -> Result<Vec<(DomainName, Considered)>, StoreError> {
        let mut working = JoinSet::new();
        let mut considered = Vec::new();
        let mut domains = domains.into_iter();
        loop {
            while working.len() < TOGETHER
                && let Some(domain) = domains.next()
            {
                let (builder, conditions) = (self.clone(), Arc::clone(conditions));
                working.spawn(async move {
                    let of = builder.of(day, domain.clone(), occasion, &conditions).await;
                    of.map(|considered| (domain, considered))
                });
            }
            match working.join_next().await {
                None => return Ok(considered),
                Some(Ok(one)) => considered.push(one?),
                Some(Err(error)) if error.is_panic() => {
                    std::panic::resume_unwind(error.into_panic());
                }
                Some(Err(_)) => {}
            }
        }
    }

    async fn of(
        &self,
        day: Day,
        domain: DomainName,
        occasion: Occasion,
        conditions: &Conditions,
    ) -> Result<Considered, StoreError> {
        let mut counted = domain_day(&self.sessions, day, domain.clone()).await?;
        //= https://www.rfc-editor.org/rfc/rfc8460#section-3
        //# SHOULD NOT include this SMTP session in the
        //# next report.
        let mails = conditions.mails.get(domain.as_str()).copied().unwrap_or_default();
        counted.sessions.leave_out(mails);
        if counted.sessions.is_empty() {
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
        Ok(Considered::Report(self.queued(day, domain, &report, &uris, occasion)))
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
            octets: report.gzip().to_vec(),
            goal: match self.delivery.destinations {
                Destinations::All => Goal::All,
                Destinations::First => Goal::First,
            },
            report_id,
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
