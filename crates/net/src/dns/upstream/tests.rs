use std::time::Duration;

use hickory_proto::op::Message;
use hickory_proto::rr::{Name, RecordType};
use tokio::task::JoinHandle;

use super::*;

/// What was asked, and from where.
type Asked = (Message, SocketAddr);

/// A server that loses the first datagram, and after the second answers as `answers` says: each
/// number is that of the datagram which is answered.
async fn losing_one(answers: &'static [usize]) -> (SocketAddr, JoinHandle<[Asked; 2]>) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut buffer = [0; 512];
        let mut receive = async || {
            let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
            (Message::from_vec(&buffer[..length]).unwrap(), from)
        };
        let asked = [receive().await, receive().await];
        for index in answers {
            let (query, from) = &asked[*index];
            let octets = query.clone().into_response().to_vec().unwrap();
            socket.send_to(&octets, *from).await.unwrap();
        }
        asked
    });
    (address, server)
}

fn query() -> Query {
    Query::query(Name::from_ascii("a.test.").unwrap(), RecordType::TXT)
}

#[tokio::test]
async fn a_question_that_was_lost_is_sent_again_and_either_answer_counts() {
    for answers in [&[0], &[1]] {
        for make in [Upstream::new, Upstream::resolver] {
            let (address, server) = losing_one(answers).await;
            let upstream = make(address);
            let since = Stopwatch::start();
            let answer = upstream.ask(&query(), Checking::Ours).await.unwrap();
            // Nothing is known of its pace: 800 ms.
            assert!(since.elapsed() >= Duration::from_millis(800));
            assert_eq!(answer.message.queries, [query()]);
            let [(first, from), (second, from_too)] = server.await.unwrap();
            assert_eq!(first.queries, second.queries);
            assert_ne!(first.metadata.id, second.metadata.id);
            // Where somebody could guess, he has to guess both.
            assert_eq!(from == from_too, upstream.lines.is_some());
        }
    }
}

#[tokio::test]
async fn who_answers_in_time_is_asked_once() {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let upstream = Upstream::resolver(socket.local_addr().unwrap());
    let server = async {
        let mut buffer = [0; 512];
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let query = Message::from_vec(&buffer[..length]).unwrap();
        socket.send_to(&query.into_response().to_vec().unwrap(), from).await.unwrap();
    };
    let query = query();
    let (answer, ()) = tokio::join!(upstream.ask(&query, Checking::Ours), server);
    assert!(answer.is_ok());
    // A datagram on loopback is there as soon as it is sent.
    let mut buffer = [0; 512];
    assert_eq!(socket.try_recv(&mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
}
