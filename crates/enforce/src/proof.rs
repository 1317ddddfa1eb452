//! Whether DANE can be relied upon: tested at the start, and from then on.

use std::{net::SocketAddr, time::Duration};

use sealpost_net::{Network, Probes, prove_resolver};
use tokio::time::{sleep, timeout};

use crate::{Answerer, DaneAnswers, LastProof, last_proof::Claim};

/// How long one test may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait after a test that told, and after one that did not.
const PAUSES: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(15));

/// Switches DANE answers on while it is proven that our DNS and every resolver of the mail server
/// validate.
#[derive(Clone)]
pub struct Prover {
    /// Whose answers they are.
    pub answerer: Answerer,
    /// What we look up with.
    pub network: Network,
    /// The resolvers of the mail server.
    pub resolvers: Vec<SocketAddr>,
    /// What is asked.
    pub probes: Probes,
    /// What was proven before.
    pub last: LastProof,
}

/// What a test has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Proof {
    /// All of them validate.
    Proven,
    /// One of them does not: why.
    Refuted(String),
    /// It could not be told: why. What was known before still counts, before a restart too: an outage is
    /// no reason to stop relying on DANE.
    Unknown(String),
}

impl Prover {
    /// Tests, and switches DANE answers accordingly.
    pub async fn test(&self) -> Proof {
        self.conclude(self.prove().await)
    }

    /// The same, within this time: what has not been told by then is unknown.
    pub async fn test_within(&self, patience: Duration) -> Proof {
        let late = || Proof::Unknown("the resolvers have not answered in time".to_owned());
        self.conclude(timeout(patience, self.prove()).await.unwrap_or_else(|_| late()))
    }

    fn conclude(&self, proof: Proof) -> Proof {
        let before = self.answerer.dane();
        match &proof {
            Proof::Proven => {
                if before == DaneAnswers::Off {
                    tracing::info!("all resolvers validate: answers follow DANE");
                }
                self.answerer.set_dane(DaneAnswers::On);
                self.last.keep(&self.claim());
            }
            Proof::Refuted(why) => {
                if before == DaneAnswers::On {
                    tracing::error!(why, "answers no longer follow DANE");
                }
                self.answerer.set_dane(DaneAnswers::Off);
                self.last.forget();
            }
            Proof::Unknown(why) => {
                tracing::warn!(why, "cannot tell whether the resolvers validate");
                if before == DaneAnswers::Off && self.last.holds_for(&self.claim()) {
                    tracing::warn!("they did before the start: answers follow DANE");
                    self.answerer.set_dane(DaneAnswers::On);
                }
            }
        }
        proof
    }

    fn claim(&self) -> Claim {
        Claim {
            mta_resolvers: self.resolvers.iter().copied().collect(),
            own: self.network.dns_means(),
        }
    }

    /// Tests again and again after a first [`test`](Self::test) that showed this. It does not end.
    pub async fn run(self, mut proof: Proof) {
        let (told, not_told) = PAUSES;
        loop {
            match proof {
                Proof::Proven | Proof::Refuted(_) => sleep(told).await,
                Proof::Unknown(_) => sleep(not_told).await,
            }
            proof = self.test().await;
        }
    }

    async fn prove(&self) -> Proof {
        if self.resolvers.is_empty() {
            let why = "the resolvers of the mail server are not named (mta_resolvers)";
            return Proof::Refuted(why.to_owned());
        }
        let mut unknown = None;
        if let Err(fault) = self.network.prove(&self.probes).await {
            if !fault.could_not_tell() {
                return Proof::Refuted(format!("failed to {fault}"));
            }
            unknown = Some(format!("failed to {fault}"));
        }
        for resolver in &self.resolvers {
            if let Err(fault) = prove_resolver(*resolver, &self.probes, PATIENCE).await {
                if !fault.could_not_tell() {
                    return Proof::Refuted(format!("failed to {fault}"));
                }
                unknown = Some(format!("failed to {fault}"));
            }
        }
        unknown.map_or(Proof::Proven, Proof::Unknown)
    }
}
