//! Receivers are told by the job, over loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, time::Duration};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, verify};
use data_encoding::HEXLOWER;
use sealpost_alert::{Channel, Ending, Job, JobParts, Messenger, Receiver, Section};
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_runtime::Clock;
use sealpost_store::{Settings, Store};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    time::timeout,
};

/// How long anything may take, even where much else runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A POST: the time and the signature that it gives, and its body.
struct Post {
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

/// Takes a POST, and answers it.
async fn take(listener: &TcpListener) -> Post {
    let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut stream = BufReader::new(stream);
    let mut post = Post { timestamp: String::new(), signature: String::new(), body: Vec::new() };
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line == "\r\n" {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => post.body = vec![0; value.parse().unwrap()],
            "sealpost-timestamp" => value.clone_into(&mut post.timestamp),
            "sealpost-signature" => value.clone_into(&mut post.signature),
            _ => {}
        }
    }
    stream.read_exact(&mut post.body).await.unwrap();
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
    post
}

impl Post {
    fn is_signed_with(&self, secret: &str) -> bool {
        let signature = self.signature.strip_prefix("v1=").unwrap();
        let signature = HEXLOWER.decode(signature.as_bytes()).unwrap();
        let signed = [self.timestamp.as_bytes(), b".", &self.body].concat();
        verify(&Key::new(HMAC_SHA256, secret.as_bytes()), &signed, &signature).is_ok()
    }

    fn is_about(&self, domain: &str) -> bool {
        String::from_utf8(self.body.clone()).unwrap().contains(&format!("\"domain\":\"{domain}\""))
    }
}

fn ending(domain: &str) -> Ending {
    Ending {
        domain: domain.parse().unwrap(),
        subject: String::new(),
        ends_at: Clock::system().now().as_second() + 86_400,
        what: "testing, they are told".to_owned(),
    }
}

fn section(listener: &TcpListener, folder: &Path) -> Section {
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let text = "name = \"hook\"\nwebhook = \"http://127.0.0.1:1/\"\nleast = \"note\"";
    let mut receiver: Receiver = toml::from_str(text).unwrap();
    receiver.channel = Channel::Webhook { url, secret: Some(folder.join("secret")) };
    Section { look_seconds: 1, receiver: vec![receiver], ..Section::default() }
}

fn messengers(section: &Section, network: &Network) -> Vec<Messenger> {
    let of = |receiver: &Receiver| {
        let way = section.mail.clone();
        Messenger::new(receiver.clone(), way, None, "probe.test", network.clone()).unwrap()
    };
    section.receiver.iter().map(of).collect()
}

/// It was rotated in its file, and the process was told to read again.
#[tokio::test]
async fn a_secret_that_was_changed_signs_what_is_told_next() {
    let (old, new) = ("0123456789abcdef", "fedcba9876543210");
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    let network = Network::new(NetworkSettings::default(), Clock::system()).unwrap();
    let section = section(&listener, folder.path());
    fs_err::write(folder.path().join("secret"), old).unwrap();
    let job = Job::start(JobParts {
        store: store.clone(),
        endings: vec![ending("one.example")],
        section: section.clone(),
        messengers: messengers(&section, &network),
        host: "probe.test".to_owned(),
        clock: Clock::system(),
    });
    let first = take(&listener).await;
    assert!(first.is_about("one.example") && first.is_signed_with(old));

    fs_err::write(folder.path().join("secret"), new).unwrap();
    let endings = vec![ending("one.example"), ending("two.example")];
    job.reload(endings, messengers(&section, &network));
    let second = take(&listener).await;
    assert!(second.is_about("two.example") && !second.is_about("one.example"));
    assert!(second.is_signed_with(new) && !second.is_signed_with(old));
    timeout(PATIENCE, job.stop()).await.unwrap();
    assert!(store.incidents().waiting(10).await.unwrap().is_empty(), "both are noted");
    store.close().await;
}
