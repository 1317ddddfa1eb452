//! From the start of the roles to their end.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use sealpost_listen::Inherited;
use sealpost_runtime::{Clock, Liveness, ServiceManager, raise_descriptor_limit};
use sealpost_web::LoggedIn;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use super::entrance::{Entrance, credentials};
use super::front::Front;
use super::ground::Ground;
use super::role::{Pulse, Reloaded, Role, RoleName};
use super::signals::{Cause, Signals};
use crate::arguments::NetworkArguments;
use crate::configuration::Configuration;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The first pause before a role that has failed starts again, and the longest.
pub(super) const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long answers to people may take when we stop.
pub(super) const GRACE: Duration = Duration::from_secs(5);
/// Between two looks at the files of the certificate.
pub(super) const FRESH: Duration = Duration::from_secs(60);

/// What is to run, and how.
pub(crate) struct Setup<'a> {
    /// Reads the configuration, with flags over it; also at SIGHUP.
    pub(crate) load: &'a (dyn Fn() -> Result<Configuration, Failure> + Sync),
    /// Flags that stand over `[network]`.
    pub(crate) network: &'a NetworkArguments,
    pub(crate) clock: Clock,
    pub(crate) company: Company,
}

/// Which roles run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Company {
    /// This one; if it fails, so does the process.
    Alone(RoleName),
    /// Those that the configuration names; each that fails starts again.
    Together,
}

/// A role that was asked for.
struct Member {
    name: RoleName,
    state: State,
    /// The pause before the next start, if it fails.
    pause: Duration,
}

enum State {
    Runs(Box<Role>),
    /// It has failed, and starts again when this is over.
    Rests(Pin<Box<Sleep>>),
}

/// The roles that run, and what they stand on.
struct Daemon<'a> {
    setup: Setup<'a>,
    ground: Ground,
    members: Vec<Member>,
    /// What roles that have ended were still at.
    leaving: JoinSet<()>,
    front: Front,
    pulses: Arc<Mutex<Vec<(RoleName, Pulse)>>>,
    /// Where people and Prometheus ask.
    entrance: Entrance,
}

/// What happened to a member.
enum Event {
    Failed(Failure),
    Rested,
}

/// Runs until it is told to stop.
pub(crate) async fn run(
    setup: Setup<'_>,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    raise_descriptor_limit();
    let mut signals = Signals::new()?;
    let manager = Arc::new(ServiceManager::from_environment().map_err(Failure::new)?);
    let configuration = (setup.load)()?;
    let roles = setup.company.roles(&configuration)?;
    if setup.company == Company::Together {
        configuration.refuse_contradictions(&roles)?;
    }
    let entrance = Entrance::new(inherited.clone());
    let ground = Ground::new(configuration, &setup, &roles, inherited)?;
    let mut daemon = Daemon {
        setup,
        ground,
        members: Vec::new(),
        leaving: JoinSet::new(),
        front: Front::new(),
        pulses: Arc::default(),
        entrance,
    };
    if let Err(failure) = daemon.start_all(&roles, output).await {
        // Nobody was told that it runs.
        if let Err(failure) = daemon.stop(output).await {
            output.say(&failure.to_string());
        }
        return Err(failure);
    }
    let ended = daemon.serve(&manager, &mut signals, output).await;
    output.say("stopping");
    manager.stopping();
    let stopped = daemon.stop(output).await;
    ended.and_then(|outcome| stopped.map(|()| outcome))
}

impl Company {
    fn roles(self, configuration: &Configuration) -> Result<Vec<RoleName>, Failure> {
        match self {
            Self::Alone(name) => Ok(vec![name]),
            Self::Together => configuration.roles(),
        }
    }

    /// What is said before the words of a role, where several speak.
    fn speaker(self, name: RoleName) -> Option<&'static str> {
        match self {
            Self::Alone(_) => None,
            Self::Together => Some(name.as_str()),
        }
    }
}

impl Daemon<'_> {
    /// Starts every role. After a restart that nobody watches, a port that is taken must not keep
    /// the others down: where several run together, one that fails is tried again, as if it had
    /// failed later. But if none starts, nothing is lost by saying so.
    async fn start_all(&mut self, roles: &[RoleName], output: &mut Output) -> Result<(), Failure> {
        let mut failed = Vec::new();
        for &name in roles {
            match self.start(name, output).await {
                Ok(role) => self.welcome(name, role),
                Err(failure) => failed.push((name, failure)),
            }
        }
        if self.members.is_empty() {
            if self.setup.company == Company::Together {
                output.say("no role starts, so nothing does");
            }
            // The last is said by who started us.
            let last = failed.pop();
            for (name, failure) in failed {
                self.say_for(name, &failure.to_string(), output);
            }
            return last.map_or(Ok(()), |(_, failure)| Err(failure));
        }
        for (name, failure) in failed {
            self.lay_down(name, &failure, output).await;
        }
        Ok(())
    }

    /// Says it in the name of a role.
    fn say_for(&self, name: RoleName, words: &str, output: &mut Output) {
        output.say_as(self.setup.company.speaker(name));
        output.say(words);
        output.say_as(None);
    }

    async fn serve(
        &mut self,
        manager: &Arc<ServiceManager>,
        signals: &mut Signals,
        output: &mut Output,
    ) -> Result<Outcome, Failure> {
        if self.setup.company == Company::Together {
            self.open_entrance(output).await;
        }
        let mut status = self.greeting();
        output.say(&status);
        manager.status(&status);
        manager.ready();
        let mut tasks = JoinSet::new();
        let (watched, pulses) = (Arc::clone(manager), Arc::clone(&self.pulses));
        tasks.spawn(async move { watched.watch(|| liveness(&pulses)).await });

        let ended = loop {
            // What has failed since, and what runs again, is seen there too.
            let now = self.greeting();
            if now != status {
                manager.status(&now);
                status = now;
            }
            let (name, event) = tokio::select! {
                cause = signals.next() => match cause {
                    Cause::Stop => break Ok(Outcome::Clean),
                    Cause::Reload => {
                        manager.reloading();
                        let reloaded = self.reload(output).await;
                        manager.ready();
                        match reloaded {
                            Ok(()) => continue,
                            Err(failure) => break Err(failure),
                        }
                    }
                },
                () = self.entrance.rested() => {
                    self.open_entrance(output).await;
                    continue;
                }
                event = next_event(&mut self.members) => event,
            };
            match (self.setup.company, event) {
                (Company::Alone(_), Event::Failed(failure)) => break Err(failure),
                (_, Event::Failed(failure)) => self.lay_down(name, &failure, output).await,
                (_, Event::Rested) => self.try_again(name, output).await,
            }
        };
        tasks.shutdown().await;
        ended
    }

    /// Opens what is not open yet of the pages. What cannot be had stops no role: it is tried again.
    async fn open_entrance(&mut self, output: &mut Output) {
        let roles: Vec<RoleName> = self.members.iter().map(|member| member.name).collect();
        let opened = self.entrance.open(&mut self.ground, &self.front, &roles, output).await;
        if let Err(failure) = opened {
            let pause = self.entrance.lay_down(self.ground.inherited.anew());
            tracing::error!(%failure, ?pause, "the pages cannot be opened, and are tried again");
            let seconds = pause.as_secs();
            output.say(&format!("{failure}\n\nhint: the pages are tried again in {seconds} s"));
        }
    }

    fn greeting(&self) -> String {
        let of = |member: &Member| match &member.state {
            State::Runs(role) => role.greeting(),
            State::Rests(_) => Some("(has failed and is tried again)".to_owned()),
        };
        match (self.setup.company, self.members.as_slice()) {
            (Company::Alone(_), [member]) => match of(member) {
                Some(greeting) => format!("ready, {greeting}"),
                None => "ready".to_owned(),
            },
            (_, members) => {
                let mut parts: Vec<String> = members
                    .iter()
                    .map(|member| match of(member) {
                        Some(greeting) => format!("{} {greeting}", member.name.as_str()),
                        None => member.name.as_str().to_owned(),
                    })
                    .collect();
                // Where no address could be opened, nobody can ask `/readyz` about it.
                if self.entrance.fails() {
                    parts.push("pages (cannot be opened in full and are tried again)".to_owned());
                }
                format!("ready: {}", parts.join(", "))
            }
        }
    }

    async fn start(&mut self, name: RoleName, output: &mut Output) -> Result<Role, Failure> {
        output.say_as(self.setup.company.speaker(name));
        let started = name.start(&mut self.ground, output).await;
        output.say_as(None);
        started
    }

    async fn start_again(&mut self, name: RoleName, output: &mut Output) -> Result<Role, Failure> {
        // What the one before had taken is free.
        self.ground.inherited = self.ground.inherited.anew();
        self.start(name, output).await
    }

    /// The role has started.
    fn welcome(&mut self, name: RoleName, role: Role) {
        self.front.up(name, role.voice());
        self.silence(name);
        let mut pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.push((name, role.pulse()));
        drop(pulses);
        let state = State::Runs(Box::new(role));
        match self.members.iter_mut().find(|member| member.name == name) {
            Some(member) => member.state = state,
            None => self.members.push(Member { name, state, pause: PAUSES.0 }),
        }
    }

    /// The role has failed: it is cleared away, and starts again after a pause.
    async fn lay_down(&mut self, name: RoleName, failure: &Failure, output: &mut Output) {
        self.front.metrics().failures.increment(name);
        self.front.down(name);
        self.silence(name);
        let place = self.members.iter().position(|member| member.name == name);
        let before = place.map(|place| self.members.remove(place));
        let pause = before.as_ref().map_or(PAUSES.0, |member| member.pause);
        let state = State::Rests(Box::pin(sleep(pause)));
        let next_pause = pause.saturating_mul(2).min(PAUSES.1);
        self.members.push(Member { name, state, pause: next_pause });
        tracing::error!(role = name.as_str(), %failure, ?pause, "a role failed, and starts again");
        let seconds = pause.as_secs();
        self.say_for(name, &format!("{failure}\n\nhint: it starts again in {seconds} s"), output);
        if let Some(Member { state: State::Runs(role), .. }) = before
            && let Err(failure) = role.stop().await
        {
            self.say_for(name, &failure.to_string(), output);
        }
    }

    async fn try_again(&mut self, name: RoleName, output: &mut Output) {
        match self.start_again(name, output).await {
            Ok(role) => {
                self.welcome(name, role);
                output.say(&format!("{} runs again", name.as_str()));
            }
            Err(failure) => self.lay_down(name, &failure, output).await,
        }
    }

    /// Reads everything again. A role whose settings have changed starts anew, and so do and end
    /// those that are named and no longer named. What cannot be read leaves everything as it is.
    ///
    /// An error is one after which a role that is alone does not run.
    async fn reload(&mut self, output: &mut Output) -> Result<(), Failure> {
        let read = (self.setup.load)().and_then(|configuration| {
            let roles = self.setup.company.roles(&configuration)?;
            Ok((configuration, roles))
        });
        let (mut configuration, roles) = match read {
            Ok(read) => read,
            Err(failure) => {
                output.say(&format!("{failure}\n\nhint: everything goes on as before"));
                return Ok(());
            }
        };
        let fixed = configuration.take_fixed(&self.ground.configuration);
        if !fixed.is_empty() {
            output.say(&format!("these hold after the next start: {}", fixed.join(", ")));
        }
        self.reload_access(&mut configuration, output);
        let before = std::mem::replace(&mut self.ground.configuration, configuration);
        for name in RoleName::ALL {
            if self.members.iter().any(|member| member.name == name) && !roles.contains(&name) {
                self.dismiss(name, output).await;
            }
        }
        for name in roles {
            self.renew(name, &before, output).await?;
        }
        if self.setup.company == Company::Together {
            self.entrance.wake();
        }
        // Now it is known what is in force.
        if let Some((site, shown)) = self.entrance.site() {
            site.show_settings(self.ground.configuration.set.clone());
            let runs = |name| self.members.iter().any(|member| member.name == name);
            if self.ground.configuration.store_of_pages(runs) != *shown {
                let shown = shown.display();
                output.say(&format!("the pages show what is kept in {shown} until the next start"));
            }
        }
        Ok(())
    }

    /// Takes up who may see the pages, and by which password.
    fn reload_access(&self, configuration: &mut Configuration, output: &mut Output) {
        let Some((site, _)) = self.entrance.site() else { return };
        match site.access().reload(&configuration.web, credentials().as_deref()) {
            Ok(LoggedIn::Stay) => {}
            Ok(LoggedIn::Out) => {
                output.say("the password of the pages has changed: nobody is logged in any more");
            }
            Err(error) => {
                let failure = Failure::new(error).hint("the pages are for whom they were before");
                output.say(&failure.to_string());
                configuration.take_web(&self.ground.configuration);
            }
        }
    }

    /// Takes up the new settings of a role; if it cannot start with them, those of before.
    async fn renew(
        &mut self,
        name: RoleName,
        before: &Configuration,
        output: &mut Output,
    ) -> Result<(), Failure> {
        let is_new = match self.members.iter_mut().find(|member| member.name == name) {
            None => true,
            Some(member) => {
                output.say_as(self.setup.company.speaker(name));
                let role = match &mut member.state {
                    State::Runs(role) => role,
                    // Somebody may have mended what was wrong.
                    State::Rests(pause) => {
                        *pause = Box::pin(sleep(Duration::ZERO));
                        output.say_as(None);
                        return Ok(());
                    }
                };
                let reloaded = role.reload(&self.ground.configuration, output).await;
                output.say_as(None);
                match reloaded {
                    Reloaded::Done => return Ok(()),
                    Reloaded::Refused => {
                        self.ground.configuration.take_section(name, before);
                        return Ok(());
                    }
                    Reloaded::StartAnew => false,
                }
            }
        };
        output.say(&format!("{} starts with other settings", name.as_str()));
        self.dismiss(name, output).await;
        let failure = match self.start_again(name, output).await {
            Ok(role) => {
                self.welcome(name, role);
                return Ok(());
            }
            Err(failure) => failure,
        };
        if is_new {
            output.say(&failure.to_string());
            self.ground.configuration.forget_section(name);
            return Ok(());
        }
        output.say(&format!("{failure}\n\nhint: it goes on with the settings of before"));
        self.ground.configuration.take_section(name, before);
        match self.start_again(name, output).await {
            Ok(role) => self.welcome(name, role),
            Err(failure) if self.setup.company == Company::Alone(name) => return Err(failure),
            Err(failure) => self.lay_down(name, &failure, output).await,
        }
        Ok(())
    }

    /// Ends a role for good.
    async fn dismiss(&mut self, name: RoleName, output: &mut Output) {
        self.front.forget(name);
        self.silence(name);
        let Some(place) = self.members.iter().position(|member| member.name == name) else {
            return;
        };
        while self.leaving.try_join_next().is_some() {}
        if let State::Runs(role) = self.members.remove(place).state
            && let Err(failure) = role.leave(&mut self.leaving).await
        {
            output.say(&failure.to_string());
        }
    }

    /// Nobody asks the role any more whether it lives.
    fn silence(&self, name: RoleName) {
        let mut pulses = self.pulses.lock().unwrap_or_else(PoisonError::into_inner);
        pulses.retain(|(held, _)| *held != name);
    }

    async fn stop(mut self, output: &mut Output) -> Result<(), Failure> {
        let mut ended = Ok(());
        self.entrance.close().await;
        // The last that started is the first to stop.
        for member in self.members.into_iter().rev() {
            if let State::Runs(role) = member.state
                && let Err(failure) = role.end().await
            {
                if ended.is_err() {
                    output.say(&failure.to_string());
                } else {
                    ended = Err(failure);
                }
            }
        }
        // Each has its own patience.
        while self.leaving.join_next().await.is_some() {}
        self.ground.close().await;
        ended
    }
}

/// Waits for the first member to which something happens. Nothing is lost if the waiting is given
/// up.
async fn next_event(members: &mut [Member]) -> (RoleName, Event) {
    let waiting = members.iter_mut().map(|member| {
        Box::pin(async {
            let event = match &mut member.state {
                State::Runs(role) => Event::Failed(role.failed().await),
                State::Rests(pause) => {
                    pause.await;
                    Event::Rested
                }
            };
            (member.name, event)
        })
    });
    // There is at least one.
    select_all(waiting).await.0
}

/// Whether every role that runs does new work.
async fn liveness(pulses: &Mutex<Vec<(RoleName, Pulse)>>) -> Liveness {
    let asked: Vec<_> = pulses
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .iter()
        .map(|(_, pulse)| pulse())
        .collect();
    let all_live = join_all(asked).await.into_iter().all(|liveness| liveness == Liveness::Alive);
    if all_live { Liveness::Alive } else { Liveness::Stuck }
}
