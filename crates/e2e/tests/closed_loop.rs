//! The loop, closed in one process: one `sealpost serve` tells a real Postfix what to ask of each domain,
//! hears from it of its TLS sessions, reports on them when the day is over, and takes these reports in
//! as the owner of the same domains. What its pages say is what the MX hosts saw.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::indexing_slicing, reason = "a member of JSON that is missing is null")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sealpost_e2e::{Memory, Message, Route, Seen, Senders, sealpost_binary, when_ready};
use serde_json::Value;

/// A domain, and what becomes of its mail.
struct Domain {
    name: &'static str,
    /// Mails to it. No two domains get the same number.
    mails: u64,
    /// Whose name its sessions are told under: where DANE decides, that is the MX host (RFC 8460 §1.1).
    told_as: &'static str,
    /// The result type of its sessions, and the diagnosis on its page; `None` if all is well. Of the host
    /// that sessions under DANE are told of no addresses are known, and those of a lab are none that a
    /// stranger should have: that diagnosis is of loopback.
    failure: Option<(&'static str, &'static str)>,
}

const DOMAINS: [Domain; 6] = [
    Domain { name: "good.test", mails: 7, told_as: "good.test", failure: None },
    Domain {
        name: MENDED,
        mails: 5,
        told_as: MENDED,
        failure: Some(("certificate-host-mismatch", "FAIL113")),
    },
    Domain {
        name: "mx-certificate-expired.test",
        mails: 4,
        told_as: "mx-certificate-expired.test",
        failure: Some(("certificate-expired", "FAIL111")),
    },
    Domain {
        name: "mx-no-starttls.test",
        mails: 3,
        told_as: "mx-no-starttls.test",
        failure: Some(("starttls-not-supported", "FAIL101")),
    },
    Domain { name: "dane-good.test", mails: 6, told_as: "mx1.dane-good.test", failure: None },
    Domain {
        name: "dane-mismatch.test",
        mails: 2,
        told_as: "mx1.dane-mismatch.test",
        failure: Some(("certificate-not-trusted", "FAIL403")),
    },
];
/// The one whose MX host is mended.
const MENDED: &str = "mx-certificate-wrong-name.test";
/// Who reports: its key is in the DNS of every lab.
const REPORTER: &str = "like-postfix.test";
const SELECTOR: &str = "tlsrpt";
/// Where the process is.
const PAGES: u16 = 8480;
const POLICIES: u16 = 8479;
const REPORTS: u16 = 8490;
/// So late it is when it starts: the mail is tried by midnight, and midnight comes by itself.
const START: &str = "T23:57:30Z";
/// The longest that anything takes: what is left of the day, and what a busy machine adds.
const PATIENCE: Duration = Duration::from_secs(330);
const PAUSE: Duration = Duration::from_millis(300);

#[test]
fn what_mail_hosts_saw_is_on_the_pages_of_the_same_process() {
    #[expect(clippy::disallowed_methods, reason = "certificates and signatures hold from now on")]
    let day = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let senders = Senders::start().unwrap();
    let serve = Serve::start(&senders, &format!("{day}{START}"));
    senders.ask(&Route::Postfix3_10.name(Memory::Cached), POLICIES).unwrap();
    senders.tell_of_sessions().unwrap();
    senders.share_no_session().unwrap();
    senders.bring_reports_to(REPORTS).unwrap();

    let mail: Vec<_> = DOMAINS
        .iter()
        .flat_map(|domain| {
            (0..domain.mails).map(|number| {
                let tag = format!("loop-{number}");
                Message::new(Route::Postfix3_10, Memory::Cached, &tag, domain.name)
            })
        })
        .collect();
    senders.submit(&mail).unwrap();
    let (first, visits) = seen(&senders, 0);
    for domain in &DOMAINS {
        let (well, ill) =
            if domain.failure.is_none() { (domain.mails, 0) } else { (0, domain.mails) };
        let expected = Seen { successful: well, failed: ill, in_plaintext: 0 };
        assert_eq!(of(&first, domain), expected, "{}: {first:?}", domain.name);
    }
    serve.counts(day, &first);

    // The day ends, reports are made, signed, taken to Postfix, brought back by it, and believed.
    for domain in &DOMAINS {
        serve.hears(domain, &[(day, of(&first, domain))], domain.failure.map(|(_, cause)| cause));
    }
    serve.says_who_reports(&DOMAINS);
    let open = serve.incident("open", MENDED);
    assert_eq!(open["code"], "INC101", "{open:#}");
    assert_eq!(open["subject"], format!("mx1.{MENDED}"), "{open:#}");
    // Our own look speaks for it, and soon what others report does too.
    let path = format!("/api/v1/incidents/{}", open["id"].as_str().unwrap());
    let grounds = || serve.data(&path)["grounds"].to_string();
    wait(
        || Some(grounds()).filter(|said| said.contains("MX304") && said.contains(REPORTER)),
        grounds,
    );
    assert!(serve.incidents("open", "good.test").is_empty());

    // It is mended, and what waited is tried again on the next day.
    mend(&senders, &format!("mx1.{MENDED}"));
    senders.try_again().unwrap();
    let next = day.tomorrow().unwrap();
    let (second, _) = seen(&senders, visits);
    for domain in DOMAINS.iter().filter(|domain| domain.failure.is_some()) {
        let is_mended = domain.name == MENDED;
        let (well, ill) = if is_mended { (domain.mails, 0) } else { (0, domain.mails) };
        let expected = Seen { successful: well, failed: ill, in_plaintext: 0 };
        assert_eq!(of(&second, domain), expected, "{}: {second:?}", domain.name);
    }
    serve.counts(next, &second);
    serve.stop();

    // Two days nobody is there. The report on that day is made up for, and the failures are of the past.
    let later = next.tomorrow().unwrap().tomorrow().unwrap();
    let serve = Serve::start(&senders, &format!("{later}T00:10:00Z"));
    for domain in &DOMAINS {
        let mut days = vec![(day, of(&first, domain))];
        days.extend(domain.failure.is_some().then(|| (next, of(&second, domain))));
        // The certificate that is shown now is good, and of the day before the failures: the lab dates back.
        let cause =
            domain.failure.map(|(_, cause)| if domain.name == MENDED { "FAIL117" } else { cause });
        serve.hears(domain, &days, cause);
    }
    let over = serve.incident("resolved", MENDED);
    assert_eq!(over["id"], open["id"], "{over:#}");
    assert!(serve.incidents("open", MENDED).is_empty());
    assert_eq!(serve.incident("open", "mx-certificate-expired.test")["code"], "INC101");
    serve.stop();
}

/// Sessions with the MX host of a domain.
fn of(seen: &BTreeMap<String, Seen>, domain: &Domain) -> Seen {
    seen.get(&format!("mx1.{}", domain.name)).copied().unwrap_or_default()
}

/// What the MX hosts saw of the mail servers since then, as soon as there is one session for each mail
/// that was to be tried, and how many visits that were.
fn seen(senders: &Senders, before: usize) -> (BTreeMap<String, Seen>, usize) {
    let tried = DOMAINS.iter().filter(|domain| before == 0 || domain.failure.is_some());
    let tried: u64 = tried.map(|domain| domain.mails).sum();
    let mut found = BTreeMap::new();
    wait(
        || {
            let (seen, visits) = senders.seen(before).unwrap();
            found = seen;
            (visits as u64 >= tried).then_some(visits)
        },
        || senders.log(Route::Postfix3_10, Memory::Cached).unwrap(),
    );
    // Whatever comes on top of these is one too many.
    std::thread::sleep(PAUSE);
    senders.seen(before).unwrap()
}

/// Has the lab mend an MX host.
fn mend(senders: &Senders, host: &str) {
    let lab = senders.environment().directory().join("lab");
    let output = Command::new(sealpost_binary().unwrap())
        .args(["lab", "mend", host, "--directory"])
        .arg(lab)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until there is something; says what there is in its place if it does not come.
#[track_caller]
fn wait<T>(mut look: impl FnMut() -> Option<T>, instead: impl Fn() -> String) -> T {
    let mut waited = Duration::ZERO;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(waited < PATIENCE, "{}", instead());
        std::thread::sleep(PAUSE);
        waited += PAUSE;
    }
}

/// All roles but `publish`, in one process.
struct Serve<'a> {
    senders: &'a Senders,
    process: Child,
}

impl<'a> Serve<'a> {
    fn start(senders: &'a Senders, at: &str) -> Self {
        let directory = senders.environment().directory();
        let domains: Vec<&str> = DOMAINS.iter().map(|domain| domain.name).collect();
        let key = Path::new(env!("CARGO_MANIFEST_DIR"));
        let key = key.join("../lab/src/reporters/keys/postfix.pem");
        let text = format!(
            "store = \"loop.sqlite\"\n\
             [serve]\nhttp = [\"127.0.0.1:{PAGES}\"]\n\
             [enforce]\nlisten = [\"127.0.0.1:{POLICIES}\"]\ndefault_level = \"may\"\ndane = \"on\"\n\
             mta_resolvers = [\"127.70.0.53:53\"]\nsigned_name = \"test/SOA\"\n\
             bogus_names = [\"bogus-altered.test/MX\"]\n\
             [report]\nsocket = [\"{}\"]\ncontact = \"tls@{REPORTER}\"\nflush_seconds = 1\n\
             [report.delivery]\nmail = \"relay:127.0.0.1:2510\"\nown_mails = \"uncounted\"\n\
             spread_hours = 0\nsettle_minutes = 0\n\
             [[report.delivery.dkim]]\nkey = {key:?}\nselector = \"{SELECTOR}\"\n\
             [receive]\ndomains = {domains:?}\n\
             listen = {{ smtp = [\"127.0.0.1:{REPORTS}\"], lmtp = [] }}\n\
             [check]\nevery_hours = 1\n\
             [alert]\nlook_seconds = 1\nopen_after_seconds = 0\nresolve_after_seconds = 5\n",
            senders.socket()
        );
        let configuration = directory.join("loop.toml");
        fs_err::write(&configuration, text).unwrap();
        senders.lengthen_queues().unwrap();
        let network = directory.join("lab/network.toml");
        let arguments = ["--config", configuration.to_str().unwrap(), "--at", at];
        let arguments =
            [&["serve", "--network", network.to_str().unwrap()], &arguments[..]].concat();
        let environment = senders.environment();
        let process = environment.spawn_for_long(&sealpost_binary().unwrap(), arguments).unwrap();
        Self { senders, process: when_ready(process).unwrap() }
    }

    /// Asks it to end, and waits.
    fn stop(mut self) {
        Command::new("kill").arg(self.process.id().to_string()).status().unwrap();
        assert!(self.process.wait().unwrap().success());
    }

    fn read(&self, path: &str) -> String {
        let url = format!("http://127.0.0.1:{PAGES}{path}");
        let output = self.senders.environment().run_inside("curl", &["-sS", &url]).unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn data(&self, path: &str) -> Value {
        let text = self.read(path);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Waits until it has counted on a day what Postfix told of these sessions.
    fn counts(&self, day: Date, seen: &BTreeMap<String, Seen>) {
        let sum = |of: fn(&Seen) -> u64| seen.values().map(of).sum::<u64>();
        let all = (sum(|seen| seen.successful), sum(|seen| seen.failed));
        let path = format!("/api/v1/sessions?day={day}");
        wait(
            || {
                let counted = self.data(&path);
                let said = (counted["successful"].as_u64()?, counted["failed"].as_u64()?);
                assert!(said.0 <= all.0 && said.1 <= all.1, "{all:?} were seen: {counted:#}");
                (said == all).then_some(())
            },
            || format!("{all:?} were seen: {:#}", self.data(&path)),
        );
    }

    /// Waits until it was reported to on each of these days, and holds every number beside what was seen.
    /// Of the failures the diagnosis is this.
    fn hears(&self, domain: &Domain, days: &[(Date, Seen)], cause: Option<&str>) {
        let path = format!("/api/v1/domains/{}", domain.told_as);
        let heard = wait(
            || {
                let page = self.data(&path);
                let told = page["days"].as_array().map_or(0, Vec::len);
                // The look that explains it now may still be under way.
                let is_explained = |cause: &str| {
                    let mut groups = page["failures"].as_array().into_iter().flatten();
                    groups.any(|group| group["diagnosis"]["code"] == cause)
                };
                (told >= days.len() && cause.is_none_or(is_explained)).then_some(page)
            },
            || format!("{:#}\n{:#}", self.data(&path), self.data("/api/v1/deliveries")),
        );
        let both = |bounds: &Value| {
            assert_eq!(bounds["lower"], bounds["upper"], "{heard:#}");
            bounds["upper"].as_u64().unwrap()
        };
        let sums = |row: &Value| (both(&row["successful"]), both(&row["failed"]));
        let told: Vec<_> = heard["days"].as_array().unwrap().iter().collect();
        assert_eq!(told.len(), days.len(), "{heard:#}");
        for (row, (day, seen)) in told.into_iter().zip(days) {
            assert_eq!(row["day"], day.to_string(), "{heard:#}");
            assert_eq!(row["reports"], 1, "{heard:#}");
            assert_eq!(sums(row), (seen.successful, seen.failed), "{day}: {heard:#}");
        }
        let all = |of: fn(&Seen) -> u64| days.iter().map(|(_, seen)| of(seen)).sum::<u64>();
        let (well, ill) = (all(|seen| seen.successful), all(|seen| seen.failed));
        assert_eq!(sums(&heard), (well, ill), "{heard:#}");

        let groups: Vec<_> = heard["failures"].as_array().unwrap().iter().collect();
        let groups: Vec<_> = groups.into_iter().filter(|group| group["sessions"] != 0).collect();
        match domain.failure.zip(cause) {
            None => assert!(groups.is_empty(), "{groups:#?}"),
            Some(((result, _), cause)) => {
                assert_eq!(groups.len(), 1, "{groups:#?}");
                let group = groups[0];
                assert_eq!(group["sessions"], ill, "{group:#}");
                assert_eq!(group["result_type"], result, "{group:#}");
                assert_eq!(group["mx_host"], format!("mx1.{}", domain.name), "{group:#}");
                assert_eq!(group["diagnosis"]["code"], cause, "{group:#}");
            }
        }
        // And as people read it.
        let html = self.read(&format!("/domains/{}", domain.told_as));
        for words in [format!("{well} sessions went well"), format!(", {ill} failed (")] {
            assert!(html.contains(&words), "{}: no {words:?} in {html}", domain.name);
        }
    }

    /// Every report is of the reporter, proven by its signature, and every delivery was accepted.
    fn says_who_reports(&self, domains: &[Domain]) {
        for domain in domains {
            let page = self.data(&format!("/api/v1/domains/{}", domain.told_as));
            let reporters = page["reporters"].as_array().unwrap();
            assert_eq!(reporters.len(), 1, "{reporters:#?}");
            assert_eq!(reporters[0]["signer"], REPORTER, "{reporters:#?}");
        }
        wait(
            || {
                let counts = self.data("/api/v1/deliveries");
                let counts = counts["counts"].as_array().unwrap().clone();
                let of = |is_accepted: bool| {
                    let rows =
                        counts.iter().filter(|row| (row["state"] == "accepted") == is_accepted);
                    rows.filter_map(|row| row["count"].as_u64()).sum::<u64>()
                };
                (of(true) >= domains.len() as u64 && of(false) == 0).then_some(())
            },
            || format!("{:#}", self.data("/api/v1/deliveries")),
        );
    }

    fn incidents(&self, phase: &str, domain: &str) -> Vec<Value> {
        let found = self.data(&format!("/api/v1/incidents?phase={phase}&domain={domain}"));
        found["incidents"].as_array().unwrap().clone()
    }

    /// Waits for the incident about the MX host of a domain.
    fn incident(&self, phase: &str, domain: &str) -> Value {
        let host = format!("mx1.{domain}");
        wait(
            || {
                let found = self.incidents(phase, domain).into_iter();
                let mut found = found.filter(|one| one["subject"] == host);
                found.next().filter(|one| one["phase"] == phase)
            },
            || format!("{:#}", self.data("/api/v1/incidents?phase=open")),
        )
    }
}

impl Drop for Serve<'_> {
    fn drop(&mut self) {
        // It fails only if it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
