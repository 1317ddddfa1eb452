//! Reports are known by their ids.

use crate::house::{HOUR, House, day};

/// Two mail servers of one organisation, each with a store of its own, report on the same domain: to a
/// receiver that has seen the one, the other is not the same.
#[tokio::test]
async fn reports_from_two_stores_are_two() {
    let (mut ids, mut names) = (Vec::new(), Vec::new());
    for sessions in [3, 5] {
        let house = House::new();
        house.wants("a.test", "mailto:tls@a.test");
        house.had("a.test", day(), sessions, 0).await;
        house.work(day(), 0).await;
        let mails = house.sink.mails();
        let [mail] = mails.as_slice() else { panic!("{mails:?}") };
        ids.push(mail.report().report_id.unwrap());
        let name = mail.octets.split_once("filename=\"").unwrap().1.split_once('"').unwrap().0;
        names.push(name.to_owned());
    }
    assert!(ids.iter().all(|id| id.starts_with("2026-11-25.a.test.1.")), "{ids:?}");
    assert_ne!(ids[0], ids[1]);
    assert_ne!(names[0], names[1]);
}

/// Another day, and another process: the mark is that of the store.
#[tokio::test]
async fn reports_from_one_store_have_one_mark() {
    let house = House::new();
    house.wants("a.test", "mailto:tls@a.test");
    for days in 0..2 {
        house.had("a.test", day().plus(days), 2, 0).await;
        house.work(day().plus(days), days * 24 * HOUR).await;
    }
    let queue = house.queue().await;
    let marks = queue.iter().map(|one| {
        let (left, right) = one.report_id.rsplit_once('@').unwrap();
        assert_eq!(right, "reporter.example");
        left.rsplit_once('.').unwrap().1
    });
    let marks: Vec<_> = marks.collect();
    assert_eq!(marks.len(), 2);
    assert_eq!(marks[0], marks[1]);
    assert!(marks[0].len() == 10 && marks[0].chars().all(|c| c.is_ascii_hexdigit()), "{marks:?}");
}
