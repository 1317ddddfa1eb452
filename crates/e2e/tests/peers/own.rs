//! Reports of our own, read by other people's programs: dkimpy verifies their signatures, and
//! parsedmarc and mail-auth read them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use sealpost_e2e::{
    DkimpyVerdict, Domain, Environment, ParsedmarcVerdict, ReadByMailAuth, World, ask_dkimpy,
    ask_mail_auth, ask_parsedmarc, sealpost_binary,
};
use serde_json::Value;

/// A verifier that knows nothing of TLS reports takes no key that is for them alone: a sender with
/// such a key has mails that fail DKIM at most receivers.
const KEY_FOR_REPORTS: DkimpyVerdict =
    DkimpyVerdict { as_mail: false, as_report: true, as_strict_report: true };
/// A key for any service is taken everywhere, but by who insists on one for reports alone, which
/// RFC 8460 does not.
const KEY_FOR_ANYTHING: DkimpyVerdict =
    DkimpyVerdict { as_mail: true, as_report: true, as_strict_report: false };

#[test]
fn dkimpy_verifies_our_mails_of_both_key_types_and_others_read_them() {
    let environment = Environment::start(&World::new(vec![Domain::good("good.test")])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mails: Vec<(PathBuf, String)> = ["rsa", "ed25519"]
        .into_iter()
        .map(|kind| {
            let key = folder.path().join(format!("{kind}.key"));
            let algorithm: &[&str] = match kind {
                "rsa" => &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                _ => &["ED25519"],
            };
            let made = std::process::Command::new("openssl")
                .args(["genpkey", "-algorithm"])
                .args(algorithm)
                .arg("-out")
                .arg(&key)
                .output()
                .unwrap();
            assert!(made.status.success(), "{made:?}");
            let mail = folder.path().join(format!("{kind}.eml"));
            let record = signed_mail(&environment, &key, &mail);
            (mail, record)
        })
        .collect();

    let bound: Vec<String> = mails.iter().map(|(_, record)| for_reports(record)).collect();
    let asked: Vec<(&Path, &str)> = mails
        .iter()
        .zip(&bound)
        .flat_map(|((mail, record), bound)| {
            [(mail.as_path(), record.as_str()), (mail.as_path(), bound.as_str())]
        })
        .collect();
    let verdicts = ask_dkimpy(&asked).unwrap();
    let expected = [KEY_FOR_ANYTHING, KEY_FOR_REPORTS, KEY_FOR_ANYTHING, KEY_FOR_REPORTS];
    assert_eq!(verdicts, expected);

    // It can say no: one octet of the body is another.
    let text = fs_err::read_to_string(&mails[0].0).unwrap();
    let changed = folder.path().join("changed.eml");
    fs_err::write(&changed, text.replacen("TLS report", "TLS Report", 9)).unwrap();
    assert_ne!(fs_err::read_to_string(&changed).unwrap(), text);
    assert!(!ask_dkimpy(&[(changed.as_path(), mails[0].1.as_str())]).unwrap()[0].as_mail);

    // The mails, and the files in them.
    let mut files = Vec::new();
    for name in ["rsa", "ed25519"] {
        let mail = fs_err::read_to_string(folder.path().join(format!("{name}.eml"))).unwrap();
        fs_err::write(folder.path().join(format!("{name}.json.gz")), attachment(&mail)).unwrap();
        files.extend([format!("{name}.eml"), format!("{name}.json.gz")]);
        let read = ask_mail_auth(&folder.path().join(format!("{name}.eml"))).unwrap();
        assert_eq!(read, ReadByMailAuth { successful: 0, failed: 0, details: 0 });
    }
    let read = ask_parsedmarc(folder.path(), &files).unwrap();
    let expected = ParsedmarcVerdict::Read { successful: 0, failed: 0 };
    assert_eq!(read.len(), 4);
    assert!(read.values().all(|verdict| *verdict == expected), "{read:?}");
}

/// Has `receive test` sign a mail and hand it to a program, which writes it into a file; the record
/// of the key that it says to publish.
fn signed_mail(environment: &Environment, key: &Path, mail: &Path) -> String {
    let program = key.with_extension("sendmail");
    fs_err::write(&program, format!("#!/bin/sh\nexec cat > {}\n", mail.display())).unwrap();
    fs_err::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = environment.settings_file();
    let test = ["receive", "test", "good.test", "--contact", "reports@sender.test"];
    let signing = ["--key", key.to_str().unwrap(), "--selector", "s1", "--wait", "0"];
    let way = ["--sendmail", program.to_str().unwrap(), "--network", settings.to_str().unwrap()];
    let arguments = [&test[..], &signing, &way, &["--format", "json"]].concat();
    let output = environment.run(&sealpost_binary().unwrap(), arguments).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let account: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    assert_eq!(account["destinations"][0]["submission"], "accepted", "{account:#}{said}");
    account["signed"]["record"].as_str().unwrap().to_owned()
}

/// The same key for reports alone, as RFC 8460 would have it.
fn for_reports(record: &str) -> String {
    assert!(!record.contains("; s="), "the record that we advise is for whatever it is used for");
    record.replace(" p=", " s=tlsrpt; p=")
}

/// The last part of a mail, out of its base64.
fn attachment(mail: &str) -> Vec<u8> {
    let (_, part) = mail.rsplit_once("Content-Transfer-Encoding: base64").unwrap();
    // `sendmail` is given the lines as they end on this machine.
    let (_, body) = part.split_once("\n\n").unwrap();
    let (body, _) = body.split_once("--").unwrap();
    let text: String = body.split_whitespace().collect();
    BASE64.decode(text.as_bytes()).unwrap()
}
