//! The DNS of the lab: it answers for `.test` like a recursive resolver, and refuses the rest.

use std::{io, sync::Arc, time::Duration};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, ResponseCode},
    rr::DNSClass,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{sleep, timeout},
};

use crate::{
    listen::hold,
    zone::{Answer, Zone},
};

/// The size that every path carries, in octets; larger answers go over TCP.
const LARGEST_DATAGRAM: u16 = 1232;
/// Without EDNS, RFC 1035 §2.3.4.
const SMALLEST_DATAGRAM: u16 = 512;
/// Questions on one TCP connection.
const MOST_QUESTIONS: usize = 100;
/// How long a TCP connection may stay idle.
const IDLE: Duration = Duration::from_secs(10);

/// How a question came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

/// Answers datagrams until the task is aborted.
pub(crate) async fn serve_udp(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = vec![0_u8; 4096];
    loop {
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!("no question received: {error}");
                sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        let question = buffer.get(..length).unwrap_or_default();
        if let Some(answer) = answer(&zone, question, Transport::Udp)
            && let Err(error) = socket.send_to(&answer, peer).await
        {
            tracing::debug!("an answer could not be sent: {error}");
        }
    }
}

/// Answers the questions of one TCP connection.
pub(crate) async fn serve_tcp(mut stream: TcpStream, zone: Arc<Zone>) {
    for _ in 0..MOST_QUESTIONS {
        let Ok(Ok(question)) = timeout(IDLE, read_question(&mut stream)).await else { return };
        let Some(answer) = answer(&zone, &question, Transport::Tcp) else {
            return hold(stream).await;
        };
        let Ok(length) = u16::try_from(answer.len()) else { return };
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend(answer);
        if stream.write_all(&framed).await.is_err() {
            return;
        }
    }
}

async fn read_question(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u16().await?;
    let mut question = vec![0_u8; usize::from(length)];
    stream.read_exact(&mut question).await?;
    Ok(question)
}

/// The answer in wire form; `None` for silence.
fn answer(zone: &Zone, question: &[u8], transport: Transport) -> Option<Vec<u8>> {
    let Ok(question) = Message::from_vec(question) else {
        // Its number is all that can be read of it.
        let id = question.first_chunk().map(|octets| u16::from_be_bytes(*octets))?;
        let refusal = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
        return refusal.to_vec().ok();
    };
    if question.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.recursion_desired = question.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.metadata.checking_disabled = question.metadata.checking_disabled;
    reply.add_queries(question.queries.iter().cloned());
    if let Some(asked) = &question.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(LARGEST_DATAGRAM);
        edns.set_dnssec_ok(asked.flags().dnssec_ok);
        reply.set_edns(edns);
    }
    let answer = match (question.metadata.op_code, question.queries.as_slice()) {
        (OpCode::Query, [query]) if query.query_class() == DNSClass::IN => {
            zone.answer(query.name(), query.query_type())
        }
        (OpCode::Query, [_]) => Answer::empty(ResponseCode::Refused),
        (OpCode::Query, _) => Answer::empty(ResponseCode::FormErr),
        _ => Answer::empty(ResponseCode::NotImp),
    };
    let Answer::Reply { code, answers, authorities } = answer else { return None };
    reply.metadata.response_code = code;
    reply.insert_answers(answers);
    reply.insert_authorities(authorities);
    let octets = reply.to_vec().ok()?;
    let asked = question.edns.map_or(SMALLEST_DATAGRAM, |edns| edns.max_payload());
    let limit = asked.clamp(SMALLEST_DATAGRAM, LARGEST_DATAGRAM);
    if transport == Transport::Udp && octets.len() > usize::from(limit) {
        return reply.truncate().to_vec().ok();
    }
    Some(octets)
}
