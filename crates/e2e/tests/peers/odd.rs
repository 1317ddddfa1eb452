//! Odd mails, from swaks and from Python's own client, at the doors of mail.

use std::path::Path;

use sealpost_e2e::{Domain, Environment, World};

use crate::receive::{Receive, wait};

const SMTP: &str = "127.0.0.1:8464";
const LMTP: &str = "127.0.0.1:8465";
const RECIPIENT: &str = "tls-reports@good.test";

/// What becomes of a mail that was taken.
#[derive(Clone, Copy)]
enum Becomes {
    /// So many new reports, in one mail.
    Reports(u64),
    /// So many mails, with one new report each.
    Mails(u64),
    /// It is kept apart.
    Apart,
    /// It was not taken.
    Nothing,
}
use Becomes::{Apart, Mails, Nothing, Reports};

struct Doors<'a> {
    environment: &'a Environment,
    receive: Receive<'a>,
}

impl Doors<'_> {
    /// Hands over a mail with swaks. Its exit status, what it must have heard, and what becomes of it.
    fn swaks(&self, arguments: &[&str], status: i32, heard: &[&str], becomes: Becomes) {
        let before = self.counts();
        let base = ["--from", "r@reporter.test", "--helo", "client.test", "--timeout", "20"];
        let arguments = [&base[..], arguments].concat();
        let output = self.environment.run_inside("swaks", &arguments).unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let wrong = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}\n{said}{wrong}");
        for words in heard {
            assert!(said.contains(words), "no {words:?}: {arguments:?}\n{said}");
        }
        self.became(before, becomes, &format!("{arguments:?}\n{said}"));
    }

    /// The same with a script of Python, which says nothing when all is well.
    fn python(&self, script: &str, becomes: Becomes) {
        let before = self.counts();
        let script = format!(
            "from smtplib import SMTP, LMTP, SMTPSenderRefused\nto = '{RECIPIENT}'\n{script}"
        );
        let output = self.environment.run_inside("python3", &["-c", &script]).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}");
        self.became(before, becomes, &script);
    }

    /// Reports, submissions kept apart, submissions stored.
    fn counts(&self) -> [u64; 3] {
        let metrics = self.receive.metrics();
        let sum = |name: &str| -> u64 {
            let lines = metrics.lines().filter(|line| line.starts_with(name));
            lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
        };
        let new = self.receive.metric("sealpost_receive_reports_total{as=\"new\"}");
        [new, sum("sealpost_receive_quarantined_total"), sum("sealpost_receive_stored_total")]
    }

    fn became(&self, before: [u64; 3], becomes: Becomes, case: &str) {
        let more = match becomes {
            Reports(count) => [count, 0, 1],
            Mails(count) => [count, 0, count],
            Apart => [0, 1, 1],
            Nothing => [0, 0, 0],
        };
        let [new, apart, stored] = [0, 1, 2].map(|index| before[index] + more[index]);
        let counts = || self.counts();
        wait(
            || (counts() == [new, apart, stored]).then_some(()),
            || format!("{before:?} became {:?} by {case}", counts()),
        );
    }
}

#[test]
fn odd_mails_are_taken_or_refused_with_the_right_words() {
    let environment = Environment::start(&World::new(vec![Domain::good("good.test")])).unwrap();
    let doors = Doors {
        receive: Receive::start(&environment, "mx1.good.test", "127.70.1.2:443", ""),
        environment: &environment,
    };
    write_mails(environment.directory());
    let mail = ["--server", SMTP, "--to", RECIPIENT, "--data"];
    let with = |file: &'static str, more: &[&'static str]| [&mail[..], &[file], more].concat();

    // What the doors offer, and mails that are odd but in order.
    let offers = ["250-SIZE 15728640", "PIPELINING", "8BITMIME", "SMTPUTF8", "STARTTLS"];
    doors.swaks(&with("@/e2e/1.eml", &[]), 0, &offers, Reports(1));
    doors.swaks(&with("@/e2e/2.eml", &["--pipeline"]), 0, &["250 2.6.0"], Reports(1));
    let tls = ["--tls", "--tls-verify-ca", "--tls-ca-path", "/e2e/ca.pem"];
    doors.swaks(&with("@/e2e/3.eml", &tls), 0, &["TLS started with cipher TLSv1.3"], Reports(1));
    let old = ["--tls", "--tls-protocol", "tlsv1_2", "--pipeline"];
    doors.swaks(&with("@/e2e/4.eml", &old), 0, &["TLSv1.2"], Reports(1));
    doors.swaks(&with("@/e2e/5.eml", &["--protocol", "SMTP"]), 0, &["250 "], Reports(1));
    doors.swaks(&with("@/e2e/6.eml", &["--from", "<>"]), 0, &["MAIL FROM:<>"], Reports(1));
    doors.swaks(&with("@/e2e/two-reports.eml", &[]), 0, &[], Reports(2));
    doors.swaks(&with("@/e2e/two-mails-forwarded.eml", &[]), 0, &[], Reports(0));
    doors.swaks(&with("@/e2e/eight-bit.eml", &[]), 0, &[], Reports(1));
    doors.swaks(&with("@/e2e/dots.eml", &[]), 0, &[], Reports(1));
    // swaks makes the mail: text, a picture that is none, and the report among them.
    let made =
        ["--server", SMTP, "--to", RECIPIENT, "--body", "See the attached.", "--attach-type"];
    let made = [&made[..], &["image/png", "--attach", "no picture", "--attach-type"]].concat();
    let made = [&made[..], &["application/tlsrpt+gzip", "--attach", "@/e2e/7.json.gz"]].concat();
    doors.swaks(&made, 0, &[], Reports(1));

    // Mails without a report in them are somebody's mistake; they are kept.
    doors.swaks(&with("@/e2e/no-report-cron.eml", &[]), 0, &["250 2.6.0"], Apart);
    let bare = ["--server", SMTP, "--to", RECIPIENT, "--body", "no report", "--pipeline"];
    doors.swaks(&bare, 0, &["250 2.6.0"], Apart);

    // Nobody else is written to, here or elsewhere.
    for recipient in ["root@good.test", "postmaster@good.test", "u@elsewhere.test"] {
        let arguments = ["--server", SMTP, "--to", recipient, "--data", "@/e2e/8.eml"];
        doors.swaks(&arguments, 24, &["<** 550 5.1.1"], Nothing);
        doors.swaks(&[&arguments[..], &["--pipeline"]].concat(), 24, &["<** 550 5.1.1"], Nothing);
        let lmtp = ["--protocol", "LMTP", "--server", LMTP];
        doors.swaks(&[&arguments[..], &lmtp].concat(), 24, &["<** 550 5.1.1"], Nothing);
    }
    // Tricks of the nineties.
    for recipient in ["tls-reports%elsewhere.test@good.test", "@good.test:u@elsewhere.test"] {
        let arguments = ["--server", SMTP, "--to", recipient, "--data", "@/e2e/8.eml"];
        doors.swaks(&arguments, 24, &["<** 5"], Nothing);
    }
    // One of two is enough.
    let two = "tls-reports@good.test,root@good.test";
    let arguments = ["--server", SMTP, "--to", two, "--data", "@/e2e/8.eml"];
    doors.swaks(&arguments, 0, &["<** 550 5.1.1", "250 2.6.0"], Reports(1));
    // By LMTP there is an answer for each recipient, and one mail all the same.
    let two = "tls-reports@good.test,tls-reports@other.test";
    let arguments = ["--protocol", "LMTP", "--server", LMTP, "--to", two, "--data", "@/e2e/9.eml"];
    doors.swaks(&arguments, 0, &["250 2.6.0"], Reports(1));

    // Clients that go away.
    doors.swaks(&with("@/e2e/10.eml", &["--quit-after", "RCPT"]), 0, &["QUIT"], Nothing);
    doors.swaks(&with("@/e2e/10.eml", &["--drop-after", "DATA"]), 0, &["354"], Nothing);
    // Too long, found out on the way.
    doors.swaks(&with("@/e2e/huge.eml", &[]), 26, &["<** 552 5.3.4"], Nothing);
    // No line end but CR LF ends a mail, so nothing is smuggled in behind one.
    let smuggled = with("@/e2e/smuggled.eml", &["--no-data-fixup"]);
    doors.swaks(&smuggled, 26, &["<** 550 5.6.0"], Nothing);

    // What swaks cannot say: the parameters of MAIL.
    doors.python(
        "mail = open('/e2e/11.eml', 'rb').read()
with SMTP('127.0.0.1', 8464) as s:
    s.starttls()
    s.sendmail('r@reporter.test', [to], mail, ['BODY=8BITMIME', 'SMTPUTF8'])",
        Reports(1),
    );
    doors.python(
        "mail = open('/e2e/12.eml', 'rb').read()
with LMTP('127.0.0.1', 8465) as s:
    s.sendmail('b\\u00fccher@reporter.test', [to], mail, ['SMTPUTF8'])",
        Reports(1),
    );
    doors.python(
        "with SMTP('127.0.0.1', 8464) as s:
    s.ehlo()
    try:
        s.sendmail('r@reporter.test', [to], b'x' * 16000000)
    except SMTPSenderRefused as refused:
        assert refused.smtp_code == 552, refused",
        Nothing,
    );
    // A mail a line, many in one session.
    doors.python(
        "with SMTP('127.0.0.1', 8464) as s:
    for number in range(13, 18):
        s.sendmail('r@reporter.test', [to], open(f'/e2e/{number}.eml', 'rb').read())
        s.noop(); s.rset()",
        Mails(5),
    );
}

/// Writes what is sent, where the programs of the environment see it as `/e2e`.
fn write_mails(folder: &Path) {
    let write = |name: &str, octets: &[u8]| fs_err::write(folder.join(name), octets).unwrap();
    for number in 1..18 {
        write(&format!("{number}.eml"), mail("A report.", &report(number, "Reporter")).as_bytes());
    }
    let eight_bit = mail("Ein Bericht für Sie.", &report(20, "Bücher"));
    write("eight-bit.eml", eight_bit.as_bytes());
    write("dots.eml", mail(".\r\n..\r\n.hidden", &report(21, "Reporter")).as_bytes());
    let second = "MAIL FROM:<a@smuggled.test>\r\nRCPT TO:<tls-reports@good.test>\r\nDATA\r";
    let smuggled = mail(&format!("The end.\n.\n{second}"), &report(22, "Reporter"));
    write("smuggled.eml", format!("{smuggled}.\r\n").as_bytes());
    let mut huge = mail("A long one.", &report(23, "Reporter"));
    let line = "It goes on and on, without any hurry, and says nothing at all.\r\n";
    huge.push_str(&line.repeat(260_000));
    write("huge.eml", huge.as_bytes());
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tls-rpt/tests/mails");
    for (from, to) in [
        ("own/two-reports.eml", "two-reports.eml"),
        ("own/two-mails-forwarded.eml", "two-mails-forwarded.eml"),
        ("own/no-report-cron.eml", "no-report-cron.eml"),
        ("quirks/44-gzip.json.gz", "7.json.gz"),
    ] {
        write(to, &fs_err::read(corpus.join(from)).unwrap());
    }
}

fn report(number: u32, organization: &str) -> String {
    format!(
        r#"{{"organization-name":"{organization}","report-id":"{number}","contact-info":"r@reporter.test",
"date-range":{{"start-datetime":"2026-01-14T00:00:00Z","end-datetime":"2026-01-14T23:59:59Z"}},
"policies":[{{"policy":{{"policy-type":"sts","policy-domain":"good.test"}},
"summary":{{"total-successful-session-count":5,"total-failure-session-count":0}}}}]}}"#
    )
    .replace('\n', "\r\n")
}

fn mail(text: &str, report: &str) -> String {
    let head = "\
From: <r@reporter.test>
To: <tls-reports@good.test>
Subject: Report Domain: good.test
Date: Thu, 15 Jan 2026 01:00:00 +0000
Message-ID: <1@reporter.test>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=\"tlsrpt\"; boundary=\"b\"

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

";
    let part = "
--b
Content-Type: application/tlsrpt+json
Content-Transfer-Encoding: 8bit

";
    let [head, part] = [head, part].map(|lines| lines.replace('\n', "\r\n"));
    format!("{head}{text}{part}{report}\r\n--b--\r\n")
}
