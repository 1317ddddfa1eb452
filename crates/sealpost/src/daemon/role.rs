//! Roles, as the daemon sees them.

use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use sealpost_runtime::Liveness;
use sealpost_runtime::metrics::Label;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::alert::Alert;
use super::check::Check;
use super::enforce::Enforce;
use super::front::Voice;
use super::ground::Ground;
use super::publish::Publish;
use super::receive::Receive;
use super::report::Report;
use crate::configuration::Configuration;
use crate::outcome::Failure;
use crate::output::Output;

/// The name of a role that runs for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleName {
    Enforce,
    Receive,
    Report,
    Publish,
    Check,
    Alert,
}

/// A role that runs.
pub(super) enum Role {
    Enforce(Enforce),
    Receive(Receive),
    Report(Box<Report>),
    Publish(Box<Publish>),
    Check(Check),
    Alert(Box<Alert>),
}

/// Asks a role whether it does new work.
pub(crate) type Pulse =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Liveness> + Send>> + Send + Sync>;

/// What became of the wish to read everything again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reloaded {
    /// What has changed holds from now on.
    Done,
    /// It was refused and said why; what was before holds on.
    Refused,
    /// Something has changed that holds only after a new start.
    StartAnew,
}

/// A role lives that comes to do new work.
pub(crate) fn takes_up_work() -> Pulse {
    Arc::new(|| {
        let worked = tokio::spawn(async {});
        Box::pin(async move {
            match worked.await {
                Ok(()) => Liveness::Alive,
                Err(_) => Liveness::Stuck,
            }
        })
    })
}

impl RoleName {
    /// All of them, in the order in which they start.
    pub(crate) const ALL: [Self; 6] =
        [Self::Enforce, Self::Receive, Self::Report, Self::Publish, Self::Check, Self::Alert];

    /// As it is written in the configuration.
    pub(crate) fn as_str(self) -> &'static str {
        Self::VALUES.get(self.index()).copied().unwrap_or_default()
    }

    /// Starts the role.
    pub(super) async fn start(
        self,
        ground: &mut Ground,
        output: &mut Output,
    ) -> Result<Role, Failure> {
        Ok(match self {
            Self::Enforce => Role::Enforce(Enforce::start(ground, output).await?),
            Self::Receive => Role::Receive(Receive::start(ground, output).await?),
            Self::Report => Role::Report(Box::new(Report::start(ground, output).await?)),
            Self::Publish => Role::Publish(Box::new(Publish::start(ground, output).await?)),
            Self::Check => Role::Check(Check::start(ground).await?),
            Self::Alert => Role::Alert(Box::new(Alert::start(ground).await?)),
        })
    }
}

impl Label for RoleName {
    const NAME: &'static str = "role";
    const VALUES: &'static [&'static str] =
        &["enforce", "receive", "report", "publish", "check", "alert"];

    fn index(self) -> usize {
        self as usize
    }
}

impl Role {
    /// What there is to say of it when it has started.
    pub(super) fn greeting(&self) -> Option<String> {
        match self {
            Self::Enforce(role) => Some(role.greeting()),
            Self::Publish(role) => Some(role.greeting()),
            Self::Check(role) => Some(role.greeting()),
            Self::Alert(role) => Some(role.greeting()),
            Self::Receive(_) | Self::Report(_) => None,
        }
    }

    /// Takes up what may change while it runs. What is wrong is said, and what was before holds on.
    pub(super) async fn reload(
        &mut self,
        configuration: &Configuration,
        output: &mut Output,
    ) -> Reloaded {
        match self {
            Self::Enforce(role) => role.reload(&configuration.enforce, output),
            Self::Receive(role) => role.reload(configuration, output).await,
            Self::Report(role) => role.reload(&configuration.report, output),
            Self::Publish(role) => role.reload(configuration, output).await,
            Self::Check(role) => role.reload(configuration, output).await,
            Self::Alert(role) => role.reload(configuration, output),
        }
    }

    /// Waits until the role cannot go on, which should not happen, and says why. Nothing is lost if
    /// the waiting is given up.
    pub(super) async fn failed(&mut self) -> Failure {
        match self {
            Self::Enforce(role) => role.failed().await,
            Self::Receive(role) => role.failed().await,
            Self::Report(role) => role.failed().await,
            Self::Publish(role) => role.failed().await,
            Self::Check(role) => role.failed().await,
            Self::Alert(role) => role.failed().await,
        }
    }

    pub(super) fn pulse(&self) -> Pulse {
        match self {
            Self::Enforce(role) => role.pulse(),
            Self::Receive(role) => role.pulse(),
            Self::Report(role) => role.pulse(),
            Self::Publish(role) => role.pulse(),
            Self::Check(_) => takes_up_work(),
            Self::Alert(_) => takes_up_work(),
        }
    }

    /// Who speaks for it over HTTP.
    pub(super) fn voice(&self) -> Voice {
        match self {
            Self::Enforce(role) => Voice::Enforce(role.api()),
            Self::Receive(role) => Voice::Receive(role.api()),
            Self::Report(role) => Voice::Report(role.api(), role.doctor()),
            Self::Publish(role) => Voice::Publish(role.api(), role.leader()),
            Self::Check(role) => Voice::Check(role.metrics()),
            Self::Alert(role) => Voice::Alert(role.metrics()),
        }
    }

    /// [`Self::stop`], where others wait for it: what may take long and stands in nobody's way goes on
    /// in `leaving`.
    pub(super) async fn leave(self, leaving: &mut JoinSet<()>) -> Result<(), Failure> {
        match self {
            // A receiver may take a minute to answer.
            Self::Alert(role) => {
                leaving.spawn(role.retire().await);
                Ok(())
            }
            other => other.stop().await,
        }
    }

    /// [`Self::stop`], where the process ends with it.
    pub(super) async fn end(self) -> Result<(), Failure> {
        match self {
            Self::Report(role) => role.end().await,
            other => other.stop().await,
        }
    }

    /// Brings what is under way to its end. The stores stay open.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        match self {
            Self::Enforce(role) => role.stop().await,
            Self::Receive(role) => role.stop().await,
            Self::Report(role) => role.stop().await,
            Self::Publish(role) => role.stop().await,
            Self::Check(role) => role.stop().await,
            Self::Alert(role) => role.stop().await,
        }
    }
}
