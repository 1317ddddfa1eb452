//! Replies.

use sealpost_wire::postfix::{Answer, Profile, Reason, Reply, Table};
use sealpost_wire::socketmap::write_reply;

#[track_caller]
fn check(reply: &Reply, expected: &str) {
    let mut out = Vec::new();
    write_reply(reply, &mut out);
    assert_eq!(out.escape_ascii().to_string(), expected);
}

#[test]
fn words() {
    check(&Answer::Dane.reply(Profile::Postfix, Table::Socketmap), "7:OK dane,");
    check(&Reply::NotFound, "9:NOTFOUND ,");
    check(&Reply::Temporary(Reason::new("no answer from DNS")), "23:TEMP no answer from DNS,");
    check(&Reply::TimedOut(Reason::new("3 s")), "11:TIMEOUT 3 s,");
    check(&Reply::Permanent(Reason::new("")), "5:PERM ,");
}

#[test]
fn reasons_are_printable_and_bounded() {
    let check = |text: &str, expected: &str| assert_eq!(Reason::new(text).as_str(), expected);
    check("plain", "plain");
    check(" \t\r\n spaced \n", "spaced");
    check("a\nb\0c\x1b[31md\u{7f}", "a?b?c?[31md?"); // no escape sequences reach a log
    check("5:NOTFOUND ,", "5:NOTFOUND ,"); // the length before it keeps it in its frame
    check("é\u{202e}漢", "???");
    check(&"x".repeat(201), &"x".repeat(200));
    check(&"é".repeat(300), &"?".repeat(200));
}
