//! Answers to mail servers.

mod doors;

use std::sync::Arc;
use std::time::Duration;

use sealpost_enforce::{
    Answerer, DaneAnswers, Enforcer, Exception, Exceptions, HttpApi, Proof, Prover, Remarker,
    Section, Switch,
};
use sealpost_runtime::{AfterPanic, Clock, supervise};
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::doors::EnforceDoors;
use super::ground::Ground;
use super::role::{Pulse, Reloaded};
use crate::outcome::Failure;
use crate::output::Output;

/// How long the start may take for the proof that resolvers validate; it is tried on afterwards.
const FIRST_PROOF: Duration = Duration::from_secs(8);
/// How often it is looked which exceptions have ended.
const REMINDER: Duration = Duration::from_secs(5);
/// What follows if the store cannot be used.
const WITHOUT: &str = "without its policies a sender is easy to downgrade, so none is answered; \
                       mend the file, or move it away to begin anew";

/// The role beside the mail server that sends.
pub(super) struct Enforce {
    section: Section,
    enforcer: Enforcer,
    answerer: Answerer,
    api: Arc<HttpApi>,
    doors: EnforceDoors,
    tasks: JoinSet<()>,
    clock: Clock,
}

impl Enforce {
    /// Answers from now on.
    pub(super) async fn start(ground: &mut Ground, output: &mut Output) -> Result<Self, Failure> {
        let section = ground.configuration.enforce.clone();
        let exceptions = load_exceptions(&section)?;
        let (network, clock) = (ground.network.clone(), ground.clock.clone());
        let path = section.store_file();
        let store = ground.store(&path, WITHOUT).await?;
        let settings = section.settings();
        let started = Enforcer::start(settings, network.clone(), &store, clock.clone()).await;
        let enforcer = started.map_err(|error| {
            let error = super::ground::with_source(&error);
            Failure::new(format!("{error} ({})", path.display())).hint(WITHOUT)
        })?;
        let answerer = Answerer::new(enforcer.clone(), network.clone(), settings);
        take_over(exceptions, &answerer, &clock);

        let mut tasks = JoinSet::new();
        if section.dane == Switch::On {
            let prover = Prover {
                answerer: answerer.clone(),
                network,
                resolvers: section.mta_resolvers.clone(),
                probes: section.probes(),
                last: ground.proof.in_file(section.proof_file()),
            };
            tasks.spawn(keep_proving(prover.clone(), prove(&prover, output).await));
        }
        tasks.spawn(remind(answerer.clone(), clock.clone()));
        tasks.spawn(remark(Remarker { answerer: answerer.clone(), sessions: store.sessions() }));
        let api = Arc::new(HttpApi::new(answerer.clone(), env!("CARGO_PKG_VERSION")));
        let inherited = ground.inherited.clone();
        let opened =
            EnforceDoors::open(section.clone(), answerer.clone(), Arc::clone(&api), inherited);
        let doors = match opened.await {
            Ok(doors) => doors,
            Err(failure) => {
                enforcer.stop().await;
                return Err(failure);
            }
        };
        for caution in section.cautions() {
            output.say(&format!("warning: {caution}"));
        }
        for place in doors.places() {
            output.say(&format!("listening at {place}"));
        }
        Ok(Self { section, enforcer, answerer, api, doors, tasks, clock })
    }

    pub(super) fn greeting(&self) -> String {
        format!("with {} policies", self.enforcer.sizes().0)
    }

    /// Reads the exceptions again.
    pub(super) fn reload(&mut self, section: &Section, output: &mut Output) -> Reloaded {
        if *section != self.section {
            return Reloaded::StartAnew;
        }
        match load_exceptions(section) {
            Ok(exceptions) => {
                let count = exceptions.len();
                take_over(exceptions, &self.answerer, &self.clock);
                output.say(&format!("read the exceptions again: {count}"));
            }
            Err(failure) => {
                let failure = failure.to_string();
                output.say(&format!("{}\n\nhint: those of before go on", failure.trim_end()));
            }
        }
        Reloaded::Done
    }

    pub(super) async fn failed(&mut self) -> Failure {
        Failure::new(self.doors.failed().await)
    }

    pub(super) fn pulse(&self) -> Pulse {
        self.doors.pulse()
    }

    pub(super) fn api(&self) -> Arc<HttpApi> {
        Arc::clone(&self.api)
    }

    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        self.doors.close().await;
        self.tasks.shutdown().await;
        self.enforcer.stop().await;
        Ok(())
    }
}

/// A first proof that the resolvers validate. Mail servers wait meanwhile, so not for long.
async fn prove(prover: &Prover, output: &mut Output) -> Proof {
    let proof = prover.test_within(FIRST_PROOF).await;
    match (&proof, prover.answerer.dane()) {
        (Proof::Proven, _) => output.say("the resolvers validate: answers follow DANE"),
        (Proof::Refuted(why) | Proof::Unknown(why), DaneAnswers::Off) => {
            output.say(&format!("warning: answers do not follow DANE: {why}"));
        }
        (Proof::Refuted(why) | Proof::Unknown(why), DaneAnswers::On) => output.say(&format!(
            "warning: answers follow DANE, for the resolvers were seen to validate before: {why}"
        )),
    }
    proof
}

/// A panic is no reason to go on without proof, or with an old one.
async fn keep_proving(prover: Prover, proof: Proof) {
    let answerer = prover.answerer.clone();
    let panics = &answerer.metrics().panics;
    let make = || prover.clone().run(proof.clone());
    // It gives up never.
    let _ = supervise("the proof of resolvers", AfterPanic::Restart, panics, make).await;
}

async fn remark(remarker: Remarker) {
    let answerer = remarker.answerer.clone();
    let panics = &answerer.metrics().panics;
    let make = || remarker.clone().run();
    // It gives up never.
    let _ = supervise("remarks for reports", AfterPanic::Restart, panics, make).await;
}

fn load_exceptions(section: &Section) -> Result<Exceptions, Failure> {
    match &section.exceptions {
        Some(path) => Exceptions::load(path).map_err(Failure::new),
        None => Ok(Exceptions::default()),
    }
}

/// Lets exceptions hold, and reminds of those that have ended.
fn take_over(exceptions: Exceptions, answerer: &Answerer, clock: &Clock) {
    exceptions.ended(clock.now().as_second()).for_each(has_ended);
    answerer.set_exceptions(exceptions);
}

/// Reminds of exceptions that end from now on. It does not end.
async fn remind(answerer: Answerer, clock: Clock) {
    let mut told = clock.now().as_second();
    loop {
        sleep(REMINDER).await;
        let now = clock.now().as_second();
        answerer.exceptions().ended_since(told, now).for_each(has_ended);
        told = told.max(now);
    }
}

fn has_ended((domain, exception): (String, &Exception)) {
    tracing::warn!(domain, %exception, "an exception has ended: remove it, or give it another end");
}
