mod outcome;
use sealpost_e2e::*;

#[test]
fn explore() {
    let senders = Senders::start(&[]).unwrap();
    let domains = std::env::var("DOMAINS").unwrap();
    let mut messages = Vec::new();
    for domain in domains.split(' ') {
        for route in Route::ALL {
            let (tag, domain) = domain.split_once('/').unwrap_or(("t", domain));
            messages.push(Message::new(route, Memory::Cached, tag, domain));
        }
    }
    let t = std::time::Instant::now();
    senders.submit(&messages).unwrap();
    eprintln!("submitted {:?}", t.elapsed());
    let out = outcome::outcomes(&senders, &messages);
    eprintln!("done {:?}", t.elapsed());
    for m in &messages {
        for r in &m.recipients {
            eprintln!("{r} {}", out[r]);
        }
    }
    let log = senders.environment().directory().join("log");
    std::process::Command::new("cp")
        .arg("-rT")
        .arg(log)
        .arg("/tmp/w/e2e-scratch/log")
        .status()
        .unwrap();
}
