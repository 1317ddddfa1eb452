//! What tells people.

use std::sync::Arc;

use sealpost_alert::{AlertMetrics, Ending, Job, JobParts, Messenger, Section};
use sealpost_enforce::Exceptions;
use sealpost_net::Network;

use super::ground::Ground;
use super::role::Reloaded;
use crate::configuration::Configuration;
use crate::outcome::Failure;
use crate::output::Output;

/// What follows if the store cannot be used.
const WITHOUT: &str =
    "nobody is told of what cannot be written down; mend the file, or name another";

/// The role that tells people.
pub(super) struct Alert {
    section: Section,
    /// The name of this machine.
    host: String,
    network: Network,
    job: Job,
    metrics: Arc<AlertMetrics>,
}

impl Alert {
    /// Looks and tells from now on.
    pub(super) async fn start(ground: &mut Ground) -> Result<Self, Failure> {
        let section = ground.configuration.alert.clone();
        let endings = endings(&ground.configuration)?;
        let (host, network) = (ground.host.clone(), ground.network.clone());
        let messengers = messengers(&section, &host, &network)?;
        let store = ground.store(&section.store_file(), WITHOUT).await?;
        let job = Job::start(JobParts {
            store,
            endings,
            section: section.clone(),
            messengers,
            host: host.clone(),
            clock: ground.clock.clone(),
        });
        let metrics = job.metrics();
        Ok(Self { section, host, network, job, metrics })
    }

    pub(super) fn greeting(&self) -> String {
        match self.section.receiver.len() {
            0 => "nobody is told: [alert] names no receiver".to_owned(),
            1 => "1 receiver is told".to_owned(),
            count => format!("{count} receivers are told"),
        }
    }

    /// Reads exceptions and secrets again. What cannot be read changes nothing.
    pub(super) fn reload(
        &mut self,
        configuration: &Configuration,
        output: &mut Output,
    ) -> Reloaded {
        let refused = |failure: Failure, output: &mut Output| {
            output.say(&failure.hint("everything goes on as before").to_string());
            Reloaded::Refused
        };
        let endings = match endings(configuration) {
            Ok(endings) => endings,
            Err(failure) => return refused(failure, output),
        };
        if configuration.alert != self.section {
            return Reloaded::StartAnew;
        }
        match messengers(&self.section, &self.host, &self.network) {
            Ok(messengers) => {
                self.job.reload(endings, messengers);
                output.say("exceptions and secrets are read again");
                Reloaded::Done
            }
            Err(failure) => refused(failure, output),
        }
    }

    pub(super) async fn failed(&mut self) -> Failure {
        self.job.ended().await;
        Failure::new("go on telling people")
    }

    pub(super) fn metrics(&self) -> Arc<AlertMetrics> {
        Arc::clone(&self.metrics)
    }

    /// Makes room for its successor. What comes back waits for the receivers that are being told.
    pub(super) async fn retire(self) -> impl Future<Output = ()> + Send + use<> {
        self.job.retire().await.answered()
    }

    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.job.stop().await;
        Ok(())
    }
}

/// The exceptions of the role that enforces, as far as they name a domain.
pub(crate) fn endings(configuration: &Configuration) -> Result<Vec<Ending>, Failure> {
    let Some(path) = &configuration.enforce.exceptions else { return Ok(Vec::new()) };
    let exceptions = Exceptions::load(path).map_err(Failure::new)?;
    let endings = exceptions.all().filter_map(|(written, exception)| {
        let domain = written.trim_start_matches('.').parse().ok()?;
        let subject = if written.starts_with('.') { written.clone() } else { String::new() };
        let what = format!("{}, {}", exception.treatment.as_str(), exception.reason);
        Some(Ending { domain, subject, ends_at: exception.ends_at(), what })
    });
    let mut endings: Vec<Ending> = endings.collect();
    endings.sort_by(|one, other| (&one.domain, &one.subject).cmp(&(&other.domain, &other.subject)));
    Ok(endings)
}

/// What tells each receiver.
pub(crate) fn messengers(
    section: &Section,
    host: &str,
    network: &Network,
) -> Result<Vec<Messenger>, Failure> {
    section.check().map_err(Failure::new)?;
    let tells = |receiver: &sealpost_alert::Receiver| {
        let (way, from) = (section.mail.clone(), section.from.clone());
        Messenger::new(receiver.clone(), way, from, host, network.clone())
    };
    section.receiver.iter().map(tells).collect::<Result<_, _>>().map_err(Failure::new)
}
