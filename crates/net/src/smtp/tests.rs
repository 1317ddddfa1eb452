//! Tests of the dialogue, against hand-made servers on loopback.

use std::time::Duration;

use tokio::io::AsyncReadExt;

use super::*;
use crate::testing::{
    Authority, Identity, accept, deadlines, domain, loopback_guard, params, serve,
};

const HOST: &str = "mx.example.com";

/// What a server does, one after the other.
#[derive(Clone)]
enum Step {
    Send(&'static str),
    /// Sends one octet after the other, slowly.
    Drip(&'static str),
    /// Reads a line that begins with this; anything else ends the connection.
    Expect(&'static str),
    Tls,
    Close,
    Hang,
}
use Step::{Close, Drip, Expect, Hang, Send, Tls};

const OFFER: Step = Send("250-mx.example.com\r\n250-SIZE 1000\r\n250 STARTTLS\r\n");

/// The beginning up to and with the go-ahead for TLS.
fn go_ahead() -> Vec<Step> {
    vec![
        Send("220 mx.example.com ESMTP\r\n"),
        Expect("EHLO probe.example"),
        OFFER,
        Expect("STARTTLS"),
        Send("220 go ahead\r\n"),
    ]
}

fn after_go_ahead(steps: &[Step]) -> Vec<Step> {
    let mut all = go_ahead();
    all.extend_from_slice(steps);
    all
}

async fn server(identity: Identity, steps: Vec<Step>) -> SocketAddr {
    let acceptor = identity.acceptor();
    serve(move |mut stream| {
        let (acceptor, steps) = (acceptor.clone(), steps.clone());
        async move {
            let (before, after) = match steps.iter().position(|step| matches!(step, Tls)) {
                Some(index) => (&steps[..index], Some(&steps[index + 1..])),
                None => (&steps[..], None),
            };
            if !play(&mut stream, before).await {
                return;
            }
            if let Some(after) = after
                && let Some(mut stream) = accept(&acceptor, stream).await
            {
                play(&mut stream, after).await;
                let _ = stream.shutdown().await;
            }
        }
    })
    .await
}

async fn play<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, steps: &[Step]) -> bool {
    for step in steps {
        match step {
            Send(text) => {
                if stream.write_all(text.as_bytes()).await.is_err() {
                    return false;
                }
            }
            Drip(text) => {
                for octet in text.bytes() {
                    if stream.write_all(&[octet]).await.is_err() {
                        return false;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Expect(start) => {
                let mut line = Vec::new();
                while !line.ends_with(b"\r\n") {
                    match stream.read_u8().await {
                        Ok(octet) => line.push(octet),
                        Err(_) => return false,
                    }
                }
                if !line.starts_with(start.as_bytes()) {
                    return false;
                }
            }
            Close => return false,
            Hang => tokio::time::sleep(Duration::from_secs(60)).await,
            Tls => {}
        }
    }
    let _ = stream.flush().await;
    true
}

async fn talk(root: &Authority, address: SocketAddr, deadlines: Deadlines) -> SmtpSession {
    let host = domain(HOST);
    let dialogue = Dialogue {
        host: &host,
        ehlo_name: &EhloName::parse("probe.example").unwrap(),
        guard: &loopback_guard(),
        tls: &root.client(),
        deadlines: &deadlines,
    };
    dialogue.with(address, Deadline::after(Duration::from_secs(20))).await
}

async fn session(steps: Vec<Step>) -> SmtpSession {
    let root = Authority::root("Root");
    let address = server(root.issue(&params(&[HOST])), steps).await;
    let mut deadlines = deadlines();
    deadlines.smtp_reply = Duration::from_secs(1);
    deadlines.tls = Duration::from_secs(1);
    talk(&root, address, deadlines).await
}

fn kind(session: &SmtpSession) -> Option<(ConnectionStage, ConnectionFaultKind)> {
    session.fault.as_ref().map(|fault| (fault.stage, fault.kind))
}

fn code(reply: Option<&SmtpReply>) -> Option<u16> {
    reply.map(|reply| reply.code)
}

#[tokio::test]
async fn a_whole_dialogue() {
    let session = session(after_go_ahead(&[
        Tls,
        Expect("EHLO probe.example"),
        Send("250-mx.example.com\r\n250 SIZE 1000\r\n"),
        Expect("QUIT"),
        Send("221 bye\r\n"),
    ]))
    .await;
    assert_eq!(session.fault, None);
    assert_eq!(code(session.greeting.as_ref()), Some(220));
    assert_eq!(session.ehlo.as_ref().unwrap().lines, ["mx.example.com", "SIZE 1000", "STARTTLS"]);
    assert_eq!(session.starttls, StartTls::Accepted);
    assert_eq!(session.injected, None);
    let tls = session.tls.as_ref().unwrap();
    assert!(tls.is_verified() && tls.server_name == HOST, "{tls:?}");
    assert_eq!(code(session.ehlo_over_tls.as_ref()), Some(250));
    assert_eq!(
        session.transcript,
        [
            "S: 220 mx.example.com ESMTP",
            "C: EHLO probe.example",
            "S: 250-mx.example.com",
            "S: 250-SIZE 1000",
            "S: 250 STARTTLS",
            "C: STARTTLS",
            "S: 220 go ahead",
            "C: EHLO probe.example",
            "S: 250-mx.example.com",
            "S: 250 SIZE 1000",
            "C: QUIT",
            "S: 221 bye",
        ]
    );
}

#[tokio::test]
async fn a_faulty_certificate_does_not_end_the_dialogue() {
    let address = server(
        Identity::self_signed(&params(&[HOST])),
        after_go_ahead(&[Tls, Expect("EHLO"), Send("250 mx\r\n"), Expect("QUIT"), Close]),
    )
    .await;
    let session = talk(&Authority::root("Root"), address, deadlines()).await;
    assert_eq!(session.fault, None);
    assert!(!session.tls.unwrap().is_verified());
    assert_eq!(code(session.ehlo_over_tls.as_ref()), Some(250));
}

#[tokio::test]
async fn refusals_are_replies_and_no_faults() {
    let greeting = session(vec![Send("554 no\r\n"), Expect("QUIT"), Send("221 bye\r\n")]).await;
    assert_eq!((code(greeting.greeting.as_ref()), &greeting.fault), (Some(554), &None));
    assert_eq!(greeting.starttls, StartTls::NotReached);
    assert!(greeting.transcript.contains(&"C: QUIT".to_owned()), "{:?}", greeting.transcript);

    let ehlo = session(vec![Send("220 x\r\n"), Expect("EHLO"), Send("502 no\r\n"), Close]).await;
    assert_eq!((code(ehlo.ehlo.as_ref()), &ehlo.fault), (Some(502), &None));
    assert_eq!(ehlo.starttls, StartTls::NotReached);

    let none = session(vec![Send("220 x\r\n"), Expect("EHLO"), Send("250 mx\r\n"), Close]).await;
    assert_eq!((&none.starttls, &none.fault), (&StartTls::NotOffered, &None));

    let refused = session(vec![
        Send("220 x\r\n"),
        Expect("EHLO"),
        OFFER,
        Expect("STARTTLS"),
        Send("454 not now\r\n"),
        Expect("QUIT"),
        Hang,
    ])
    .await;
    let reply = SmtpReply { code: 454, lines: vec!["not now".to_owned()] };
    assert_eq!((refused.starttls, refused.fault), (StartTls::Refused(reply), None));

    let late = session(after_go_ahead(&[Tls, Expect("EHLO"), Send("421 no\r\n"), Close])).await;
    assert_eq!((code(late.ehlo_over_tls.as_ref()), late.fault), (Some(421), None));
}

#[tokio::test]
async fn every_stage_can_be_silent_closed_or_garbled() {
    use ConnectionFaultKind::{Closed, Malformed, TimedOut, TooLarge};
    use ConnectionStage::{Ehlo, EhloOverTls, Greeting, StartTls, TlsHandshake};
    let mut cases = tokio::task::JoinSet::new();
    let hello = Send("220 mx\r\n");
    let to_starttls = [hello.clone(), Expect("EHLO"), OFFER, Expect("STARTTLS")];
    let over_tls = after_go_ahead(&[Tls, Expect("EHLO")]);
    let endless: &'static str = Box::leak("250-x\r\n".repeat(200).into_boxed_str());
    for (before, stage) in [
        (vec![], Greeting),
        (vec![hello, Expect("EHLO")], Ehlo),
        (to_starttls.to_vec(), StartTls),
        (over_tls, EhloOverTls),
    ] {
        for (step, found) in [
            (Hang, TimedOut),
            (Close, Closed),
            (Send("what?\r\n"), Malformed),
            (Send("250-one\r\n354 two\r\n"), Malformed),
            (Send(endless), TooLarge),
            (Drip("250-slower than anybody waits\r\n"), TimedOut),
        ] {
            let mut steps = before.clone();
            steps.extend([step, Hang]);
            cases.spawn(async move { (session(steps).await, stage, found) });
        }
    }
    for (session, stage, found) in cases.join_all().await {
        assert_eq!(kind(&session), Some((stage, found)), "{session:?}");
        assert!(session.took_ms < 6_000, "{}", session.took_ms);
    }
    for (step, found) in [(Hang, TimedOut), (Close, Closed), (Send("221 bye\r\n"), Malformed)] {
        // What comes a moment later meets the handshake.
        let steps = after_go_ahead(&[Drip(""), step, Hang]);
        let session = session(steps).await;
        let (stage, kind) = kind(&session).unwrap();
        assert_eq!(stage, TlsHandshake, "{session:?}");
        assert!(kind == found || session.injected.is_some(), "{session:?}");
        assert_eq!(session.starttls, sealpost_evidence::StartTls::Accepted);
        assert!(session.tls.is_none());
    }
}

#[tokio::test]
async fn a_slow_server_can_not_hold_us_beyond_the_whole_deadline() {
    let root = Authority::root("Root");
    let steps = vec![Drip("220-a\r\n220-b\r\n220-c\r\n220-d\r\n220-e\r\n220-f\r\n220-g\r\n")];
    let address = server(root.issue(&params(&[HOST])), steps).await;
    let mut deadlines = deadlines();
    deadlines.smtp_reply = Duration::from_secs(30);
    deadlines.smtp = Duration::from_millis(700);
    let session = talk(&root, address, deadlines).await;
    assert_eq!(kind(&session), Some((ConnectionStage::Greeting, ConnectionFaultKind::TimedOut)),);
    assert!((600..3_000).contains(&session.took_ms), "{}", session.took_ms);
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc3207#section-4.2
//= type=test
//# The client
//# MUST discard any knowledge obtained from the server, such as the list
//# of SMTP service extensions, which was not obtained from the TLS
//# negotiation itself.
async fn injected_plaintext_is_told_and_never_used() {
    let session = session(vec![
        Send("220 mx\r\n"),
        Expect("EHLO"),
        OFFER,
        Expect("STARTTLS"),
        Send("220 go ahead\r\n250-injected\r\n250 EVIL\x1b\r\n"),
        Tls,
        Expect("EHLO"),
        Send("250 honest\r\n"),
        Expect("QUIT"),
        Close,
    ])
    .await;
    let injected = session.injected.unwrap();
    assert!(injected.contains("EVIL\\x1b") && !injected.contains('\u{1b}'), "{injected}");
    assert_eq!(session.ehlo_over_tls.unwrap().lines, ["honest"]);
    assert_eq!(session.fault, None);
}

#[tokio::test]
async fn a_server_that_refuses_and_hangs_up_is_still_heard() {
    let session = session(vec![Send("421 too busy\r\n"), Close]).await;
    assert_eq!((code(session.greeting.as_ref()), session.fault), (Some(421), None));
}

#[tokio::test]
async fn what_can_not_be_connected_to_is_a_fault_of_connecting() {
    let root = Authority::root("Root");
    let session = talk(&root, "192.0.2.1:25".parse().unwrap(), deadlines()).await;
    assert_eq!(kind(&session), Some((ConnectionStage::Connect, ConnectionFaultKind::NotRoutable)),);
    assert!(session.transcript.is_empty() && session.greeting.is_none());
    assert_eq!(session.starttls, StartTls::NotReached);
}

#[tokio::test]
async fn nobody_is_waited_for_long_after_the_farewell() {
    let root = Authority::root("Root");
    let steps = vec![Send("220 mx\r\n"), Expect("EHLO"), Send("250 mx\r\n"), Expect("QUIT"), Hang];
    let address = server(root.issue(&params(&[HOST])), steps).await;
    let mut deadlines = deadlines();
    deadlines.smtp_reply = Duration::from_secs(30);
    deadlines.smtp = Duration::from_secs(30);
    let session = talk(&root, address, deadlines).await;
    assert_eq!((session.starttls, session.fault), (StartTls::NotOffered, None));
    assert!(session.took_ms < 8_000, "{}", session.took_ms);
}
