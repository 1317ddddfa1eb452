//! What is taken in, from where, and how often it counts.

use std::path::Path;
use std::process::Stdio;

use serde_json::json;

use crate::program::{World, mail, report};

#[test]
fn a_folder_that_is_imported_twice_counts_once() {
    let world = World::new();
    for day in 1..=9 {
        world.write(&format!("in/{day}.json"), report("a.example", day, 10, 1));
        world.write(&format!("in/deep/{day}.eml"), mail(&report("b.example", day, 5, 0)));
    }
    world.write("in/notes.txt", "nothing of interest\n");
    std::os::unix::fs::symlink("/etc", world.path("in/link")).unwrap();
    let folder = world.path("in");
    let (account, status) = world.import(&folder);
    assert_eq!(status, 0, "{account}");
    assert_eq!((&account["submissions"], &account["new"]), (&json!(18), &json!(18)));
    assert_eq!(account["reports"]["new"], 18);
    assert_eq!(account["reports"]["unverified"], 18);
    assert_eq!(account["passed_over"], 1);
    let before = world.summary(&["--unverified"]);
    let (account, _) = world.import(&folder);
    assert_eq!((&account["new"], &account["duplicate"]), (&json!(0), &json!(18)));
    assert_eq!(account["reports"]["new"], 0);
    assert_eq!(world.summary(&["--unverified"]), before);
    assert_eq!(before["scopes"][1]["successful"]["lower"], 9 * 10 + 9 * 5);
    // The same report in a mail, where a line end has come behind it: it is not added to itself.
    let again = world.write("again.eml", mail(&report("a.example", 1, 10, 1)));
    let (account, _) = world.import(&again);
    assert_eq!((&account["new"], &account["reports"]["new"]), (&json!(1), &json!(0)));
    assert_eq!(world.summary(&["--unverified"]), before);
}

#[test]
fn every_file_of_the_field_is_read_or_kept_apart_with_a_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls-rpt/tests/mails");
    for part in ["field", "quirks", "postfix"] {
        let world = World::new();
        let (account, _) = world.import(&folder.join(part));
        let apart = account["quarantined"].as_object().unwrap();
        let apart: u64 = apart.values().map(|count| count.as_u64().unwrap()).sum();
        let submissions = account["submissions"].as_u64().unwrap();
        assert!(submissions > 0 && apart < submissions, "{part}: {account}");
        assert_eq!(account["left"], 0, "{part}: {account}");
        assert!(account["reports"]["new"].as_u64().unwrap() > 0, "{part}: {account}");
        // Nothing changes by reading again.
        let (out, _, _) = world.run(&["reparse", "--all", "--no-dns", "--format", "json"]);
        let again: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(again["reports"]["new"], 0, "{part}: {again}");
        assert_eq!(again["quarantined"], account["quarantined"], "{part}");
    }
}

/// Files are read side by side, and the small one is ready long before the large one.
#[test]
fn of_revisions_in_a_folder_the_one_with_the_last_name_counts() {
    let detail = r#"{"result-type":"validation-failure","failure-reason-code":"x",
        "failed-session-count":1}"#;
    let details = format!(r#""failure-details":[{}]}}]}}"#, vec![detail; 12_000].join(","));
    let small = report("a.example", 1, 3, 12_000);
    let large = format!("{},{details}", small.strip_suffix("}]}").unwrap());
    let revision = |successful| report("a.example", 1, successful, 0);
    for (first, last, successful) in [
        (&large, &revision(7), 7),
        (&revision(7), &large, 3),
        // One after the other would be in order by chance; these are written the other way round.
        (&revision(8), &revision(9), 9),
    ] {
        let world = World::new();
        world.write("in/b.json", last);
        world.write("in/a.json", first);
        for number in 0..50 {
            world.write(&format!("in/a{number}.json"), report("b.example", 2, number, 0));
        }
        let (account, _) = world.import(&world.path("in"));
        assert_eq!(account["reports"]["revision"], 1 + 49, "{account}");
        let counted = &world.summary(&["--unverified"])["scopes"][1];
        assert_eq!(counted["reports"], 2);
        // Of `a0` to `a49`, `a9` has the last name.
        assert_eq!(counted["successful"]["lower"], successful + 9);
    }
}

/// Only the first was read, and the others were lost.
#[test]
fn reports_that_share_a_file_are_all_read() {
    let world = World::new();
    let [one, two, three] = [1, 2, 3].map(|day| report("a.example", day, 10, 1));
    let row = world.write("in/row.json", format!("{one}\n{two}"));
    world.write("in/array.json", format!("[{one},{three}]"));
    let (account, status) = world.import(&world.path("in"));
    assert_eq!((status, &account["submissions"]), (0, &json!(2)), "{account}");
    let reports = &account["reports"];
    assert_eq!((&reports["new"], &reports["duplicate"]), (&json!(3), &json!(1)), "{account}");
    assert_eq!(world.summary(&["--unverified"])["scopes"][1]["successful"]["lower"], 30);
    let (out, ..) = world.run(&["export", "--unverified"]);
    assert_eq!(out.matches("several-in-text").count(), 3, "{out}");
    let row = row.to_str().unwrap();
    let (page, said, status) = world.run(&["show", row]);
    assert_eq!((status, page.matches("TLS report by").count()), (0, 2), "{page}{said}");
}

#[test]
fn the_account_of_an_import_says_why_reports_are_unverified() {
    let world = World::new();
    let unsigned = mail(&report("a.example", 1, 1, 0));
    let signed = |domain: &str, more: &str| {
        format!(
            "DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=s;{more} h=from; bh=AAAA; b=AAAA\n{}",
            mail(&report("a.example", 2, 1, 0))
        )
    };
    world.write("in/1.json", report("a.example", 3, 1, 0));
    world.write("in/2.eml", &unsigned);
    world.write("in/3.eml", signed("reporter.example", ""));
    world.write("in/4.eml", signed("stranger.example", ""));
    world.write("in/5.eml", unsigned.replace("From: a@reporter.example", "From: nobody"));
    let (account, _) = world.import(&world.path("in"));
    let because = json!({ "no-mail": 1, "no-signature": 1, "key-not-asked": 1, "not-aligned": 1,
                          "from-unclear": 1 });
    assert_eq!(account["reports"]["unverified_because"], because, "{account}");
    let folder = world.path("in");
    let again = ["reparse", "--all", "--no-dns"];
    let (page, said, _) = world.run(&again);
    for words in ["signed, yet not by the domain in From", "the mail has no DKIM signature"] {
        assert!(page.contains(words), "{}: {page}{said}", folder.display());
    }
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
}

#[test]
fn mailbox_files_are_taken_apart() {
    let world = World::new();
    let from = "From a@reporter.example Thu Nov 26 18:07:32 2026\n";
    let mails: Vec<String> =
        (1..=5).map(|day| format!("{from}{}\n", mail(&report("a.example", day, 1, 0)))).collect();
    let path = world.write("reports", mails.concat());
    let (account, status) = world.import(&path);
    assert_eq!((status, &account["submissions"]), (0, &json!(5)), "{account}");
    assert_eq!(account["reports"]["new"], 5);
}

#[test]
fn of_a_maildir_what_is_delivered_is_taken_and_left_alone() {
    let world = World::new();
    for (place, day) in [("new/1.host", 1), ("cur/2.host:2,S", 2), (".Reports/cur/3.host", 3)] {
        world.write(&format!("Maildir/{place}"), mail(&report("a.example", day, 1, 0)));
    }
    fs_err::create_dir_all(world.path("Maildir/.Reports/new")).unwrap();
    world.write("Maildir/tmp/4.host", mail(&report("a.example", 4, 1, 0)));
    world.write("Maildir/dovecot.index.log", "From: nobody\n\n");
    let (account, status) = world.import(&world.path("Maildir"));
    assert_eq!((status, &account["submissions"]), (0, &json!(3)), "{account}");
    assert!(world.path("Maildir/new/1.host").exists());
}

#[test]
fn a_mail_server_is_told_to_try_again_only_when_nothing_is_stored() {
    let world = World::new();
    let text = mail(&report("a.example", 1, 1, 0));
    let arguments = ["import", "--no-dns", "--format", "json", "-"];
    let (out, said, status) = world.run_with(&arguments, text.as_bytes());
    assert_eq!(status, 0, "{said}");
    assert!(out.contains("\"new\": 1"), "{out}");
    // With the line that a mail server may put before it, it is the same mail.
    let with_line = format!("From a@reporter.example  Thu Nov 26 18:07:32 2026\n{text}");
    let (out, _, status) = world.run_with(&arguments, with_line.as_bytes());
    assert_eq!((status, out.contains("\"duplicate\": 1")), (0, true), "{out}");
    // What cannot be read is stored too.
    let (_, said, status) = world.run_with(&arguments, b"Subject: hello\n\nnothing\n");
    assert_eq!((status, said.contains("no-report-in-mail")), (0, true), "{said}");
    // No room to store it: try again. Too long: never.
    let mut elsewhere = std::process::Command::new(env!("CARGO_BIN_EXE_sealpost"));
    elsewhere.args(["receive", "import", "--no-dns", "-", "--store"]);
    let output =
        elsewhere.arg(world.path("missing/store.sqlite")).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(75));
    let (_, said, status) = world.run_with(&arguments, &vec![b'a'; 16 << 20]);
    assert_eq!(status, 65, "{said}");
}

/// The doors let a mail in that the pipe refused for good.
#[test]
fn a_pipe_takes_what_the_configuration_lets_in() {
    let world = World::new();
    for (limit, status) in [(20 << 20, 0), (15 << 20, 65)] {
        let text = format!(
            "[receive]\nstore = \"store.sqlite\"\nlimits = {{ message_octets = {limit} }}\n"
        );
        let configuration = world.write("sealpost.toml", text);
        let arguments = ["receive", "import", "--no-dns", "-", "--config"];
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sealpost"));
        let mail = world.write("mail", "a".repeat(16 << 20));
        let output = command
            .args(arguments)
            .arg(configuration)
            .stdin(fs_err::File::open(mail).unwrap().into_parts().0)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(status), "{output:?}");
    }
}

#[test]
fn an_import_that_was_killed_goes_on() {
    let world = World::new();
    let count = 3000;
    for number in 0..count {
        let domain = format!("d{number}.example");
        world.write(&format!("in/{number}.json"), report(&domain, 1, 3, 1));
    }
    let folder = world.path("in");
    for pause in [20, 60, 120] {
        let mut child = world
            .command(&["import", "--no-dns", folder.to_str().unwrap()])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (account, status) = world.import(&folder);
    assert_eq!((status, &account["submissions"]), (0, &json!(count)), "{account}");
    let unverified = &world.summary(&["--unverified"])["scopes"][1];
    assert_eq!(unverified["reports"], count);
    assert_eq!(unverified["successful"]["lower"], count * 3);
}

#[test]
fn domains_that_are_published_are_ours_and_all_are_where_none_is_named() {
    let published = "[publish.domains.\"published.example\"]\nmx = [\"mx.published.example\"]\n\
                     host = \"own\"\n";
    let named = "domains = [\"named.example\"]\n";
    for (receive, publish, ours) in
        [("", "", 3), ("", published, 1), (named, "", 1), (named, published, 2)]
    {
        let world = World::new();
        let text = format!("[receive]\n{receive}{publish}");
        let configuration = world.write("sealpost.toml", text);
        for domain in ["named.example", "published.example", "other.example"] {
            world.write(&format!("reports/{domain}.json"), report(domain, 20, 5, 0));
        }
        let (out, said, status) = world.run(&[
            "import",
            "--no-dns",
            "--format",
            "json",
            "--config",
            configuration.to_str().unwrap(),
            world.path("reports").to_str().unwrap(),
        ]);
        assert!(status == 0 || status == 1, "{said}{out}");
        let summary = world.summary(&["--since", "2026-11-01", "--until", "2026-12-01"]);
        let scopes = summary["scopes"].as_array().unwrap();
        let reports = |name: &str| {
            let scope = scopes.iter().find(|scope| scope["scope"] == name);
            scope.map_or(0, |scope| scope["reports"].as_u64().unwrap())
        };
        // Nobody vouches for what is not signed.
        assert_eq!(
            (reports("unverified"), reports("not-ours")),
            (ours, 3 - ours),
            "{receive}{publish}: {summary:#}"
        );
    }
}

#[test]
fn what_cannot_be_reached_is_named_once_with_what_to_do() {
    let world = World::new();
    let report = world.write("1.json", report("a.example", 1, 10, 1));
    let (none, turning) = (world.path("none.eml"), world.path("turning"));
    std::os::unix::fs::symlink("turning", &turning).unwrap();
    let paths = [&none, &turning, &report].map(|path| path.to_str().unwrap());
    let (out, said, status) = world.run(&[&["import", "--no-dns"], &paths[..]].concat());
    let [none, turning, _] = paths;
    let expected = format!(
        "{none}: there is no such file or folder; see whether the name is right\n\
         {turning}: Too many levels of symbolic links (os error 40)\n"
    );
    assert_eq!((said, status), (expected, 1));
    assert!(out.contains("  new           1\n"), "{out}");
    assert!(out.contains("left where they are: 2"), "{out}");
}
