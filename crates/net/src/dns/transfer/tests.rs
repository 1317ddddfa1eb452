use hickory_proto::rr::RData;
use hickory_proto::rr::rdata::{A, SOA};
use tokio::net::TcpListener;

use super::*;

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(Name::from_ascii(owner).unwrap(), 60, data)
}

fn start() -> Record {
    record("a.test.", RData::SOA(SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, 5)))
}

fn host(owner: &str) -> Record {
    record(owner, RData::A(A::new(192, 0, 2, 1)))
}

/// What is handed out by a server that sends these messages, and how it ends.
async fn with(messages: Vec<(ResponseCode, Vec<Record>)>) -> (Vec<String>, Result<(), String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut question = vec![0; usize::from(length)];
        stream.read_exact(&mut question).await.unwrap();
        let question = Message::from_vec(&question).unwrap();
        assert_eq!(question.queries[0].query_type(), RecordType::AXFR);
        for (code, records) in messages {
            let mut answer = question.clone().into_response();
            answer.metadata.response_code = code;
            answer.add_answers(records);
            stream.write_all(&framed(&answer.to_vec().unwrap()).unwrap()).await.unwrap();
        }
    });
    let mut owners = Vec::new();
    let zone = DomainName::parse("a.test").unwrap();
    let each = |record: TransferredRecord| owners.push(record.owner);
    let ended = transfer_zone(&zone, server, None, &Clock::system(), each).await;
    (owners, ended.map_err(|error| error.to_string()))
}

#[tokio::test]
async fn a_zone_comes_in_one_message_or_in_many() {
    let ok = ResponseCode::NoError;
    let whole = ["a.test", "mx.a.test", "a.test"];
    let (owners, ended) = with(vec![(ok, vec![start(), host("mx.a.test."), start()])]).await;
    assert_eq!((owners, ended), (whole.iter().map(ToString::to_string).collect(), Ok(())));
    let pieces = vec![(ok, vec![start()]), (ok, vec![host("mx.a.test.")]), (ok, vec![start()])];
    let (owners, ended) = with(pieces).await;
    assert_eq!((owners, ended), (whole.iter().map(ToString::to_string).collect(), Ok(())));
}

#[tokio::test]
async fn half_a_zone_is_none() {
    let ok = ResponseCode::NoError;
    for (messages, expected) in [
        (vec![(ok, vec![start(), host("mx.a.test.")])], "talk with"),
        (vec![(ok, vec![host("mx.a.test."), start()])], "read what"),
        (vec![(ok, vec![start(), start(), host("mx.a.test.")])], "read what"),
        (vec![(ok, vec![start(), host("mx.b.test."), start()])], "read what"), // not in the zone
        (vec![(ok, vec![start(), host("a.test.b."), start()])], "read what"),  // neither
        (vec![(ok, vec![])], "read what"),
        (vec![(ResponseCode::Refused, vec![])], "transfer the zone from"),
        (vec![], "talk with"),
    ] {
        let (_, ended) = with(messages).await;
        assert!(ended.as_ref().unwrap_err().starts_with(expected), "{ended:?}");
    }
}

#[test]
fn a_zone_without_end_ends() {
    let records = || Records {
        zone: Name::from_ascii("a.test.").unwrap(),
        each: drop,
        count: 1,
        ends: 1,
        last: None,
        names: 0,
    };
    let mut many = Records { count: MOST_RECORDS - 1, ..records() };
    many.add(&host("mx.a.test.")).unwrap();
    assert!(many.add(&host("mx.a.test.")).unwrap_err().starts_with("more than 5000000 records"));
    let mut long = Records { names: MOST_NAMES - 11, ..records() };
    long.add(&host("mx.a.test.")).unwrap();
    long.add(&host("mx.a.test.")).unwrap();
    assert!(long.add(&host("mx2.a.test.")).unwrap_err().starts_with("names of more than"));
}
