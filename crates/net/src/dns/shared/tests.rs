use std::collections::HashSet;

use hickory_proto::op::{Message, Query};
use hickory_proto::rr::{Name, RecordType};

use super::*;
use crate::dns::Checking;

fn question(number: usize) -> Question {
    let name = Name::from_ascii(format!("d{number}.test.")).unwrap();
    Question::new(Query::query(name, RecordType::TXT), Checking::Ours).unwrap()
}

/// The answer to a question, as octets.
fn answer(question: &[u8]) -> Vec<u8> {
    Message::from_vec(question).unwrap().into_response().to_vec().unwrap()
}

#[tokio::test]
async fn many_questions_share_few_sockets_and_each_gets_its_answer() {
    const QUESTIONS: usize = 3 * MOST_QUESTIONS;
    let upstream = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = upstream.local_addr().unwrap();
    // All questions come before the first answer, and the answers in the opposite order.
    let server = tokio::spawn(async move {
        let mut asked = Vec::new();
        let mut buffer = [0; 512];
        while asked.len() < QUESTIONS {
            let (length, from) = upstream.recv_from(&mut buffer).await.unwrap();
            asked.push((buffer[..length].to_vec(), from));
        }
        for (question, from) in asked.iter().rev() {
            upstream.send_to(&answer(question), from).await.unwrap();
        }
        asked.iter().map(|(_, from)| *from).collect::<HashSet<_>>().len()
    });
    let shared = Arc::new(SharedSockets::new().unwrap());
    let mut asking = JoinSet::new();
    for number in 0..QUESTIONS {
        let shared = Arc::clone(&shared);
        asking.spawn(async move {
            let question = question(number);
            let octets = shared.ask(address, &question).await.unwrap();
            assert_eq!(octets, answer(question.octets()));
        });
    }
    asking.join_all().await;
    let sockets = server.await.unwrap();
    // One more for identifiers that were drawn twice.
    assert!((3..=4).contains(&sockets), "{sockets}");
    let sockets = shared.sockets.lock().unwrap();
    assert!(sockets[&address].iter().all(|shared| shared.line.waiting().is_empty()));
}

#[tokio::test]
async fn who_gives_up_leaves_no_trace_and_when_all_is_taken_there_is_no_place() {
    let upstream = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = upstream.local_addr().unwrap();
    let shared = SharedSockets::new().unwrap();
    let mut places = Vec::new();
    for number in 0..2 * MOST_QUESTIONS * MOST_SOCKETS {
        let (tell, _) = oneshot::channel();
        places.extend(shared.place(address, &question(number), tell));
    }
    assert_eq!(places.len(), MOST_QUESTIONS * MOST_SOCKETS);
    places.clear();
    let sockets = shared.sockets.lock().unwrap();
    assert_eq!(sockets[&address].len(), MOST_SOCKETS);
    assert!(sockets[&address].iter().all(|shared| shared.line.waiting().is_empty()));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_noticed_at_once() {
    let closed = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let shared = SharedSockets::new().unwrap();
    assert_eq!(shared.ask(closed, &question(1)).await, None);
}

#[test]
fn what_answers_a_question_repeats_it_or_tells_of_a_fault() {
    let question = question(1);
    let (tell, _) = oneshot::channel();
    let section = section(question.octets()).unwrap().into();
    let waiting = Waiting { section, tell };
    let good = answer(question.octets());
    let changed = |index: usize, octet: u8| {
        let mut octets = good.clone();
        octets[index] = octet;
        octets
    };
    assert!(waiting.is_answered_by(&good));
    assert!(waiting.is_answered_by(&changed(13, b'D')), "case does not matter");
    assert!(!waiting.is_answered_by(question.octets()), "a question");
    assert!(!waiting.is_answered_by(&changed(14, b'2')), "another name");
    assert!(!waiting.is_answered_by(&changed(12, 0xc0)), "a pointer to nowhere");
    let mut header = good[..12].to_vec();
    header[5] = 0;
    assert!(!waiting.is_answered_by(&header), "an answer to nothing");
    header[3] = 2;
    assert!(waiting.is_answered_by(&header), "SERVFAIL");
    for length in 0..good.len() {
        // Nothing panics, and what is cut in its question is no answer.
        let is_whole = length >= 12 + waiting.section.len();
        assert_eq!(waiting.is_answered_by(&good[..length]), is_whole, "{length}");
    }
}
