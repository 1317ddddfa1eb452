//! All that is open, told together, day by day or week by week.

use jiff::{
    civil::{Date, Time, Weekday},
    tz::TimeZone,
};
use sealpost_store::incidents::{Incident, NewNotice, NoticeKind, Phase};

use crate::{Digest, Terms, Told, told::time};

/// When a receiver gets all that is open.
#[derive(Clone, Debug, PartialEq)]
pub struct DigestTimes {
    /// How often.
    pub every: Digest,
    /// From this time of the day on.
    pub at: Time,
    /// Of which place.
    pub zone: TimeZone,
}

/// What each receiver that wants it is told of all that is open, if it is time. It has the same key
/// all day, so that of those that are queued one is told.
pub fn digests(live: &[Incident], now: i64, terms: &Terms) -> Vec<NewNotice> {
    let of = |receiver: &crate::ReceiverTerms| {
        let day = receiver.digest.as_ref()?.day(now)?;
        let is_told = |one: &&Incident| one.phase == Phase::Open && one.urgency >= receiver.least;
        let mut open: Vec<Incident> = live.iter().filter(is_told).cloned().collect();
        open.sort_by_key(|one| std::cmp::Reverse((one.urgency, one.number)));
        Some(NewNotice {
            key: format!("digest.{day}"),
            receiver: receiver.name.clone(),
            kind: NoticeKind::Digest,
            content: Told::digest(&open, now, terms.link.as_deref()).to_json(),
            made_at: now,
            due: now,
        })
    };
    terms.receivers.iter().filter_map(of).collect()
}

impl DigestTimes {
    /// The day whose digest it is time for.
    fn day(&self, now: i64) -> Option<Date> {
        let here = time(now).to_zoned(self.zone.clone());
        let is_day = self.every == Digest::Daily || here.weekday() == Weekday::Monday;
        (is_day && here.time() >= self.at).then(|| here.date())
    }
}

#[cfg(test)]
mod tests {
    use sealpost_evidence::incident::{Basis, Urgency};
    use sealpost_rules::incidents::INC101;

    use super::*;
    use crate::{Condition, Look, ReceiverTerms, step};

    fn terms(least: Urgency, every: Digest) -> Terms {
        let at = Time::constant(7, 0, 0, 0);
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let digest = Some(DigestTimes { every, at, zone });
        let receiver = ReceiverTerms { name: "one".to_owned(), least, quiet: None, digest };
        let other = ReceiverTerms { name: "other".to_owned(), least, quiet: None, digest: None };
        Terms { hold: Some(0), receivers: vec![receiver, other], ..Terms::default() }
    }

    fn seconds(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().unwrap().as_second()
    }

    #[test]
    fn a_digest_has_its_time_of_the_place() {
        let keys = |every, at: &str| {
            let told = digests(&[], seconds(at), &terms(Urgency::Note, every));
            told.into_iter().map(|one| (one.key, one.receiver)).collect::<Vec<_>>()
        };
        let one = |day: &str| vec![(format!("digest.{day}"), "one".to_owned())];
        // 12 January 2026 is a Monday.
        for (every, at, expected) in [
            (Digest::Daily, "2026-01-13T05:59:59Z", vec![]),
            (Digest::Daily, "2026-01-13T06:00:00Z", one("2026-01-13")),
            (Digest::Daily, "2026-01-13T22:59:59Z", one("2026-01-13")),
            (Digest::Daily, "2026-01-13T23:00:00Z", vec![]), // the next day
            (Digest::Daily, "2026-07-13T05:00:00Z", one("2026-07-13")), // in summer
            (Digest::Weekly, "2026-01-12T05:59:59Z", vec![]),
            (Digest::Weekly, "2026-01-12T06:00:00Z", one("2026-01-12")),
            (Digest::Weekly, "2026-01-13T06:00:00Z", vec![]),
        ] {
            assert_eq!(keys(every, at), expected, "{every:?} at {at}");
        }
    }

    #[test]
    fn it_has_what_presses_first_and_counts_the_rest() {
        let now = seconds("2026-01-13T10:00:00Z");
        let terms = |least| terms(least, Digest::Daily);
        let conditions = (0..250).map(|number| {
            let domain = format!("d{number}.example").parse().unwrap();
            let most = if number < 3 { Urgency::Critical } else { Urgency::Note };
            Condition::new(&INC101, &domain, Basis::Look, "it fails").at_most(most)
        });
        let look = Look::whole(conditions.collect());
        let changes = step(&[], &look, now, &terms(Urgency::Note));
        let live: Vec<Incident> = changes.into_iter().map(|change| change.incident).collect();
        let told = |least| {
            let [notice] = &digests(&live, now, &terms(least))[..] else { panic!() };
            Told::from_json(&notice.content).unwrap()
        };
        let all = told(Urgency::Note);
        assert_eq!((all.open, all.incidents.len()), (Some(250), 100));
        let critical = |one: &&crate::ToldIncident| one.urgency == "critical";
        assert_eq!(all.incidents.iter().take_while(critical).count(), 3);
        let some = told(Urgency::Warning);
        assert_eq!((some.open, some.incidents.len()), (Some(3), 3));
    }
}
