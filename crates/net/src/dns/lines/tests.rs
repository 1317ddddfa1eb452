use std::collections::HashSet;
use std::net::Ipv4Addr;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};
use tokio::task::JoinSet;

use super::*;
use crate::dns::Checking;

fn question(number: usize) -> Arc<Question> {
    let name = Name::from_ascii(format!("d{number}.test.")).unwrap();
    Arc::new(Question::new(Query::query(name, RecordType::TXT), Checking::Ours).unwrap())
}

/// The answer to a question, as octets.
fn answer(question: &[u8]) -> Vec<u8> {
    Message::from_vec(question).unwrap().into_response().to_vec().unwrap()
}

fn is_answer(reading: Option<Reading>, question: &Question) -> bool {
    let asked = Message::from_vec(question.octets()).unwrap();
    matches!(reading, Some(Reading::Answer(answer)) if answer.message.queries == asked.queries)
}

async fn server() -> (UdpSocket, Lines) {
    let server = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let lines = Lines::new(server.local_addr().unwrap()).unwrap();
    (server, lines)
}

/// How many wait on each line.
fn waiting(lines: &Lines) -> Vec<usize> {
    let open = lines.open.lock().unwrap();
    open.iter().map(|open| open.line.state().waiting.len()).collect()
}

#[test]
fn only_who_asks_this_machine_shares() {
    let lines = |address: &str| Lines::new(address.parse().unwrap()).is_some();
    assert!(lines("127.0.0.1:53"));
    assert!(lines("127.0.0.53:53"));
    assert!(lines("[::1]:53"));
    assert!(lines("[::ffff:127.0.0.1]:53"));
    assert!(!lines("192.0.2.1:53"));
    assert!(!lines("[2001:db8::1]:53"));
    assert!(!lines("0.0.0.0:53"));
}

#[tokio::test]
async fn many_questions_share_few_sockets_and_each_gets_its_answer() {
    const QUESTIONS: usize = 3 * MOST_WAITING;
    let (server, lines) = server().await;
    // All questions come before the first answer, and the answers in the opposite order.
    let server = tokio::spawn(async move {
        let mut asked = Vec::new();
        let mut buffer = [0; 512];
        while asked.len() < QUESTIONS {
            let (length, from) = server.recv_from(&mut buffer).await.unwrap();
            asked.push((buffer[..length].to_vec(), from));
        }
        for (question, from) in asked.iter().rev() {
            server.send_to(&answer(question), from).await.unwrap();
        }
        asked.iter().map(|(_, from)| *from).collect::<HashSet<_>>().len()
    });
    let lines = Arc::new(lines);
    let mut asking = JoinSet::new();
    for number in 0..QUESTIONS {
        let lines = Arc::clone(&lines);
        asking.spawn(async move {
            let question = question(number);
            assert!(is_answer(lines.ask(&question).await, &question));
        });
    }
    asking.join_all().await;
    let sockets = server.await.unwrap();
    // One more for identifiers that were drawn twice.
    assert!((3..=4).contains(&sockets), "{sockets}");
    assert_eq!(waiting(&lines), vec![0; sockets]);
}

#[tokio::test]
async fn what_answers_another_question_is_passed_over() {
    let (server, lines) = server().await;
    let (asked, other) = (question(1), question(2));
    let answers = async {
        let mut buffer = [0; 512];
        let (length, from) = server.recv_from(&mut buffer).await.unwrap();
        let good = answer(&buffer[..length]);
        let mut with_same_id = answer(other.octets());
        with_same_id[..2].copy_from_slice(&good[..2]);
        let mut with_other_id = good.clone();
        with_other_id[0] ^= 1;
        for octets in [with_same_id, with_other_id, b"x".to_vec(), vec![], good] {
            server.send_to(&octets, from).await.unwrap();
        }
    };
    let (reading, ()) = tokio::join!(lines.ask(&asked), answers);
    assert!(is_answer(reading, &asked));
}

#[tokio::test]
async fn who_gives_up_leaves_no_trace_and_when_all_is_taken_there_is_no_place() {
    let (_server, lines) = server().await;
    let mut places = Vec::new();
    for number in 0..2 * MOST_WAITING * MOST_LINES {
        places.extend(lines.place(&question(number), oneshot::channel().0));
    }
    assert_eq!(places.len(), MOST_WAITING * MOST_LINES);
    places.clear();
    assert_eq!(waiting(&lines), [0; MOST_LINES]);
}

#[tokio::test]
async fn an_identifier_waits_once_on_a_line() {
    let (_server, lines) = server().await;
    let question = question(1);
    let place = || lines.place(&question, oneshot::channel().0).unwrap();
    let (one, other) = (place(), place());
    assert_eq!(waiting(&lines), [1, 1]);
    drop(one);
    assert_eq!(waiting(&lines), [0, 1]);
    drop(other);
}

#[tokio::test]
async fn who_leaves_late_does_not_take_away_the_next_with_the_same_identifier() {
    let (_server, lines) = server().await;
    let first = question(1);
    let next = Arc::new(Question::clone(&first));
    let place = lines.place(&first, oneshot::channel().0).unwrap();
    place.line.leave(&first).unwrap();
    let next = lines.place(&next, oneshot::channel().0).unwrap();
    assert!(Arc::ptr_eq(&next.line, &place.line));
    drop(place);
    assert_eq!(waiting(&lines), [1]);
    drop(next);
    assert_eq!(waiting(&lines), [0]);
}

#[tokio::test]
async fn a_line_is_replaced_when_it_has_taken_many_questions() {
    let (_server, lines) = server().await;
    let question = question(1);
    let place = || lines.place(&question, oneshot::channel().0).unwrap();
    let port = |place: &Place| place.line.socket.local_addr().unwrap().port();
    let first = port(&place());
    for _ in 2..MOST_QUESTIONS {
        assert_eq!(port(&place()), first);
    }
    let last = place();
    assert_eq!(port(&last), first);
    let next = place();
    assert_ne!(port(&next), first);
    assert_eq!(waiting(&lines), [1, 1], "who waits is not sent away");
    drop((last, next));
    for _ in 1..=MOST_QUESTIONS {
        drop(place());
    }
    assert_eq!(waiting(&lines), [0], "nothing is left of those that have done their work");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_noticed_at_once() {
    let (server, lines) = server().await;
    drop(server);
    for number in 0..3 {
        assert!(lines.ask(&question(number)).await.is_none());
    }
}

#[tokio::test]
async fn a_line_on_which_much_comes_that_nobody_asked_for_is_replaced() {
    let (server, lines) = server().await;
    let asked = question(1);
    let port = async || {
        let mut buffer = [0; 512];
        server.recv_from(&mut buffer).await.unwrap().1.port()
    };
    let flood = async {
        let mut buffer = [0; 512];
        let (_, from) = server.recv_from(&mut buffer).await.unwrap();
        for _ in 0..MOST_STRAYS {
            server.send_to(b"xyz", from).await.unwrap();
        }
        from.port()
    };
    let (reading, flooded) = tokio::join!(lines.ask(&asked), flood);
    assert!(reading.is_none(), "who waits finds out by himself");
    let next = question(2);
    tokio::select! {
        reading = lines.ask(&next) => panic!("{reading:?}"),
        port = port() => assert_ne!(port, flooded),
    }
}

#[tokio::test]
async fn lines_end_with_who_has_them() {
    let (_server, lines) = server().await;
    let place = lines.place(&question(1), oneshot::channel().0).unwrap();
    let line = Arc::downgrade(&place.line);
    drop((place, lines));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(line.strong_count(), 0);
}
