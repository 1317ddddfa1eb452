//! `sealpost report send`

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_report::{
    Considered, DayBuilder, Dispatch, DispatchParts, Occasion, ReportMetrics, face_in,
};
use sealpost_store::{Store, StoreError, submissions::SubmissionState};

use super::{open_to_read, open_to_write, store_failure, with_source};
use crate::arguments::SendArguments;
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

/// Domains, or submissions, that are asked for at a time.
const PAGE: u32 = 500;

pub(super) async fn run(
    arguments: &SendArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let configuration = arguments.store.load()?;
    let section = arguments.store.over(configuration.report.clone());
    let clock = arguments.network.clock();
    let now = clock.now().as_second();
    let day = arguments.day;
    if day >= Day::of(now) {
        return Err(Failure::new(format!("report on {day}: the day is not over, in UTC"))
            .hint("`sealpost report preview` shows what there is so far"));
    }
    let delivery = section.delivery.clone().ok_or_else(|| {
        Failure::new("send reports: how they leave is not configured")
            .hint("write a section [report.delivery]; the page on sending reports shows one")
    })?;
    let network = arguments.network.open_over(configuration.network.clone())?;
    let path = section.store_file();
    let failed = |error: StoreError| store_failure(&path, &error);
    let host = arguments.network.ehlo_name.clone().unwrap_or(configuration.network.ehlo_name);
    let store = match arguments.dry_run {
        true => open_to_read(&path).await?,
        false => open_to_write(&path).await?,
    };
    let (sessions, submissions) = (store.sessions(), store.submissions());
    let face = section.face(&host);
    let mut has_id = true;
    let (builder, dispatch) = if arguments.dry_run {
        let face = face_in(&submissions, face).await.map_err(failed)?;
        has_id = !face.origin.is_empty();
        let builder = DayBuilder::new(sessions, submissions, network, face, delivery.into());
        (builder, None)
    } else {
        let made = Dispatch::new(DispatchParts {
            sessions,
            submissions,
            network,
            face,
            delivery,
            retention_days: section.retention_days,
            node: format!("{host}, process {}", std::process::id()),
            clock,
            metrics: ReportMetrics::default().into(),
        });
        let made = made.await.map_err(|error| Failure::new(with_source(&error)))?;
        (made.builder().clone(), Some(made))
    };
    let occasion = Occasion { now, is_at_once: true, is_last: false };
    let domain = arguments.domain.as_ref();
    let mut told =
        Told { output: &mut *output, has_id, domains: 0, is_unknown: false, failed: None };
    if let Some(domain) = domain {
        let considered = match arguments.dry_run {
            true => builder.consider(day, domain, occasion).await,
            false => builder.build_one(day, domain, occasion).await,
        };
        match considered.map_err(failed)? {
            Some(considered) => told.tell(domain, &considered),
            None => told
                .output
                .say(&format!("{domain}: there was no session on {day}, or it has been decided")),
        }
    } else {
        let tell = |domain: &DomainName, considered: &Considered| told.tell(domain, considered);
        let built = match arguments.dry_run {
            true => builder.look(day, occasion, tell).await,
            false => builder.build(day, occasion, tell).await,
        };
        built.map_err(failed)?;
    }
    if let Some(failure) = told.failed.take() {
        return Err(failure);
    }
    let (domains, is_unknown) = (told.domains, told.is_unknown);
    let mut outcome = if is_unknown { Outcome::Unknown } else { Outcome::Clean };
    if domains == 0 && domain.is_none() {
        output.say(&format!("there is nothing to decide of {day}"));
    }
    if let Some(dispatch) = dispatch {
        dispatch.send_due().await.map_err(failed)?;
        let is_all_there = show(&store, day, domain, output).await?;
        // What could not be told may be told later, and is none of ours yet.
        if !is_all_there && !is_unknown {
            outcome = Outcome::Findings;
        }
    } else if domains == 0 {
        outcome = Outcome::Findings;
    }
    store.close().await;
    Ok(outcome)
}

/// Says what is decided.
struct Told<'o> {
    output: &'o mut Output,
    /// Whether the ids are those of the reports that leave: the store makes its mark for them with the
    /// first one.
    has_id: bool,
    domains: u64,
    is_unknown: bool,
    failed: Option<Failure>,
}

impl Told<'_> {
    fn tell(&mut self, domain: &DomainName, considered: &Considered) {
        self.domains += 1;
        let line = match considered {
            Considered::Report(report) => {
                let places: Vec<&str> =
                    report.destinations.iter().map(|place| place.rua.as_str()).collect();
                let (size, places) = (report.octets.len(), places.join(" and "));
                match self.has_id {
                    true => {
                        let id = &report.report_id;
                        format!("{domain}: report {id}, {size} octets packed, to {places}")
                    }
                    false => format!("{domain}: a report, about {size} octets packed, to {places}"),
                }
            }
            Considered::None(why, text) => format!("{domain}: none ({}): {text}", why.as_str()),
            Considered::Later(text) => {
                self.is_unknown = true;
                format!("{domain}: could not tell where: {text}")
            }
        };
        if let Err(failure) = self.output.line(&without_controls(&line)) {
            self.failed.get_or_insert(failure);
        }
    }
}

/// Shows how the reports of a day stand; whether all have arrived.
async fn show(
    store: &Store,
    day: Day,
    domain: Option<&DomainName>,
    output: &mut Output,
) -> Result<bool, Failure> {
    let submissions = store.submissions();
    let (mut after, mut all, mut any) = (None, true, false);
    loop {
        let page = submissions.list(None, after, PAGE).await;
        let page = page.map_err(|error| Failure::new(with_source(&error)))?;
        let Some(last) = page.last() else { return Ok(all && any) };
        after = Some(last.id);
        let of_day = |one: &&sealpost_store::submissions::Submission| {
            one.day == day && domain.is_none_or(|domain| one.about == *domain)
        };
        for one in page.iter().filter(of_day) {
            any = true;
            let is_there = matches!(
                one.state,
                SubmissionState::Accepted | SubmissionState::Spared | SubmissionState::Reserve
            );
            all &= is_there;
            let answer = one.answer.as_deref().unwrap_or_default();
            let line = format!("{} {} {}: {answer}", one.id.0, one.state.as_str(), one.rua);
            output.line(&without_controls(&line))?;
        }
    }
}
