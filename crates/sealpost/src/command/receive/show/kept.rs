//! What became of a report in a store.

use std::path::Path;

use sealpost_evidence::traffic::{Day, Trust};
use sealpost_receive::{Allowance, Document, Limits, OurDomains, Received, accounts};
use sealpost_store::reports::{Content, DayRange, Echo, NewReport, ReportFilter, Scope, Subject};
use sealpost_store::{Digest, StoreError};

use super::model::StoredShown;
use crate::arguments::ReceiveConfiguration;
use crate::command::receive::list::{state, trust};
use crate::command::receive::stored::Stored;
use crate::outcome::Failure;

/// Reports on one domain and day that are looked at in each scope.
const MOST: u32 = 1000;

/// The store, if one was named.
pub(super) struct Kept(Option<Stored>);

impl Kept {
    pub(super) async fn open(store: Option<&Path>) -> Result<Self, Failure> {
        let Some(store) = store else { return Ok(Self(None)) };
        let arguments = ReceiveConfiguration { config: None, store: Some(store.to_owned()) };
        Ok(Self(Some(Stored::open_to_read(&arguments).await?)))
    }

    /// What is stored of a report, one for each of its domains; `None` without a store.
    pub(super) async fn of(
        &self,
        document: &Document,
    ) -> Result<Option<Vec<StoredShown>>, Failure> {
        let Some(stored) = &self.0 else { return Ok(None) };
        // Only what identifies it is asked for.
        let trust = Trust::Unverified { reason: String::new() };
        let received = Received { raw: Digest::of(&document.json), place: 0, at: 0, trust };
        let mut found = Vec::new();
        let ours = OurDomains::default();
        let mut allowance = Allowance::new(&Limits::default());
        for account in accounts(document.clone(), &received, &ours, &mut allowance) {
            for scope in Scope::ALL {
                let reports = find(stored, &account, scope).await;
                found.extend(reports.map_err(|error| stored.failure(&error))?);
            }
        }
        Ok(Some(found))
    }
}

async fn find(
    stored: &Stored,
    account: &NewReport,
    scope: Scope,
) -> Result<Vec<StoredShown>, StoreError> {
    let reports = stored.reports();
    let last = Day::of(account.ends_at);
    let days = DayRange { first: last.plus(-1), last: last.plus(1) };
    let subject = Subject { domain: account.domain.clone(), reporter: None };
    let filter = ReportFilter { scope, subject, days, content: Content::Any };
    let page = reports.list(filter, None, MOST).await?;
    // A line end that was added on the way makes other octets of the same report.
    let is_it = |report_id: &str, begins_at: i64, ends_at: i64| {
        report_id == account.report_id
            && (begins_at, ends_at) == (account.begins_at, account.ends_at)
    };
    let mut found = Vec::new();
    for current in page.into_iter().filter(|current| current.domain == account.domain) {
        let is_same = current.payload == account.payload;
        if !is_same && !is_it(&current.report_id, current.begins_at, current.ends_at) {
            continue;
        }
        let id = current.id;
        found.push(current);
        // Lists hold those that count; this one may be what a revision has replaced.
        let newest = if is_same { None } else { reports.report(id).await? };
        for other in newest.into_iter().flat_map(|newest| newest.revisions) {
            let other = reports.report(other).await?.map(|other| other.summary);
            found.extend(other.filter(|other| other.payload == account.payload));
        }
    }
    let echoes = reports.echoes(found.clone()).await?;
    let shown = found.iter().zip(echoes).map(|(summary, echo)| StoredShown {
        number: summary.id.0,
        domain: summary.domain.as_ref().map(ToString::to_string),
        scope: summary.scope.as_str(),
        trust: trust(&summary.trust),
        state: state(summary),
        is_echo: echo == Echo::Likely,
    });
    Ok(shown.collect())
}
