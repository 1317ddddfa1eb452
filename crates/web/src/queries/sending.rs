//! The reports that we send: those on their way, and the sessions that make the next ones.

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_store::{
    StoreError,
    sessions::DomainSums,
    submissions::{Submission, SubmissionId, SubmissionState, Verdict},
};

use super::{Desk, Extent};
use crate::model::{DecidedDay, Deliveries, DeliveryRow, Sessions, SessionsRow, StateCount};

/// Rows of a page.
const PAGE: u32 = 200;
/// Days that are over, of which it is shown what was decided.
const DECIDED: i64 = 7;

/// Which deliveries are asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeliveriesWanted {
    /// Of any state, if none is named.
    pub(crate) state: Option<SubmissionState>,
    pub(crate) after: Option<i64>,
}

/// Which sessions are asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionsWanted {
    /// Today, if none is named.
    pub(crate) day: Option<Day>,
    pub(crate) after: Option<DomainName>,
}

impl Desk {
    /// A page of the queue.
    pub(crate) async fn deliveries(
        &self,
        wanted: DeliveriesWanted,
        extent: Extent,
    ) -> Result<Deliveries, StoreError> {
        let DeliveriesWanted { state, after } = wanted;
        let submissions = self.store.submissions();
        let counts = submissions.counts().await?;
        let limit = extent.rows(PAGE);
        let page = submissions.list(state, after.map(SubmissionId), limit).await?;
        let next = page.last().map(|last| last.id.0).filter(|_| page.len() == limit as usize);
        Ok(Deliveries {
            since: submissions.sending().await?.map(|sending| sending.since),
            state: state.map(SubmissionState::as_str),
            counts: SubmissionState::ALL
                .into_iter()
                .map(|state| StateCount { state: state.as_str(), count: counts.of(state) })
                .collect(),
            deliveries: page.into_iter().map(DeliveryRow::of).collect(),
            next,
            days: self.decided().await?,
        })
    }

    async fn decided(&self) -> Result<Vec<DecidedDay>, StoreError> {
        let (submissions, today) = (self.store.submissions(), self.today());
        let mut days = Vec::new();
        for day in (1..=DECIDED).map(|back| today.plus(-back)) {
            let counts = submissions.verdicts(day).await?;
            if Verdict::ALL.iter().all(|verdict| counts.of(*verdict) == 0) {
                continue;
            }
            days.push(DecidedDay {
                day,
                queued: counts.of(Verdict::Queued),
                not_wanted: counts.of(Verdict::NotWanted),
                unknown: counts.of(Verdict::Unknown),
                only_reports: counts.of(Verdict::OnlyReports),
                suppressed: counts.of(Verdict::Suppressed),
                unfit: counts.of(Verdict::Unfit),
                told_elsewhere: counts.of(Verdict::ToldElsewhere),
                late_sessions: counts.late(),
            });
        }
        Ok(days)
    }

    /// The domains that had sessions on a day.
    pub(crate) async fn sessions(
        &self,
        wanted: SessionsWanted,
        extent: Extent,
    ) -> Result<Sessions, StoreError> {
        let today = self.today();
        let day = wanted.day.unwrap_or(today);
        let sessions = self.store.sessions();
        let sums = sessions.day(day).await?;
        let limit = extent.rows(PAGE);
        let page = sessions.domains(day, wanted.after, limit).await?;
        let next = page.last().filter(|_| page.len() == limit as usize);
        Ok(Sessions {
            day,
            is_today: day == today,
            count: sums.map_or(0, |sums| sums.domains),
            successful: sums.map_or(0, |sums| sums.successful),
            failed: sums.map_or(0, |sums| sums.failed),
            next: next.map(|last| last.domain.to_string()),
            domains: page.into_iter().map(SessionsRow::of).collect(),
        })
    }
}

impl DeliveryRow {
    fn of(submission: Submission) -> Self {
        let waits = submission.state == SubmissionState::Waiting;
        Self {
            number: submission.id.0,
            state: submission.state.as_str(),
            about: submission.about,
            day: submission.day,
            rua: submission.rua,
            report_id: submission.report_id,
            attempts: submission.attempts,
            next_attempt: waits.then_some(submission.due),
            settled_at: submission.settled_at,
            answer: submission.answer.filter(|answer| !answer.is_empty()),
        }
    }
}

impl SessionsRow {
    fn of(sums: DomainSums) -> Self {
        let DomainSums { domain, successful, failed, seen_at } = sums;
        Self { domain, successful, failed, last_session: seen_at }
    }
}
