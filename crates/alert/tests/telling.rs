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
    net::{TcpListener, TcpStream},
    task::yield_now,
    time::timeout,
};

/// How long anything may take, even where much else runs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A POST that waits for its answer: the time and the signature that it gives, and its body.
struct Post {
    stream: BufReader<TcpStream>,
    timestamp: String,
    signature: String,
    body: Vec<u8>,
}

/// Takes a POST.
async fn take(listener: &TcpListener) -> Post {
    let (stream, _) = timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let (timestamp, signature) = (String::new(), String::new());
    let stream = BufReader::new(stream);
    let mut post = Post { stream, timestamp, signature, body: Vec::new() };
    loop {
        let mut line = String::new();
        post.stream.read_line(&mut line).await.unwrap();
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
    post.stream.read_exact(&mut post.body).await.unwrap();
    post
}

impl Post {
    async fn answer(&mut self) {
        let answer = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        self.stream.write_all(answer).await.unwrap();
    }

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

/// A job with an exception for this domain, a webhook there, and this secret in the file of it.
struct World {
    folder: tempfile::TempDir,
    listener: TcpListener,
    store: Store,
    network: Network,
    section: Section,
    job: Job,
}

impl World {
    async fn start(domain: &str, secret: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
        let network = Network::new(NetworkSettings::default(), Clock::system()).unwrap();
        let section = section(&listener, folder.path());
        fs_err::write(folder.path().join("secret"), secret).unwrap();
        let job = Job::start(JobParts {
            store: store.clone(),
            endings: vec![ending(domain)],
            section: section.clone(),
            messengers: messengers(&section, &network),
            host: "probe.test".to_owned(),
            clock: Clock::system(),
        });
        Self { folder, listener, store, network, section, job }
    }
}

/// It was rotated in its file, and the process was told to read again.
#[tokio::test]
async fn a_secret_that_was_changed_signs_what_is_told_next() {
    let (old, new) = ("0123456789abcdef", "fedcba9876543210");
    let World { folder, listener, store, network, section, job } =
        World::start("one.example", old).await;
    let mut first = take(&listener).await;
    first.answer().await;
    assert!(first.is_about("one.example") && first.is_signed_with(old));

    fs_err::write(folder.path().join("secret"), new).unwrap();
    let endings = vec![ending("one.example"), ending("two.example")];
    job.reload(endings, messengers(&section, &network));
    let mut second = take(&listener).await;
    second.answer().await;
    assert!(second.is_about("two.example") && !second.is_about("one.example"));
    assert!(second.is_signed_with(new) && !second.is_signed_with(old));
    timeout(PATIENCE, job.stop()).await.unwrap();
    assert!(store.incidents().waiting(10).await.unwrap().is_empty(), "both are noted");
    store.close().await;
}

/// Whoever is slow to answer at a stop is not told again after it.
#[tokio::test]
async fn a_stop_waits_for_the_answer_of_who_is_being_told() {
    let World { folder: _folder, listener, store, job, .. } =
        World::start("one.example", "0123456789abcdef").await;
    let mut post = take(&listener).await;
    let stopping = tokio::spawn(job.stop());
    // There is one thread: it has begun to stop, and gone as far as it can.
    for _ in 0..100 {
        yield_now().await;
    }
    assert!(!stopping.is_finished());
    post.answer().await;
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
    assert!(store.incidents().waiting(10).await.unwrap().is_empty(), "it is noted");
    store.close().await;
}
