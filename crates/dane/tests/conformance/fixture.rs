//! Authorities and certificates, made when a test runs, and short words for comparing them.

use std::ops::Deref;

use dane::{DaneOutcome, FailureCause, MatchingType, Selector, TlsaRecord, TlsaSet, Usage, verify};
use mail_domain::DomainName;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};

/// The moment at which the tests happen: 2030-06-15T12:00:00Z.
pub(crate) const NOW: i64 = 1_907_755_200;
/// 2030-06-01T00:00:00Z, when `expired` certificates ended.
pub(crate) const ENDED: i64 = 1_906_502_400;
/// 2030-07-01T00:00:00Z, when `early` certificates begin.
pub(crate) const BEGINS: i64 = 1_909_094_400;

/// The server of the tests.
pub(crate) const MX: &str = "mx.example.com";

/// A certificate authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A server's certificate in DER.
pub(crate) struct Leaf(Vec<u8>);

impl Authority {
    pub(crate) fn root(name: &str) -> Self {
        Self::of(authority_params(name))
    }

    pub(crate) fn of(params: CertificateParams) -> Self {
        Self::with_key(params, KeyPair::generate().unwrap())
    }

    pub(crate) fn with_key(params: CertificateParams, key: KeyPair) -> Self {
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    pub(crate) fn below(&self, params: CertificateParams) -> Self {
        Self(CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.0).unwrap())
    }

    pub(crate) fn issue(&self, params: &CertificateParams) -> Leaf {
        let key = KeyPair::generate().unwrap();
        Leaf(params.signed_by(&key, &self.0).unwrap().der().to_vec())
    }
}

impl Leaf {
    pub(crate) fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(params.self_signed(&key).unwrap().der().to_vec())
    }
}

impl Deref for Authority {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.der()
    }
}

impl Deref for Leaf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// A server's certificate for these names, valid today.
pub(crate) fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = date_time_ymd(2030, 1, 1);
    params.not_after = date_time_ymd(2031, 1, 1);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
}

/// The same with a common name.
pub(crate) fn named(common_name: &str, names: &[&str]) -> CertificateParams {
    let mut params = params(names);
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

pub(crate) fn expired(mut params: CertificateParams) -> CertificateParams {
    params.not_after = date_time_ymd(2030, 6, 1);
    params
}

pub(crate) fn early(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2030, 7, 1);
    params
}

pub(crate) fn authority_params(name: &str) -> CertificateParams {
    let mut params = named(name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// The record `usage selector matching` of a certificate.
pub(crate) fn record(numbers: [u8; 3], certificate: &[u8]) -> TlsaRecord {
    let [usage, selector, matching_type] = numbers;
    TlsaRecord::of_certificate(
        Usage::from(usage),
        Selector::from(selector),
        MatchingType::from(matching_type),
        certificate,
    )
    .unwrap()
}

pub(crate) fn text(text: &str) -> TlsaRecord {
    text.parse().unwrap()
}

pub(crate) fn domain(text: &str) -> DomainName {
    DomainName::parse(text).unwrap()
}

/// Compares today, the server being [`MX`].
pub(crate) fn compare(records: &[TlsaRecord], chain: &[&[u8]]) -> DaneOutcome {
    verify(&TlsaSet::new(records.iter().cloned()), chain, &[domain(MX)], NOW)
}

/// The record authenticates the server, by the certificate at this depth.
#[track_caller]
pub(crate) fn good(record: TlsaRecord, chain: &[&[u8]], depth: Option<usize>) {
    let outcome = compare(std::slice::from_ref(&record), chain);
    assert!(outcome.is_authenticated(), "{record}: {outcome:?}");
    assert_eq!(outcome.matches(), [dane::Match { record, depth }]);
    assert_eq!(outcome.failures(), []);
}

/// The record does not authenticate the server, for this reason.
#[track_caller]
pub(crate) fn bad(record: TlsaRecord, chain: &[&[u8]], cause: FailureCause) {
    let outcome = compare(std::slice::from_ref(&record), chain);
    assert_eq!(
        outcome,
        DaneOutcome::NotAuthenticated { failures: vec![dane::Failure { record, cause }] }
    );
}
