//! The targets for what tells of sessions, datagrams of libtlsrpt and lines of a log: what is taken can
//! be counted, stored and reported.

use jiff::civil::date;
use tls_rpt::{
    DomainDay, LogTime, LoggedSession, PolicyCounts, Report, ReportFace, SeenPolicy, Session,
    SessionFailure, SessionOutcome,
};

use crate::names::assert_is_message;

/// A datagram is read; if it is a session, its report is one that our strict reader takes.
pub fn tls_session(octets: &[u8]) {
    let reading = match Session::read(octets) {
        Ok(reading) => reading,
        Err(refusal) => {
            assert_is_message(&refusal.to_string());
            assert!(!refusal.code().is_empty());
            return;
        }
    };
    assert!(reading.repairs.iter().all(|repair| !repair.code().is_empty()));
    let session = reading.session;
    let mut day = DomainDay::new(session.domain, date(2026, 11, 25));
    for seen in session.policies {
        assert_eq!(SeenPolicy::from_json(&seen.policy.to_json()).as_ref(), Some(&seen.policy));
        let mut counts = PolicyCounts::new(2);
        let places = counts.places(&seen.failures);
        counts.count(seen.outcome, &places);
        let Some(changes) = counts.take_changes() else { panic!("a session changes nothing") };
        let expected = match seen.outcome {
            SessionOutcome::Successful => (1, 0),
            SessionOutcome::Failed => (0, 1),
        };
        assert_eq!((changes.successful, changes.failed), expected);
        day.add_totals(seen.policy.clone(), changes.successful, changes.failed);
        for (failure, count) in changes.failures {
            let stored = SessionFailure::from_json(&failure.to_json());
            assert_eq!(stored.as_ref(), Some(&*failure));
            day.add_failure(seen.policy.clone(), (*failure).clone(), count);
        }
    }
    match day.report(&ReportFace::new("Reporter", "tls@reporter.example"), 1) {
        Ok(built) => assert_eq!(Report::parse(built.json.as_bytes()), Ok(built.report)),
        Err(error) => panic!("{error}: {day:?}"),
    }
}

/// A line of a log is read; if it tells of a session, its failure can be stored, and its time is one.
pub fn tls_log_line(octets: &[u8]) {
    let session = match LoggedSession::read(octets) {
        None => return,
        Some(Ok(session)) => session,
        Some(Err(refusal)) => return assert_is_message(&refusal.to_string()),
    };
    assert_eq!(session.failure.is_some(), session.outcome == SessionOutcome::Failed);
    if let Some(failure) = &session.failure {
        assert!(failure.result_type.is_registered());
        assert_eq!(SessionFailure::from_json(&failure.to_json()).as_ref(), Some(failure));
    }
    if let LogTime::Local { month, day, hour, minute, second } = session.written {
        assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        assert!((0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second));
    }
}
