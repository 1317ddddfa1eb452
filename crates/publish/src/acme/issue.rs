//! One certificate, step by step.

use std::{path::Path, sync::Arc, time::Duration};

use mail_domain::DomainName;
use sealpost_listen::tls::{NamedCertificate, NamedCertificates};
use sealpost_runtime::Stopwatch;
use sealpost_store::{Begun, Certificates};
use tokio::time::sleep;

use super::{
    AcmeError, Client, Zone,
    client::{Authorization, Challenge, Order, OrderStatus},
    csr,
    csr::CertificateFacts,
    printable,
};
use crate::{certificates::Seal, host::Tokens};

/// How long an authority may take from one step to the next.
const PATIENCE: Duration = Duration::from_secs(120);
/// Between two looks at an order.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How long the servers of a zone may take to have a record.
const SPREAD: Duration = Duration::from_secs(60);

/// How names are proved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChallengeKind {
    /// A certificate on port 443 (RFC 8737).
    #[default]
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// A file on port 80 (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http01,
    /// A record (RFC 8555 §8.4).
    #[serde(rename = "dns-01")]
    Dns01,
}

/// Gets certificates.
pub(crate) struct Issuer {
    pub(crate) store: Certificates,
    pub(crate) seal: Seal,
    pub(crate) challenge: ChallengeKind,
    pub(crate) profile: Option<String>,
    pub(crate) named: Arc<NamedCertificates>,
    pub(crate) tokens: Tokens,
    pub(crate) zone: Arc<Zone>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Issued {
    /// The chain, PEM.
    pub(crate) chain: Vec<u8>,
    /// The key, sealed as it is kept.
    pub(crate) key: Vec<u8>,
    pub(crate) facts: CertificateFacts,
    pub(crate) certificate: NamedCertificate,
}

impl ChallengeKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
        }
    }
}

impl Issuer {
    /// Before anything is ordered: could the proof be laid out?
    pub(crate) async fn look(&self, host: &DomainName) -> Result<(), AcmeError> {
        if self.challenge == ChallengeKind::Dns01 {
            self.zone.look(host).await?;
        }
        Ok(())
    }

    /// Gets a certificate, or goes on where this was cut off.
    ///
    /// The order stays in the store until the certificate is; who keeps the certificate removes the
    /// order in the same transaction.
    pub(crate) async fn issue(
        &self,
        host: &DomainName,
        directory: &str,
        client: &Client,
        replaces: Option<&str>,
        now: i64,
    ) -> Result<Issued, AcmeError> {
        let begun = self.begin(host, directory, now).await?;
        let key = self.seal.open(host.as_str(), &begun.key)?;
        let key = String::from_utf8(key).map_err(|_| AcmeError::Key)?;
        let url = match begun.url {
            Some(url) => url,
            None => self.order(host, client, replaces, begun.asked_at.is_some(), now).await?,
        };
        let driven = self.drive(host, client, &url, &key).await;
        self.clean_up(host, client, &url).await;
        let chain = match driven {
            Ok(chain) => chain,
            Err(error) => {
                if is_lost(&error) {
                    // The next try begins a new one.
                    self.store.abandon(host.clone()).await?;
                }
                return Err(error);
            }
        };
        let place = Path::new("the authority's answer");
        let certificate = NamedCertificate::from_pem(&chain, key.as_bytes(), place)
            .map_err(|error| AcmeError::Certificate(error.to_string()));
        let facts = CertificateFacts::read(match &certificate {
            Ok(certificate) => certificate.leaf(),
            Err(_) => &[],
        });
        let is_for =
            |facts: &CertificateFacts| facts.names.iter().any(|name| *name == host.as_str());
        match (certificate, facts.filter(is_for)) {
            (Ok(certificate), Some(facts)) => {
                Ok(Issued { chain, key: begun.key, facts, certificate })
            }
            (certificate, _) => {
                self.store.abandon(host.clone()).await?;
                Err(certificate
                    .err()
                    .unwrap_or_else(|| AcmeError::Certificate(format!("it is not for {host}"))))
            }
        }
    }

    /// The key first: an order whose key is lost would be an order for nothing.
    async fn begin(
        &self,
        host: &DomainName,
        directory: &str,
        now: i64,
    ) -> Result<Begun, AcmeError> {
        if let Some(begun) = self.store.order(host.clone()).await? {
            if begun.directory == directory {
                return Ok(begun);
            }
            self.store.abandon(host.clone()).await?;
        }
        let key = self.seal.seal(host.as_str(), csr::generate_key()?.as_bytes())?;
        let directory = directory.to_owned();
        let begun = self.store.begin(host.clone(), directory, key, now).await?;
        tracing::info!(%host, "a key is made and kept");
        Ok(begun)
    }

    /// Orders, unless it was done when we were cut off.
    async fn order(
        &self,
        host: &DomainName,
        client: &Client,
        replaces: Option<&str>,
        was_asked: bool,
        now: i64,
    ) -> Result<String, AcmeError> {
        let known = if was_asked { client.find_order(host.as_str()).await? } else { None };
        let url = match known {
            Some(url) => url,
            None => {
                self.store.asked(host.clone(), now).await?;
                tracing::info!(%host, "ordering a certificate");
                let profile = self.profile.as_deref();
                client.new_order(host.as_str(), replaces, profile).await?
            }
        };
        self.store.ordered(host.clone(), url.clone()).await?;
        tracing::info!(%host, order = url, "the order is made");
        Ok(url)
    }

    /// Does what the order's state asks for, until there is a certificate.
    async fn drive(
        &self,
        host: &DomainName,
        client: &Client,
        url: &str,
        key: &str,
    ) -> Result<Vec<u8>, AcmeError> {
        let watch = Stopwatch::start();
        let mut pause = PAUSES.0;
        let mut last = None;
        loop {
            let order = client.order(url).await?;
            let is_new = last.replace(order.status) != Some(order.status);
            if is_new {
                pause = PAUSES.0;
            }
            match order.status {
                OrderStatus::Pending if is_new => self.prove(host, client, &order).await?,
                OrderStatus::Ready if is_new => {
                    client.finalize(&order, &csr::request(host.as_str(), key)?).await?;
                    tracing::info!(%host, "the certificate is asked for");
                    continue;
                }
                OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing => {}
                OrderStatus::Valid => {
                    let url = order.certificate.ok_or(AcmeError::Answer("no certificate"))?;
                    return client.certificate(&url).await;
                }
                OrderStatus::Invalid => return Err(self.why(client, &order).await),
            }
            if watch.elapsed() > PATIENCE {
                return Err(AcmeError::Slow(PATIENCE.as_secs()));
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Lays out what proves the name, and says so, once for each challenge.
    async fn prove(
        &self,
        host: &DomainName,
        client: &Client,
        order: &Order,
    ) -> Result<(), AcmeError> {
        for url in &order.authorizations {
            let authorization = client.authorization(url).await?;
            if authorization.status != "pending" {
                continue;
            }
            let challenge = self.challenge_of(&authorization)?;
            let answer = client.key().authorization(&challenge.token);
            match self.challenge {
                ChallengeKind::TlsAlpn01 => {
                    let certificate = csr::challenge(host.as_str(), &answer)?;
                    self.named.set_challenge(host.as_str(), certificate);
                }
                ChallengeKind::Http01 => self.tokens.set(host, &challenge.token, answer),
                ChallengeKind::Dns01 => self.write_record(host, &csr::record(&answer)).await?,
            }
            // One that is looked at already may be looked at again after we were cut off.
            if challenge.status == "pending" {
                client.ready(challenge).await?;
                tracing::info!(%host, by = self.challenge.as_str(), "the proof is laid out");
            }
        }
        Ok(())
    }

    fn challenge_of<'a>(
        &self,
        authorization: &'a Authorization,
    ) -> Result<&'a Challenge, AcmeError> {
        let kind = self.challenge.as_str();
        let mut challenges = authorization.challenges.iter();
        challenges.find(|one| one.kind == kind).ok_or(AcmeError::NotOffered(kind))
    }

    async fn write_record(&self, host: &DomainName, text: &str) -> Result<(), AcmeError> {
        self.zone.add(host, text).await?;
        let watch = Stopwatch::start();
        loop {
            let lagging = self.zone.lagging(host, text).await?;
            if lagging.is_empty() {
                return Ok(());
            }
            if watch.elapsed() > SPREAD {
                return Err(AcmeError::NotEverywhere(lagging.join("; ")));
            }
            sleep(PAUSES.1).await;
        }
    }

    async fn clean_up(&self, host: &DomainName, client: &Client, url: &str) {
        self.named.remove_challenge(host.as_str());
        self.tokens.remove(host);
        if self.challenge != ChallengeKind::Dns01 {
            return;
        }
        let removed = async {
            let texts = self.answers(client, url).await?;
            self.zone.remove(host, &texts).await.map_err(AcmeError::from)
        };
        if let Err(error) = removed.await {
            // It proves nothing any more.
            tracing::warn!(%host, %error, "the record of the challenge stays");
        }
    }

    /// What answers the challenges of an order: of those, which of the records at the name are ours.
    /// The order says so also to one who did not lay them out because it was cut off.
    async fn answers(&self, client: &Client, url: &str) -> Result<Vec<String>, AcmeError> {
        let order = client.order(url).await?;
        let mut texts = Vec::new();
        for url in &order.authorizations {
            let authorization = client.authorization(url).await?;
            let tokens = authorization.challenges.iter().map(|challenge| &challenge.token);
            let answers = tokens.filter(|token| !token.is_empty());
            texts.extend(answers.map(|token| csr::record(&client.key().authorization(token))));
        }
        texts.dedup();
        Ok(texts)
    }

    /// Why an order came to nothing.
    async fn why(&self, client: &Client, order: &Order) -> AcmeError {
        let challenge = self.challenge.as_str();
        for url in &order.authorizations {
            let Ok(authorization) = client.authorization(url).await else { continue };
            let problems = authorization.challenges.into_iter().filter_map(|one| one.error);
            if let Some(problem) = problems.into_iter().next() {
                return AcmeError::Challenge { challenge, detail: printable(&problem.detail) };
            }
        }
        let problem = order.error.clone().unwrap_or_default();
        AcmeError::Challenge { challenge, detail: printable(&problem.detail) }
    }
}

/// Whether an order can come to nothing any more.
fn is_lost(error: &AcmeError) -> bool {
    match error {
        AcmeError::Challenge { .. } | AcmeError::NotOffered(_) | AcmeError::Certificate(_) => true,
        AcmeError::Refused { status, kind, .. } => {
            // An unknown order, or one that the authority will not finish.
            matches!(status, 404 | 410) || matches!(kind.as_str(), "malformed" | "badCSR")
        }
        _ => false,
    }
}
