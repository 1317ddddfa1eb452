//! The DNS of the lab: it answers for `.test` like a validating resolver, and refuses the rest.
//!
//! It need not validate to know what is bogus. A question with the CD bit gets bogus data all the
//! same, so that those who validate can see for themselves.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use hickory_proto::{
    op::{Edns, Message, MessageType, OpCode, ResponseCode},
    rr::{DNSClass, rdata::opt::EdnsOption},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    attacker::{Attacker, Authentic},
    listen::hold,
    zone::{Answer, Reply, Security, Signatures, Zones},
};

/// The size that every path carries, in octets; larger answers go over TCP.
const LARGEST_DATAGRAM: u16 = 1232;
/// Without EDNS, RFC 1035 §2.3.4.
const SMALLEST_DATAGRAM: u16 = 512;
/// Questions on one TCP connection.
const MOST_QUESTIONS: usize = 100;
/// An extended error (RFC 8914): the option's code, and "DNSSEC Bogus".
const EXTENDED_ERROR: (u16, [u8; 2]) = (15, [0, 6]);
/// Datagrams that wait until they come too late.
const MOST_LATE: usize = 1024;
/// How long a TCP connection may stay idle.
const IDLE: Duration = Duration::from_secs(10);

/// How a question came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

/// Answers datagrams until the task is aborted.
pub(crate) async fn serve_udp(socket: UdpSocket, zones: Arc<Zones>, attacker: Arc<Attacker>) {
    let socket = Arc::new(socket);
    let mut late = JoinSet::new();
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
        while late.try_join_next().is_some() {}
        match answer(&zones, &attacker, question, Transport::Udp) {
            Some((answer, Duration::ZERO)) => send(&socket, &answer, peer).await,
            Some((answer, delay)) if late.len() < MOST_LATE => {
                let socket = Arc::clone(&socket);
                late.spawn(async move {
                    sleep(delay).await;
                    send(&socket, &answer, peer).await;
                });
            }
            // Too many wait already, and a datagram may be lost.
            Some(_) | None => {}
        }
    }
}

async fn send(socket: &UdpSocket, answer: &[u8], peer: SocketAddr) {
    if let Err(error) = socket.send_to(answer, peer).await {
        tracing::debug!("an answer could not be sent: {error}");
    }
}

/// Answers the questions of one TCP connection.
pub(crate) async fn serve_tcp(mut stream: TcpStream, zones: Arc<Zones>, attacker: Arc<Attacker>) {
    for _ in 0..MOST_QUESTIONS {
        let Ok(Ok(question)) = timeout(IDLE, read_question(&mut stream)).await else { return };
        let Some((answer, delay)) = answer(&zones, &attacker, &question, Transport::Tcp) else {
            return hold(stream).await;
        };
        sleep(delay).await;
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

/// The answer in wire form, and how late it comes; `None` for silence.
fn answer(
    zones: &Zones,
    attacker: &Attacker,
    question: &[u8],
    transport: Transport,
) -> Option<(Vec<u8>, Duration)> {
    let Ok(question) = Message::from_vec(question) else {
        // Its number is all that can be read of it.
        let id = question.first_chunk().map(|octets| u16::from_be_bytes(*octets))?;
        let refusal = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
        return Some((refusal.to_vec().ok()?, Duration::ZERO));
    };
    if question.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
    reply.metadata.recursion_desired = question.metadata.recursion_desired;
    reply.metadata.recursion_available = true;
    reply.metadata.checking_disabled = question.metadata.checking_disabled;
    reply.add_queries(question.queries.iter().cloned());
    let dnssec_ok = question.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
    let signatures = if dnssec_ok { Signatures::Wanted } else { Signatures::Unwanted };
    let (mut late, mut authentic) = (Duration::ZERO, Authentic::True);
    let mut found = match (question.metadata.op_code, question.queries.as_slice()) {
        (OpCode::Query, [query]) if query.query_class() == DNSClass::IN => {
            let seen = attacker.answer(zones, query.name(), query.query_type(), signatures);
            (late, authentic) = (seen.late, seen.authentic);
            match seen.answer {
                Answer::Reply(reply) => reply,
                Answer::Silence => return None,
            }
        }
        (OpCode::Query, [_]) => Reply::empty(ResponseCode::Refused),
        (OpCode::Query, _) => Reply::empty(ResponseCode::FormErr),
        _ => Reply::empty(ResponseCode::NotImp),
    };
    let mut edns = question.edns.is_some().then(Edns::new);
    if let Some(edns) = &mut edns {
        edns.set_max_payload(LARGEST_DATAGRAM);
        edns.set_dnssec_ok(dnssec_ok);
    }
    let checks = !question.metadata.checking_disabled;
    if checks && found.security == Security::Bogus && authentic == Authentic::True {
        found = Reply::empty(ResponseCode::ServFail);
        let (code, info) = EXTENDED_ERROR;
        if let Some(edns) = &mut edns {
            edns.options_mut().insert(EdnsOption::Unknown(code, info.to_vec()));
        }
    }
    // RFC 6840 §5.8: the AD bit is for those who show that they know it.
    let knows_dnssec = dnssec_ok || question.metadata.authentic_data;
    let is_true = checks && knows_dnssec && found.security == Security::Secure;
    reply.metadata.authentic_data = is_true || authentic == Authentic::Spoofed;
    if let Some(edns) = edns {
        reply.set_edns(edns);
    }
    reply.metadata.response_code = found.code;
    reply.insert_answers(found.answers);
    reply.insert_authorities(found.authorities);
    let octets = reply.to_vec().ok()?;
    let asked = question.edns.map_or(SMALLEST_DATAGRAM, |edns| edns.max_payload());
    let limit = asked.clamp(SMALLEST_DATAGRAM, LARGEST_DATAGRAM);
    if transport == Transport::Udp && octets.len() > usize::from(limit) {
        return Some((reply.truncate().to_vec().ok()?, late));
    }
    Some((octets, late))
}
