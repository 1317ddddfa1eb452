//! Where people and Prometheus ask: what opens there, and what is tried again.

use std::convert::Infallible;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sealpost_listen::http::{HttpHandler, HttpLimits};
use sealpost_listen::tls::{Identity, TlsHandler, TlsLimits};
use sealpost_listen::{Inherited, Limits, PerSource, Server, Sources};
use sealpost_web::{Access, Site};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use super::doors::Doors;
use super::front::{Facade, Front};
use super::ground::{Ground, with_source};
use super::hands::PublishHands;
use super::reader::ReportReader;
use super::role::RoleName;
use super::run::{FRESH, GRACE, PAUSES};
use super::witness::RolesWitness;
use crate::outcome::Failure;
use crate::output::Output;

/// Connections that one source may have over HTTPS.
const FROM_A_SOURCE: usize = 32;

/// The pages, and what programs ask for beside them. It opens piece by piece: what cannot be had now
/// is tried again, and takes nothing else with it.
pub(super) struct Entrance {
    doors: Doors,
    /// The pages, and the file of which they show what is kept.
    site: Option<(Site, PathBuf)>,
    is_open: bool,
    is_open_over_tls: bool,
    /// Those that keep what is open fresh.
    tasks: JoinSet<()>,
    /// Something could not be had, and is tried again when this is over.
    rest: Option<Pin<Box<Sleep>>>,
    pause: Duration,
}

impl Entrance {
    /// Nothing is open yet.
    pub(super) fn new(inherited: Inherited) -> Self {
        Self {
            doors: Doors::new(inherited),
            site: None,
            is_open: false,
            is_open_over_tls: false,
            tasks: JoinSet::new(),
            rest: None,
            pause: PAUSES.0,
        }
    }

    /// The pages, once they are there, and the file of which they show what is kept.
    pub(super) fn site(&self) -> Option<&(Site, PathBuf)> {
        self.site.as_ref()
    }

    /// Opens what is not open yet, and says where. `roles` are those that were asked for.
    pub(super) async fn open(
        &mut self,
        ground: &mut Ground,
        front: &Front,
        roles: &[RoleName],
        output: &mut Output,
    ) -> Result<(), Failure> {
        self.rest = None;
        let before = self.doors.places().len();
        let opened = self.open_all(ground, front, roles, output).await;
        front.pages_wait(opened.is_err());
        for place in self.doors.places().iter().skip(before) {
            output.say(&format!("listening at {place}"));
        }
        opened
    }

    async fn open_all(
        &mut self,
        ground: &mut Ground,
        front: &Front,
        roles: &[RoleName],
        output: &mut Output,
    ) -> Result<(), Failure> {
        let site = match &self.site {
            Some((site, _)) => site.clone(),
            None => {
                let path = ground.configuration.store_of_pages(|name| roles.contains(&name));
                let site = site(ground, front, &path, roles, output).await?;
                self.site = Some((site.clone(), path));
                site
            }
        };
        let facade = Facade { front: front.clone(), site };
        // One that fails does not keep the other shut.
        let opened = self.open_plain(ground, facade.clone()).await;
        let opened_over_tls = self.open_over_tls(ground, facade).await;
        opened.and(opened_over_tls)
    }

    async fn open_plain(&mut self, ground: &Ground, facade: Facade) -> Result<(), Failure> {
        if self.is_open {
            return Ok(());
        }
        let server = Server::new(HttpHandler::new(facade, HttpLimits::default()), limits());
        let addresses = &ground.configuration.serve.http;
        self.doors.open(addresses, server, |listener| format!("http://{listener}")).await?;
        self.is_open = true;
        Ok(())
    }

    async fn open_over_tls(&mut self, ground: &Ground, facade: Facade) -> Result<(), Failure> {
        if self.is_open_over_tls {
            return Ok(());
        }
        let section = &ground.configuration.serve;
        if let Some(files) = section.identity()? {
            let identity =
                Identity::load(files).map_err(|error| Failure::new(with_source(&error)))?;
            let identity = Arc::new(identity);
            let handler = HttpHandler::new(facade, HttpLimits::default());
            let handler = TlsHandler::http(handler, Arc::clone(&identity), TlsLimits::default());
            let handler = PerSource::new(handler, Sources::new(FROM_A_SOURCE));
            let server = Server::new(handler, limits());
            let addresses = &section.https;
            self.doors.open(addresses, server, |listener| format!("https://{listener}")).await?;
            self.tasks.spawn(async move {
                let never: Infallible = identity.keep_fresh(FRESH).await;
                match never {}
            });
        }
        self.is_open_over_tls = true;
        Ok(())
    }

    /// Something could not be had: after how long it is tried again.
    pub(super) fn lay_down(&mut self, inherited: Inherited) -> Duration {
        self.doors.take_from(inherited);
        let pause = self.pause;
        self.rest = Some(Box::pin(sleep(pause)));
        self.pause = pause.saturating_mul(2).min(PAUSES.1);
        pause
    }

    /// Waits until something is to be tried again. Nothing is lost if the waiting is given up.
    pub(super) async fn rested(&mut self) {
        match &mut self.rest {
            Some(rest) => rest.await,
            None => pending().await,
        }
    }

    /// Somebody may have mended it: it is tried at once.
    pub(super) fn wake(&mut self) {
        if let Some(rest) = &mut self.rest {
            *rest = Box::pin(sleep(Duration::ZERO));
        }
    }

    /// Brings what is under way to its end, and closes everything.
    pub(super) async fn close(mut self) {
        self.doors.close().await;
        self.tasks.shutdown().await;
    }
}

fn limits() -> Limits {
    Limits { grace: GRACE, ..Limits::default() }
}

/// What all roles keep is shown of one file: that of `receive`, or if it does not run, of another
/// role that does.
async fn site(
    ground: &mut Ground,
    front: &Front,
    path: &Path,
    roles: &[RoleName],
    output: &mut Output,
) -> Result<Site, Failure> {
    const WITHOUT: &str = "mend the file, or name another";

    let store = ground.store(path, WITHOUT).await?;
    let raw = match roles.contains(&RoleName::Receive) {
        true => {
            let raw = ground.configuration.receive.raw_file();
            match ground.raw_store(&raw, WITHOUT).await {
                Ok(raw) => Some(raw),
                // `receive` does not start without it, and everything else can be shown.
                Err(failure) => {
                    let hint = "the pages show no raw report until the next start";
                    output.say(&failure.hint(hint).to_string());
                    None
                }
            }
        }
        false => None,
    };
    let access = Access::new(&ground.configuration.web, credentials().as_deref());
    let access = access.map_err(Failure::new)?;
    let site = Site::new(store, raw, ground.clock.clone(), access, env!("CARGO_PKG_VERSION"));
    site.show_settings(ground.configuration.set.clone());
    let site = site.with_hands(Arc::new(PublishHands(front.clone())));
    let site = site.with_reader(Arc::new(ReportReader));
    Ok(site.with_witness(Arc::new(RolesWitness(front.clone()))))
}

/// Where systemd puts credentials.
pub(super) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}
