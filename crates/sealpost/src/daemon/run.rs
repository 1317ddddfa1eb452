//! From the start of the roles to their end.

use std::convert::Infallible;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::tls::{Identity, TlsHandler, TlsLimits};
use sealpost_listen::{Inherited, Limits, PerSource, Server, Sources};
use sealpost_runtime::{Clock, Liveness, ServiceManager, raise_descriptor_limit};
use sealpost_web::{Access, LoggedIn, Site};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use super::doors::Doors;
use super::front::{Facade, Front};
use super::ground::{Ground, with_source};
use super::hands::PublishHands;
use super::role::{Pulse, Reloaded, Role, RoleName};
use super::signals::{Cause, Signals};
use super::witness::RolesWitness;
use crate::arguments::NetworkArguments;
use crate::configuration::Configuration;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The first pause before a role that has failed starts again, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));
/// How long answers to people may take when we stop.
const GRACE: Duration = Duration::from_secs(5);
/// Between two looks at the files of the certificate.
const FRESH: Duration = Duration::from_secs(60);
/// Connections that one source may have over HTTPS.
const FROM_A_SOURCE: usize = 32;

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
    /// The pages, once they are open, and the file of which they show what is kept.
    site: Option<(Site, PathBuf)>,
    /// The certificate for people who come from elsewhere.
    identity: Option<Arc<Identity>>,
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
    let ground = Ground::new(configuration, &setup, &roles, inherited)?;
    let mut daemon = Daemon {
        setup,
        ground,
        members: Vec::new(),
        leaving: JoinSet::new(),
        front: Front::new(),
        pulses: Arc::default(),
        site: None,
        identity: None,
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
    /// Starts every role, or none: at the start a person is there to mend what is wrong.
    async fn start_all(&mut self, roles: &[RoleName], output: &mut Output) -> Result<(), Failure> {
        for &name in roles {
            match self.start(name, output).await {
                Ok(role) => self.welcome(name, role),
                Err(failure) => {
                    if self.setup.company == Company::Together {
                        output.say(&format!("{} does not start, so nothing does", name.as_str()));
                    }
                    return Err(failure);
                }
            }
        }
        Ok(())
    }

    async fn serve(
        &mut self,
        manager: &Arc<ServiceManager>,
        signals: &mut Signals,
        output: &mut Output,
    ) -> Result<Outcome, Failure> {
        let mut doors = Doors::new(self.ground.inherited.clone());
        if self.setup.company == Company::Together {
            self.open_front(&mut doors, output).await?;
        }
        let ready = self.greeting();
        output.say(&ready);
        manager.status(&ready);
        manager.ready();
        let mut tasks = JoinSet::new();
        let (watched, pulses) = (Arc::clone(manager), Arc::clone(&self.pulses));
        tasks.spawn(async move { watched.watch(|| liveness(&pulses)).await });
        if let Some(identity) = self.identity.clone() {
            tasks.spawn(async move {
                let never: Infallible = identity.keep_fresh(FRESH).await;
                match never {}
            });
        }

        let ended = loop {
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
                event = next_event(&mut self.members) => event,
            };
            match (self.setup.company, event) {
                (Company::Alone(_), Event::Failed(failure)) => break Err(failure),
                (_, Event::Failed(failure)) => self.lay_down(name, &failure, output).await,
                (_, Event::Rested) => self.try_again(name, output).await,
            }
        };
        doors.close().await;
        tasks.shutdown().await;
        ended
    }

    /// What all roles keep is shown of one file: that of `receive`, or if it does not run, of another
    /// role that does.
    async fn site(&mut self) -> Result<(Site, PathBuf), Failure> {
        const WITHOUT: &str = "mend the file, or name another";

        let takes_in = self.members.iter().any(|member| member.name == RoleName::Receive);
        let path = self.store_of_pages();
        let store = self.ground.store(&path, WITHOUT).await?;
        let raw = match takes_in {
            true => {
                let raw = self.ground.configuration.receive.raw_file();
                Some(self.ground.raw_store(&raw, WITHOUT).await?)
            }
            false => None,
        };
        let access = Access::new(&self.ground.configuration.web, credentials().as_deref());
        let access = access.map_err(Failure::new)?;
        let clock = self.ground.clock.clone();
        let site = Site::new(store, raw, clock, access, env!("CARGO_PKG_VERSION"));
        site.show_settings(self.ground.configuration.set.clone());
        let site = site.with_hands(Arc::new(PublishHands(self.front.clone())));
        Ok((site.with_witness(Arc::new(RolesWitness(self.front.clone()))), path))
    }

    fn store_of_pages(&self) -> PathBuf {
        let runs = |name| self.members.iter().any(|member| member.name == name);
        self.ground.configuration.store_of_pages(runs)
    }

    async fn open_front(&mut self, doors: &mut Doors, output: &mut Output) -> Result<(), Failure> {
        let (site, path) = self.site().await?;
        self.site = Some((site.clone(), path));
        let facade = Facade { front: self.front.clone(), site };
        let section = self.ground.configuration.serve.clone();
        let limits = Limits { grace: GRACE, ..Limits::default() };
        let handler = HttpHandler::new(facade.clone(), HttpLimits::default());
        let server = Server::new(handler, limits);
        doors.open(&section.http, server, |listener| format!("http://{listener}")).await?;
        if let Some(files) = section.identity()? {
            let identity =
                Identity::load(files).map_err(|error| Failure::new(with_source(&error)))?;
            let identity = Arc::new(identity);
            let handler = HttpHandler::new(facade, HttpLimits::default());
            let handler = TlsHandler::http(handler, Arc::clone(&identity), TlsLimits::default());
            let handler = PerSource::new(handler, Sources::new(FROM_A_SOURCE));
            let server = Server::new(handler, limits);
            doors.open(&section.https, server, |listener| format!("https://{listener}")).await?;
            self.identity = Some(identity);
        }
        for place in doors.places() {
            output.say(&format!("listening at {place}"));
        }
        Ok(())
    }

    fn greeting(&self) -> String {
        let of = |member: &Member| match &member.state {
            State::Runs(role) => role.greeting(),
            State::Rests(_) => None,
        };
        match (self.setup.company, self.members.as_slice()) {
            (Company::Alone(_), [member]) => match of(member) {
                Some(greeting) => format!("ready, {greeting}"),
                None => "ready".to_owned(),
            },
            (_, members) => {
                let roles: Vec<String> = members
                    .iter()
                    .map(|member| match of(member) {
                        Some(greeting) => format!("{} {greeting}", member.name.as_str()),
                        None => member.name.as_str().to_owned(),
                    })
                    .collect();
                format!("ready: {}", roles.join(", "))
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
        output.say_as(self.setup.company.speaker(name));
        output.say(&format!("{failure}\n\nhint: it starts again in {} s", pause.as_secs()));
        if let Some(Member { state: State::Runs(role), .. }) = before
            && let Err(failure) = role.stop().await
        {
            output.say(&failure.to_string());
        }
        output.say_as(None);
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
        // Now it is known what is in force.
        if let Some((site, shown)) = &self.site {
            site.show_settings(self.ground.configuration.set.clone());
            if self.store_of_pages() != *shown {
                let shown = shown.display();
                output.say(&format!("the pages show what is kept in {shown} until the next start"));
            }
        }
        Ok(())
    }

    /// Takes up who may see the pages, and by which password.
    fn reload_access(&self, configuration: &mut Configuration, output: &mut Output) {
        let Some((site, _)) = &self.site else { return };
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
                let State::Runs(role) = &mut member.state else { return Ok(()) };
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
        // The last that started is the first to stop.
        for member in self.members.into_iter().rev() {
            if let State::Runs(role) = member.state
                && let Err(failure) = role.stop().await
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

/// Where systemd puts credentials.
fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
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
