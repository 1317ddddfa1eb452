//! What is in the store.

use std::path::Path;

use sealpost_evidence::traffic::Day;
use sealpost_store::reports::{Content, DayRange, ReportFilter, ReportSummary, Scope, Subject};
use sealpost_store::{RawEntry, RawStore, Settings, Store};
use tokio::runtime::Runtime;

/// All reports of a scope.
pub(crate) fn reports(store: &Path, scope: Scope) -> Vec<ReportSummary> {
    Runtime::new().unwrap().block_on(async {
        let store = Store::open_to_read(Settings::at(store)).await.unwrap();
        let days = DayRange { first: Day::of(0), last: Day::of(4_000_000_000) };
        let subject = Subject::default();
        let filter = ReportFilter { scope, subject, days, content: Content::Any };
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = store.reports().list(filter.clone(), after, 500).await.unwrap();
            let Some(last) = page.last() else { return all };
            after = Some(last.place());
            all.extend(page);
        }
    })
}

/// All that came in.
pub(crate) fn submissions(store: &Path) -> Vec<RawEntry> {
    Runtime::new().unwrap().block_on(async {
        let settings = Settings::at(store).raw_beside();
        let raw = RawStore::open_to_read(settings).await.unwrap();
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let page = raw.list(after, 500).await.unwrap();
            let Some(last) = page.last() else { return all };
            after = last.id;
            all.extend(page);
        }
    })
}
