//! Tests of the settings file.

use std::time::Duration;

use super::*;

fn read(text: &str) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.toml");
    fs_err::write(&file, text).unwrap();
    Settings::from_toml(&file)
}

#[test]
fn an_empty_file_gives_the_defaults() {
    assert_eq!(read("").unwrap(), Settings::default());
    let settings = Settings::default();
    assert_eq!((settings.https_port, settings.smtp_port), (443, 25));
    assert_eq!(settings.trust_roots, TrustRoots::System);
    assert_eq!((settings.dnssec, &settings.trust_anchors), (DnssecMode::Auto, &None));
    assert!(settings.survey_tls);
    assert!(settings.resolvers.is_empty() && settings.allowed_networks.is_empty());
    assert!(DomainName::parse(&settings.ehlo_name).unwrap().labels().count() > 1);
}

#[test]
fn every_key_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.toml");
    fs_err::write(
        &file,
        "resolvers = ['127.0.0.1:5300', '[::1]:53']\nhttps_port = 8443\nsmtp_port = 2525\n\
         trust_roots = 'ca.pem'\nallowed_networks = ['127.0.0.0/8', '::1/128']\n\
         ehlo_name = 'probe.example'\ndnssec = 'validate'\ntrust_anchors = 'root.key'\n\
         survey_tls = false\n[deadlines]\ndns = 1\nconnect = 2\ntls = 3\nhttps = 0.5\n\
         smtp_reply = 5\nsmtp = 6\ndomain = 7\n[limits]\nmail_hosts = 1\naddresses = 2\nparallel = 3\n",
    )
    .unwrap();
    let settings = Settings::from_toml(&file).unwrap();
    assert_eq!(settings.resolvers.len(), 2);
    assert_eq!((settings.https_port, settings.smtp_port), (8443, 2525));
    assert_eq!(settings.trust_roots, TrustRoots::File(folder.path().join("ca.pem")));
    assert!(settings.allowed_networks[0].contains("127.9.9.9".parse().unwrap()));
    assert_eq!(settings.ehlo_name, "probe.example");
    assert_eq!(settings.dnssec, DnssecMode::Validate);
    assert_eq!(settings.trust_anchors, Some(folder.path().join("root.key")));
    assert!(!settings.survey_tls);
    assert_eq!(settings.deadlines.https, Duration::from_millis(500));
    assert_eq!(settings.deadlines.domain, Duration::from_secs(7));
    assert_eq!(settings.limits, Limits { mail_hosts: 1, addresses: 2, parallel: 3 });
}

#[test]
fn the_word_system_means_the_machines_own_roots() {
    assert_eq!(read("trust_roots = 'system'").unwrap().trust_roots, TrustRoots::System);
}

#[test]
fn a_wrong_file_is_refused_with_its_line() {
    for (text, shown) in [
        ("https_port = 443\nhttp_port = 80", "http_port"), // unknown key
        ("[deadlines]\nhttps = 0", "https = 0"),           // no time at all
        ("[deadlines]\nhttps = -1", "https = -1"),         // before now
        ("[deadlines]\nhttps = nan", "https = nan"),       // not a number
        ("[deadlines]\nhttps = 1e9", "https = 1e9"),       // never
        ("[deadlines]\nhttp = 1", "http = 1"),             // unknown key inside
        ("[limits]\naddresses = 0", "addresses = 0"),      // nothing at all
        ("[limits]\naddresses = 65", "addresses = 65"),    // too many
        ("https_port = 70000", "70000"),                   // no such port
        ("allowed_networks = ['127.0.0.1/8']", "begins at 127.0.0.0/8"), // bits behind the prefix
        ("resolvers = ['127.0.0.1']", "127.0.0.1"),        // no port
        ("dnssec = 'on'", "trusted-resolver"),             // no such mode
        ("resolvers = [", "resolvers = ["),                // not TOML
    ] {
        let error = read(text).unwrap_err();
        assert!(matches!(error, SettingsError::Wrong { .. }), "{text}: {error:?}");
        let message = error.to_string();
        assert!(message.contains(shown) && message.contains("network.toml"), "{text}: {message}");
    }
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.toml");
    fs_err::write(&file, b"\xff\xfe").unwrap();
    assert!(matches!(Settings::from_toml(&file), Err(SettingsError::NotText { .. })));
    fs_err::write(&file, " ".repeat(64 * 1024 + 1)).unwrap();
    assert!(matches!(Settings::from_toml(&file), Err(SettingsError::NotText { .. })));
    fs_err::write(&file, " ".repeat(64 * 1024)).unwrap();
    assert!(Settings::from_toml(&file).is_ok());
    let error = Settings::from_toml(folder.path().join("none.toml")).unwrap_err();
    assert!(error.to_string().contains("none.toml"), "{error}");
}

#[test]
fn only_a_name_of_several_labels_is_given_in_ehlo() {
    assert_eq!(full_name("Host.Example.com").as_deref(), Some("host.example.com"));
    assert_eq!(full_name("localhost"), None);
    assert_eq!(full_name("(none)"), None);
    assert_eq!(full_name(""), None);
}

#[test]
fn every_mode_of_dnssec_has_its_word() {
    for (word, mode) in [
        ("auto", DnssecMode::Auto),
        ("validate", DnssecMode::Validate),
        ("trusted-resolver", DnssecMode::TrustedResolver),
        ("off", DnssecMode::Off),
    ] {
        assert_eq!(read(&format!("dnssec = '{word}'")).unwrap().dnssec, mode);
    }
}
