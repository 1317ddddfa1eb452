//! Signed mails, by commands that look the keys up in a real DNS.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sealpost_e2e::{Domain, Environment, Signing, World, Zone, sealpost_binary};
use serde_json::{Value, json};

use crate::receive::summary;

/// After all of them were signed, so that none is from the future.
const AT: &str = "2026-12-01T00:00:00Z";

const HOLDS: &str = "verified: sender.test signed it";
const GONE: &str = "the key is gone from DNS";
const BODY: &str = "the body was changed";
const HEADER: &str = "the header was changed after it was signed, or another key signed it";
const NOBODY: &str = "no DKIM signature";

/// The file, what `show --verify` says of it, where `import` counts it, and its sessions, successful
/// and failed. `SOURCES.md` says of those in `signed` what is special.
const MAILS: [(&str, &str, &str, [u64; 2]); 24] = [
    ("signed/rsa.eml", HOLDS, "counted", [1, 0]),
    ("signed/rsa-any-service.eml", HOLDS, "counted", [0, 2]),
    ("signed/ed25519.eml", HOLDS, "counted", [0, 2]),
    ("signed/two-services.eml", HOLDS, "counted", [1, 0]),
    ("signed/key-for-email.eml", HOLDS, "counted", [1, 0]),
    ("signed/key-gone.eml", GONE, "unverified", [0, 3]),
    ("signed/key-revoked.eml", "the key was withdrawn", "unverified", [0, 3]),
    ("signed/key-of-another.eml", HEADER, "unverified", [1, 0]),
    ("signed/key-bogus.eml", "the key could not be looked up", "undecided", [0, 0]),
    ("signed/not-aligned.eml", "no signature is by the domain in `From`", "unverified", [1, 0]),
    ("signed/length.eml", "only a part of the body", "unverified", [0, 2]),
    ("signed/body-changed.eml", BODY, "unverified", [0, 2]),
    ("signed/header-changed.eml", HEADER, "unverified", [1, 0]),
    ("mails/field/mjl-__mox/example.eml", GONE, "unverified", [3, 0]),
    ("mails/field/mjl-__mox/microsoft.eml", GONE, "unverified", [2, 0]),
    ("mails/postfix/dkim-signed-key-s-tlsrpt.eml", GONE, "unverified", [1, 0]),
    (
        "mails/field/domainaware__parsedmarc/google.com_smtp_tls_report.eml",
        BODY,
        "unverified",
        [48, 0],
    ),
    ("mails/field/isseis__tlsrpt-digest/tlsrpt_success_google_1.eml", BODY, "unverified", [1, 0]),
    ("mails/field/isseis__tlsrpt-digest/tlsrpt_success_google_2.eml", BODY, "unverified", [4, 0]),
    ("mails/field/isseis__tlsrpt-digest/tlsrpt_success_microsoft.eml", BODY, "unverified", [2, 0]),
    ("mails/field/isseis__tlsrpt-digest/tlsrpt_failure.eml", BODY, "unverified", [4523, 2]),
    ("mails/field/robalexdev__tlsrpt-be/test.eml", NOBODY, "unverified", [5326, 303]),
    ("mails/field/stalwartlabs__mail-auth/rpt02.eml", NOBODY, "unverified", [23, 1]),
    ("mails/postfix/tlsrpt-reporter-0.6.0-mail-1.eml", NOBODY, "unverified", [1, 0]),
];

#[test]
fn mails_count_if_their_signature_holds_and_are_kept_apart_otherwise() {
    let environment = start();
    for (file, words, place, sums) in MAILS {
        let folder = if file.starts_with("signed") { here() } else { corpus() };
        let (judged, found, scopes) = Commands::new(&environment).take_in(&folder.join(file));
        let said = format!("{file}: {judged}, {found}, {scopes}");
        assert!(judged["summary"].as_str().unwrap().contains(words), "{said}");
        let verdict = match place {
            "counted" => "verified",
            "undecided" => "could-not-tell",
            _ if words == NOBODY => "unsigned",
            _ => "not-verified",
        };
        assert_eq!(judged["verdict"], verdict, "{said}");
        assert_eq!(judged["signer"].is_string(), place == "counted", "{said}");

        // It is in one place, whole, and in no other.
        let here = |name: &str| u64::from(place == name);
        assert_eq!(found["undecided"], here("undecided"), "{said}");
        assert_eq!(found["reports"]["unverified"], here("unverified"), "{said}");
        assert_eq!(found["quarantined"], json!({}), "{said}");
        for (index, name) in ["counted", "unverified", "not-ours"].into_iter().enumerate() {
            let [successful, failed] = sums.map(|sum| sum * here(name));
            let scope = json!({
                "scope": name, "reports": here(name),
                "successful": {"lower": successful, "upper": successful},
                "failed": {"lower": failed, "upper": failed},
            });
            assert_eq!(scopes[index], scope, "{said}");
        }
    }
}

#[test]
fn a_mail_whose_key_could_not_be_looked_up_counts_when_it_can() {
    let environment = start();
    let commands = Commands::new(&environment);
    let file = here().join("signed/rsa.eml");
    // Where the resolver was not there.
    let nowhere = environment.directory().join("nowhere.toml");
    let text = "resolvers = [\"127.70.0.99:53\"]\ndnssec = \"off\"\n[deadlines]\ndns = 1\n";
    fs_err::write(&nowhere, text).unwrap();
    let (found, status) = commands.run_with(&nowhere, &["import", file.to_str().unwrap()]);
    assert_eq!((&found["undecided"], status), (&json!(1), 3), "{found}");
    let (found, status) = commands.run_with(&environment.settings_file(), &["reparse"]);
    assert_eq!((&found["undecided"], status), (&json!(0), 0), "{found}");
    assert_eq!(summary(&commands.store, &[])["scopes"][0]["reports"], 1);
}

/// The commands, with a store of their own.
struct Commands<'a> {
    environment: &'a Environment,
    store: PathBuf,
    _folder: tempfile::TempDir,
}

impl<'a> Commands<'a> {
    fn new(environment: &'a Environment) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { environment, store: folder.path().join("store.sqlite"), _folder: folder }
    }

    /// What `show --verify` says of a mail, what `import` makes of it, and the sums after it.
    fn take_in(&self, file: &Path) -> (Value, Value, Value) {
        let file = file.to_str().unwrap();
        let settings = self.environment.settings_file();
        let shown = self.show(&settings, file);
        let (found, _) = self.run_with(&settings, &["import", file]);
        let scopes = summary(&self.store, &[])["scopes"].clone();
        (shown["reports"][0]["mails"][0].clone(), found, scopes)
    }

    fn show(&self, settings: &Path, file: &str) -> Value {
        self.call(settings, &["show", "--verify", file]).0
    }

    fn run_with(&self, settings: &Path, arguments: &[&str]) -> (Value, i32) {
        let store = self.store.to_str().unwrap();
        self.call(settings, &[arguments, &["--store", store]].concat())
    }

    fn call(&self, settings: &Path, arguments: &[&str]) -> (Value, i32) {
        let settings = settings.to_str().unwrap();
        let more = ["--network", settings, "--at", AT, "--format", "json"];
        let arguments = [&["receive"], arguments, &more].concat();
        let output = self.environment.run(&sealpost_binary().unwrap(), &arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let found = serde_json::from_slice(&output.stdout);
        (found.unwrap_or_else(|_| panic!("{arguments:?}: {said}")), output.status.code().unwrap())
    }
}

/// A world whose DNS has the keys, except for those that are gone.
fn start() -> Environment {
    let keys = fs_err::read_to_string(here().join("signed/keys")).unwrap();
    let records = |zone: &str| -> &'static str {
        let mut text = String::new();
        for (name, record) in keys.lines().filter_map(|line| line.split_once(' ')) {
            if name.ends_with(zone) {
                // A string of a TXT record has at most 255 octets.
                let (first, rest) = record.split_at(record.len().min(200));
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{name}. TXT \"{first}\" \"{rest}\"");
            }
        }
        text.leak()
    };
    let world = World::new(vec![Domain::good("good.test")])
        .zone(Zone::new("sender.test", Signing::Nsec).records(records("sender.test")))
        .zone(Zone::new("other.test", Signing::Unsigned).records(records("other.test")))
        .zone(Zone::new("bogus.test", Signing::Expired).records(records("bogus.test")));
    Environment::start(&world).unwrap()
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls-rpt/tests")
}
