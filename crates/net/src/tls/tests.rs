//! Tests of the handshake and of every verdict on certificates, with real handshakes on loopback.

use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, PKCS_ECDSA_P521_SHA512,
    date_time_ymd,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use sealpost_evidence::{
    CertificateFault, ConnectionFault, ConnectionFaultKind, ConnectionStage, TlsSession,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::verifier::RecordingVerifier;
use super::*;
use crate::TrustRoots;
use crate::deadline::Deadline;
use crate::testing::{
    Authority, Identity, accept, authority_params, domain, loopback_guard, mutations, params, serve,
};

const NAME: &str = "mta-sts.example.com";

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

async fn handshake(
    client: &TlsClient,
    address: std::net::SocketAddr,
    deadline: Deadline,
) -> Result<TlsSession, ConnectionFault> {
    let stream = crate::connect::connect(address, &loopback_guard(), soon()).await?;
    let name = domain(NAME);
    let (_, session) = client.handshake(stream, &name, Protocol::Smtp, deadline).await?;
    Ok(session)
}

/// The session with a server of this identity, as seen by someone who trusts this authority.
async fn shown(root: &Authority, identity: Identity) -> TlsSession {
    let acceptor = identity.acceptor();
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Some(mut stream) = accept(&acceptor, stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await;
    handshake(&root.client(), address, soon()).await.unwrap()
}

fn expired() -> CertificateFault {
    CertificateFault::Expired { not_after: "2030-06-01T00:00:00Z".parse().unwrap() }
}

fn not_yet() -> CertificateFault {
    CertificateFault::NotYetValid { not_before: "2030-07-01T00:00:00Z".parse().unwrap() }
}

fn not_for(presented: &[&str]) -> CertificateFault {
    CertificateFault::NameMismatch {
        expected: NAME.to_owned(),
        presented: presented.iter().map(|name| (*name).to_owned()).collect(),
        common_name_fits: false,
    }
}

fn out_of_date(names: &[&str]) -> CertificateParams {
    let mut params = params(names);
    params.not_after = date_time_ymd(2030, 6, 1);
    params
}

fn too_early(names: &[&str]) -> CertificateParams {
    let mut params = params(names);
    params.not_before = date_time_ymd(2030, 7, 1);
    params
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = params(&[]);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn marked_as_authority(mut leaf: CertificateParams) -> CertificateParams {
    leaf.is_ca = authority_params("").is_ca;
    leaf
}

fn for_clients() -> CertificateParams {
    let mut params = params(&[NAME]);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# MUST present an X.509 certificate that is valid for the "mta-sts"
//# DNS-ID [RFC6125] (e.g., "mta-sts.example.com") as described below,
//# chain to a root CA that is trusted by the Sending MTA, and be non-
//# expired.
async fn every_fault_of_a_certificate_is_found() {
    use CertificateFault::{SelfSigned, UnknownIssuer, WrongPurpose};
    let root = Authority::root("Root");
    let stranger = Authority::root("Stranger");
    let impostor = Authority::root("Root");
    let middle = root.below(authority_params("Middle"));
    let old = root.below({
        let mut params = authority_params("Old");
        params.not_after = date_time_ymd(2030, 6, 1);
        params
    });
    let strange_middle = stranger.below(authority_params("Strange middle"));
    let p521 = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
    let own = |params: &CertificateParams| Identity::self_signed(params);

    for (case, identity, faults) in [
        ("good", root.issue(&params(&[NAME])), vec![]),
        ("upper case", root.issue(&params(&["MTA-STS.Example.COM"])), vec![]),
        ("P-521", root.issue_for(&params(&[NAME]), p521), vec![]),
        ("with its intermediate", middle.issue(&params(&[NAME])).beside(&middle), vec![]),
        (
            "wrong name",
            root.issue(&params(&["www.example.com"])),
            vec![not_for(&["www.example.com"])],
        ),
        ("expired", root.issue(&out_of_date(&[NAME])), vec![expired()]),
        ("not yet valid", root.issue(&too_early(&[NAME])), vec![not_yet()]),
        ("unknown authority", stranger.issue(&params(&[NAME])), vec![UnknownIssuer]),
        (
            "unknown authority with its intermediate",
            strange_middle.issue(&params(&[NAME])).beside(&strange_middle),
            vec![UnknownIssuer],
        ),
        (
            "an authority's name, another's key",
            impostor.issue(&params(&[NAME])),
            vec![CertificateFault::BadSignature],
        ),
        ("missing intermediate", middle.issue(&params(&[NAME])), vec![UnknownIssuer]),
        ("expired intermediate", old.issue(&params(&[NAME])).beside(&old), vec![expired()]),
        (
            "both expired, at one time",
            old.issue(&out_of_date(&[NAME])).beside(&old),
            vec![expired()],
        ),
        ("self-signed", own(&params(&[NAME])), vec![SelfSigned]),
        (
            "self-signed as an authority",
            own(&marked_as_authority(params(&[NAME]))),
            vec![SelfSigned],
        ),
        ("for clients", root.issue(&for_clients()), vec![WrongPurpose]),
        (
            "expired, unknown authority",
            stranger.issue(&out_of_date(&[NAME])),
            vec![expired(), UnknownIssuer],
        ),
        (
            "expired, wrong name",
            root.issue(&out_of_date(&["x.example"])),
            vec![expired(), not_for(&["x.example"])],
        ),
        (
            "not yet valid, unknown authority",
            stranger.issue(&too_early(&[NAME])),
            vec![not_yet(), UnknownIssuer],
        ),
        ("self-signed, expired", own(&out_of_date(&[NAME])), vec![expired(), SelfSigned]),
        (
            "self-signed as an authority, expired, wrong name",
            own(&marked_as_authority(out_of_date(&["x.example"]))),
            vec![expired(), not_for(&["x.example"]), SelfSigned],
        ),
        (
            "expired intermediate, unknown authority",
            {
                let mut params = authority_params("Strange and old");
                params.not_after = date_time_ymd(2030, 6, 1);
                let issuer = stranger.below(params);
                issuer.issue(&params_with_name()).beside(&issuer)
            },
            vec![expired(), UnknownIssuer],
        ),
    ] {
        let session = shown(&root, identity).await;
        assert_eq!(session.faults, faults, "{case}");
        assert_eq!(session.is_verified(), faults.is_empty(), "{case}");
    }
}

fn params_with_name() -> CertificateParams {
    params(&[NAME])
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# DNS domain names in server certificates MAY contain the wildcard
//# character '*' as the complete left-most label within the
//# identifier.
async fn a_wildcard_is_a_whole_leftmost_label() {
    let root = Authority::root("Root");
    let good = shown(&root, root.issue(&params(&["*.example.com"]))).await;
    assert_eq!(good.faults, []);
    for name in ["mta*.example.com", "m*-sts.example.com", "*.com", "*.mta-sts.example.com"] {
        let session = shown(&root, root.issue(&params(&[name]))).await;
        assert_eq!(session.faults, [not_for(&[name])], "{name}");
    }
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# Matching is performed only against the DNS-ID identifiers.
async fn a_common_name_does_not_count() {
    let root = Authority::root("Root");
    for (common_name, fits) in [
        (NAME, true),
        ("MTA-STS.example.com", true),
        ("*.example.com", true),
        ("*.com", false),
        ("example.com", false),
    ] {
        let session = shown(&root, root.issue(&named(common_name))).await;
        let expected = CertificateFault::NameMismatch {
            expected: NAME.to_owned(),
            presented: vec![],
            common_name_fits: fits,
        };
        assert_eq!(session.faults, [expected], "{common_name}");
    }
}

#[tokio::test]
async fn dates_that_exclude_each_other_are_told_as_dates() {
    let root = Authority::root("Root");
    let mut early = authority_params("Early");
    early.not_after = date_time_ymd(2029, 1, 1);
    let early = root.below(early);
    let session = shown(&root, early.issue(&params(&[NAME])).beside(&early)).await;
    let not_after = "2029-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(session.faults, [CertificateFault::Expired { not_after }]);
}

#[tokio::test]
async fn the_facts_of_a_session_are_kept() {
    let root = Authority::root("Root");
    let middle = root.below(authority_params("Middle"));
    let mut leaf = params(&[NAME, "*.example.org"]);
    leaf.distinguished_name.push(DnType::CommonName, "a\u{1b}b");
    leaf.not_after = date_time_ymd(9999, 12, 31);
    let identity = middle.issue(&leaf).beside(&middle);
    let der = identity.chain[0].to_vec();
    let session = shown(&root, identity).await;
    assert_eq!(session.version, "TLSv1.3");
    assert!(session.cipher_suite.starts_with("TLS_"), "{}", session.cipher_suite);
    assert!(!session.cipher_suite.starts_with("TLS13"), "{}", session.cipher_suite);
    assert_eq!(session.server_name, NAME);
    let [shown, issuer] = session.certificates.as_slice() else { panic!("{session:?}") };
    assert_eq!(shown.dns_names, [NAME, "*.example.org"]);
    assert_eq!(shown.common_name.as_deref(), Some("a\\u{1b}b"), "made printable");
    assert!(shown.issuer.contains("CN=Middle"), "{}", shown.issuer);
    assert_eq!(shown.key, "ECDSA P-256");
    assert_eq!(shown.not_before.to_string(), "2030-01-01T00:00:00Z");
    assert_eq!(shown.der.as_slice(), der);
    assert_eq!(shown.sha256.len(), 64);
    assert!(issuer.subject.contains("CN=Middle"), "{}", issuer.subject);
}

#[tokio::test]
async fn tls_1_2_is_spoken_and_named() {
    let root = Authority::root("Root");
    let acceptor = root.issue(&params(&[NAME])).acceptor_with(&[&rustls::version::TLS12]);
    let address = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Some(mut stream) = accept(&acceptor, stream).await {
                let _ = stream.read(&mut [0; 16]).await;
            }
        }
    })
    .await;
    let session = handshake(&root.client(), address, soon()).await.unwrap();
    assert_eq!(session.version, "TLSv1.2");
    assert!(session.cipher_suite.starts_with("TLS_ECDHE_"), "{}", session.cipher_suite);
    assert!(session.is_verified());
}

#[tokio::test]
async fn handshakes_that_fail_tell_why() {
    use ConnectionFaultKind::{Closed, Malformed, TimedOut, TlsAlert, TlsIncompatible};
    let alert = b"\x15\x03\x01\x00\x02\x02\x46"; // fatal, protocol_version
    // A ServerHello of TLS 1.0.
    let mut old = b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01".to_vec();
    old.extend([7; 32]);
    old.extend(b"\x00\xc0\x13\x00");
    for (case, answer, kind) in [
        ("alert", Some(alert.to_vec()), TlsAlert),
        ("TLS 1.0 only", Some(old), TlsIncompatible),
        ("not TLS", Some(b"500 what?\r\n".to_vec()), Malformed),
        ("closed", Some(vec![]), Closed),
        ("silence", None, TimedOut),
    ] {
        let address = serve(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.read(&mut [0; 4096]).await;
                match answer {
                    Some(answer) => drop(stream.write_all(&answer).await),
                    None => tokio::time::sleep(Duration::from_secs(60)).await,
                }
            }
        })
        .await;
        let client = Authority::root("Root").client();
        let deadline = Deadline::after(Duration::from_millis(500));
        let fault = handshake(&client, address, deadline).await.unwrap_err();
        assert_eq!(
            (fault.stage, fault.kind),
            (ConnectionStage::TlsHandshake, kind),
            "{case}: {fault:?}"
        );
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_could_verify_is_seen_all_the_same() {
    let root = Authority::root("Root");
    let mut critical = params(&[NAME]);
    let mut extension =
        rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    critical.custom_extensions = vec![extension];
    let p521 = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
    for (version, key) in [
        (&rustls::version::TLS13, None),
        (&rustls::version::TLS12, None),
        (&rustls::version::TLS12, Some(p521)),
    ] {
        let identity = match key {
            Some(key) => root.issue_for(&critical, key),
            None => root.issue(&critical),
        };
        let acceptor = identity.unchecked_acceptor(version);
        let address = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Some(mut stream) = accept(&acceptor, stream).await {
                    let _ = stream.read(&mut [0; 16]).await;
                }
            }
        })
        .await;
        let session = handshake(&root.client(), address, soon()).await.unwrap();
        assert_eq!(session.certificates[0].dns_names, [NAME]);
        let [CertificateFault::Other { detail }] = session.faults.as_slice() else {
            panic!("{:?}", session.faults);
        };
        assert!(detail.to_ascii_lowercase().contains("critical"), "{detail}");
    }
}

#[tokio::test]
async fn who_does_not_hold_the_key_gets_no_session() {
    // A certificate with another's key, and a critical extension so that the key alone is used.
    let root = Authority::root("Root");
    let mut critical = params(&[NAME]);
    let mut extension =
        rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    critical.custom_extensions = vec![extension];
    for params in [critical, params(&[NAME])] {
        for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
            let mut identity = root.issue(&params);
            identity.key = KeyPair::generate().unwrap();
            let acceptor = identity.unchecked_acceptor(version);
            let address = serve(move |stream| {
                let acceptor = acceptor.clone();
                async move { drop(accept(&acceptor, stream).await) }
            })
            .await;
            let fault = handshake(&root.client(), address, soon()).await.unwrap_err();
            assert_eq!(fault.kind, ConnectionFaultKind::Malformed, "{fault:?}");
        }
    }
}

#[test]
fn what_is_no_certificate_is_malformed() {
    let root = Authority::root("Root");
    let verifier =
        RecordingVerifier::new(Arc::new(root.store()), Arc::new(aws_lc_rs::default_provider()));
    assert_eq!(verifier.verdict(), None);
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
    let name = ServerName::try_from(NAME).unwrap();
    let good = root.issue(&params(&[NAME])).chain.remove(0);
    let mut trailing = good.to_vec();
    trailing.push(0);
    let cut = good[..good.len() - 1].to_vec();
    for der in [b"garbage".to_vec(), vec![], trailing, cut] {
        let der = CertificateDer::from(der);
        assert!(verifier.verify_server_cert(&der, &[], &name, &[], now).is_ok());
        let faults = verifier.verdict().unwrap();
        assert!(matches!(faults.as_slice(), [CertificateFault::Malformed { .. }]), "{faults:?}");
    }
}

#[test]
fn a_changed_certificate_is_never_verified_and_never_a_panic() {
    let root = Authority::root("Root");
    let verifier =
        RecordingVerifier::new(Arc::new(root.store()), Arc::new(aws_lc_rs::default_provider()));
    let now = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
    let name = ServerName::try_from(NAME).unwrap();
    let good = root.issue(&params(&[NAME])).chain.remove(0);
    for octets in mutations(&good).filter(|octets| *octets != good.to_vec()) {
        facts::read(&octets);
        let der = CertificateDer::from(octets);
        assert!(verifier.verify_server_cert(&der, &[], &name, &[], now).is_ok());
        assert_ne!(verifier.verdict(), Some(Vec::new()), "{der:?}");
    }
}

#[test]
fn roots_come_from_a_file_or_from_somewhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("roots.pem");
    let pem = Authority::root("One").0.pem() + &Authority::root("Two").0.pem();
    fs_err::write(&file, pem).unwrap();
    let roots = TrustedRoots::load(&TrustRoots::File(file.clone())).unwrap();
    assert_eq!(roots.store.len(), 2);
    assert!(roots.origin.contains("roots.pem"), "{}", roots.origin);

    for text in
        ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
    {
        fs_err::write(&file, text).unwrap();
        let error = TrustedRoots::load(&TrustRoots::File(file.clone())).unwrap_err();
        assert!(error.to_string().contains("roots.pem"), "{error}");
    }
    let missing = TrustRoots::File(folder.path().join("none.pem"));
    assert!(TrustedRoots::load(&missing).unwrap_err().to_string().contains("none.pem"));

    let system = TrustedRoots::load(&TrustRoots::System).unwrap();
    assert!(!system.store.is_empty() && !system.origin.is_empty());
}
