//! The session against servers that follow a script.

use proptest::prelude::*;
use sealpost_wire::imap::Astring;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::task::JoinHandle;

use super::*;

/// What a server says, and what it must have heard before: lines that the client sends.
enum Turn {
    Says(&'static str),
    Hears(&'static str),
}
use Turn::{Hears, Says};

/// A server that plays its part, then closes.
fn server(script: Vec<Turn>) -> (DuplexStream, JoinHandle<()>) {
    let (client, mut own) = duplex(64 * 1024);
    let playing = tokio::spawn(async move {
        for turn in script {
            match turn {
                Says(text) => own.write_all(text.as_bytes()).await.unwrap(),
                Hears(expected) => {
                    let mut line = Vec::new();
                    while !line.ends_with(b"\r\n") {
                        line.push(own.read_u8().await.unwrap());
                    }
                    assert_eq!(String::from_utf8(line).unwrap().trim_end(), expected);
                }
            }
        }
    });
    (client, playing)
}

async fn greet(script: Vec<Turn>) -> Result<(Session<DuplexStream>, JoinHandle<()>), MailboxError> {
    let (stream, playing) = server(script);
    Ok((Session::greet(stream, 1000).await?, playing))
}

fn password(text: &str) -> Credentials {
    Credentials::Password(Secret::of(text.to_owned()))
}

#[tokio::test]
async fn a_password_goes_by_plain_where_it_can() {
    let (mut session, playing) = greet(vec![
        Says("* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] hi\r\n"),
        Hears("s1 AUTHENTICATE PLAIN AG1lAGdlaGVpbQ=="),
        Says("s1 OK in\r\n"),
    ])
    .await
    .unwrap();
    session.log_in("me", &password("geheim")).await.unwrap();
    playing.await.unwrap();

    let (mut session, playing) = greet(vec![
        Says("* OK hi\r\n"),
        Hears("s1 CAPABILITY"),
        Says("* CAPABILITY IMAP4rev1\r\ns1 OK\r\n"),
        Hears("s2 LOGIN \"me\" \"a\\\"b\""),
        Says("s2 NO [AUTHENTICATIONFAILED] bad\r\n"),
    ])
    .await
    .unwrap();
    let error = session.log_in("me", &password("a\"b")).await.unwrap_err();
    assert!(matches!(error, MailboxError::LoginRefused(text) if text == "bad"));
    playing.await.unwrap();

    let (mut session, playing) =
        greet(vec![Says("* OK [CAPABILITY LOGINDISABLED] hi\r\n")]).await.unwrap();
    let error = session.log_in("me", &password("x")).await.unwrap_err();
    assert!(matches!(error, MailboxError::NoMechanism("password")));
    playing.await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_about() {
    let (mut session, playing) = greet(vec![
        Says("* OK [CAPABILITY IMAP4rev1 AUTH=XOAUTH2] hi\r\n"),
        Hears("s1 AUTHENTICATE XOAUTH2"),
        Says("+ \r\n"),
        Hears("dXNlcj1tZQFhdXRoPUJlYXJlciB0AQE="),
        Says("+ eyJzdGF0dXMiOiI0MDAifQ==\r\n"),
        Hears(""),
        Says("s1 NO no\r\n"),
    ])
    .await
    .unwrap();
    let error = session.log_in("me", &Credentials::Token(Secret::of("t".to_owned()))).await;
    assert!(matches!(error, Err(MailboxError::LoginRefused(_))));
    playing.await.unwrap();
}

#[tokio::test]
async fn what_is_said_before_tls_is_not_believed() {
    let script = || {
        vec![Says("* OK [CAPABILITY STARTTLS] hi\r\n"), Hears("s1 STARTTLS"), Says("s1 OK go\r\n")]
    };
    let (session, _) = greet(script()).await.unwrap();
    assert!(session.start_tls().await.is_ok());
    let mut injected = script();
    injected.pop();
    injected.push(Says("s1 OK go\r\ns2 OK in\r\n"));
    let (session, _) = greet(injected).await.unwrap();
    assert!(matches!(session.start_tls().await, Err(MailboxError::Injected)));
    let mut refused = script();
    refused.pop();
    refused.push(Says("s1 BAD what\r\n"));
    let (session, _) = greet(refused).await.unwrap();
    assert!(matches!(session.start_tls().await, Err(MailboxError::NoStartTls)));
    // Nobody is let in without having asked.
    let known = greet(vec![Says("* PREAUTH hi\r\n")]).await;
    assert!(matches!(known, Err(MailboxError::OutOfTurn(_))));
}

#[tokio::test]
async fn mails_are_listed_fetched_moved_and_waited_for() {
    let (mut session, playing) = greet(vec![
        Says("* OK hi\r\n"),
        Hears("s1 CAPABILITY"),
        Says("* CAPABILITY IMAP4rev1 UIDPLUS IDLE\r\ns1 OK\r\n"),
        Hears("s2 SELECT \"In\""),
        Says(
            "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 12] x\r\ns2 OK [READ-WRITE]\r\n",
        ),
        Hears("s3 UID FETCH 11:* (UID RFC822.SIZE)"),
        // The last one is told even if it is known.
        Says("* 1 FETCH (UID 10 RFC822.SIZE 5)\r\ns3 OK\r\n"),
        Hears("s4 IDLE"),
        Says("+ idling\r\n* OK still here\r\n* 3 EXISTS\r\n"),
        Hears("DONE"),
        Says("s4 OK\r\n"),
        Hears("s5 UID FETCH 11:* (UID RFC822.SIZE)"),
        Says("* 3 FETCH (RFC822.SIZE 4 UID 11)\r\ns5 OK\r\n"),
        Hears("s6 UID FETCH 11 (UID BODY.PEEK[])"),
        Says("* 3 FETCH (UID 11 BODY[] {4}\r\na\r\nb)\r\ns6 OK\r\n"),
        Hears("s7 UID COPY 11 \"Out\""),
        Says("s7 OK [COPYUID 1 11 1]\r\n"),
        Hears("s8 UID STORE 11 +FLAGS.SILENT (\\Deleted)"),
        Says("s8 OK\r\n"),
        Hears("s9 UID EXPUNGE 11"),
        Says("* 3 EXPUNGE\r\ns9 OK\r\n"),
        Hears("s10 UID FETCH 12 (UID BODY.PEEK[])"),
        Says("s10 OK\r\n"),
        Hears("s11 LOGOUT"),
        Says("* BYE\r\n"),
    ])
    .await
    .unwrap();
    let (folder, to) = (Astring::parse("In").unwrap(), Astring::parse("Out").unwrap());
    session.select(&folder, &After::Move(to)).await.unwrap();
    assert_eq!(session.uid_validity(), 7);
    assert_eq!(session.list(10).await.unwrap(), []);
    let long = Duration::from_secs(30);
    session.wait(long, long).await.unwrap();
    assert_eq!(session.list(10).await.unwrap(), [Listed { uid: 11, size: 4 }]);
    assert_eq!(session.fetch(11).await.unwrap().unwrap(), b"a\r\nb");
    session.settle(11).await.unwrap();
    assert_eq!(session.fetch(12).await.unwrap(), None);
    session.close().await;
    playing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_wait_ends() {
    // IDLE is renewed, a server without it is asked, a silent one is left.
    let (mut session, playing) = greet(vec![
        Says("* OK [CAPABILITY IDLE] hi\r\n"),
        Hears("s1 IDLE"),
        Says("+ idling\r\n"),
        Hears("DONE"),
        Says("s1 OK\r\n"),
    ])
    .await
    .unwrap();
    session.has_news = false;
    session.wait(Duration::from_secs(540), Duration::MAX).await.unwrap();
    assert!(!session.has_news);
    playing.await.unwrap();

    let (mut session, playing) =
        greet(vec![Says("* OK [CAPABILITY X] hi\r\n"), Hears("s1 NOOP"), Says("s1 OK\r\n")])
            .await
            .unwrap();
    session.has_news = false;
    session.wait(Duration::MAX, Duration::from_secs(60)).await.unwrap();
    assert!(session.has_news);
    playing.await.unwrap();

    let (stream, _other) = duplex(100);
    assert!(matches!(Session::greet(stream, 1000).await, Err(MailboxError::TimedOut)));
}

#[tokio::test]
async fn a_mail_that_is_larger_than_it_was_said_to_be_is_not_taken() {
    let (mut session, _) = greet(vec![
        Says("* OK [CAPABILITY X] hi\r\n"),
        Hears("s1 UID FETCH 1 (UID BODY.PEEK[])"),
        Says("* 1 FETCH (UID 1 BODY[] {99999999}\r\n"),
    ])
    .await
    .unwrap();
    assert!(matches!(session.fetch(1).await, Err(MailboxError::TooMuch(_))));
}

#[tokio::test]
async fn without_uidplus_nothing_is_removed() {
    for after in [After::Delete, After::Move(Astring::parse("Out").unwrap())] {
        let (mut session, _) = greet(vec![
            Says("* OK hi\r\n"),
            Hears("s1 CAPABILITY"),
            Says("* CAPABILITY IMAP4rev1\r\ns1 OK\r\n"),
        ])
        .await
        .unwrap();
        let selected = session.select(&Astring::parse("In").unwrap(), &after).await;
        assert!(matches!(selected, Err(MailboxError::NoUidPlus(_))));
    }
}

proptest! {
    #[test]
    fn whatever_a_server_says_is_borne(said: Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (stream, mut own) = duplex(64 * 1024);
            own.write_all(b"* OK [CAPABILITY X] hi\r\n* 1 FETCH (").await.unwrap();
            own.write_all(&said).await.unwrap();
            drop(own);
            let mut session = Session::greet(stream, 1000).await.unwrap();
            assert!(session.list(0).await.is_err());
        });
    }
}
