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

/// What to do about a file that cannot be used.
const WITHOUT: &str = "mend the file, or name another";
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
    /// Something could not be had.
    fails: bool,
    /// It is opened again, as far as it is not open, when this is over.
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
            fails: false,
            rest: None,
            pause: PAUSES.0,
        }
    }

    /// Something could not be had, and is tried again.
    pub(super) fn fails(&self) -> bool {
        self.fails
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
        let opened = self.open_all(ground, front, roles).await;
        self.fails = opened.is_err();
        front.pages_wait(self.fails);
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
    ) -> Result<(), Failure> {
        let site = match &self.site {
            Some((site, _)) => site.clone(),
            None => {
                let path = ground.configuration.store_of_pages(|name| roles.contains(&name));
                let site = site(ground, front, &path).await?;
                self.site = Some((site.clone(), path));
                site
            }
        };
        let facade = Facade { front: front.clone(), site: site.clone() };
        // One that fails does not keep the others shut.
        let opened = self.open_plain(ground, facade.clone()).await;
        let opened_over_tls = self.open_over_tls(ground, facade).await;
        let shown = show_raw(ground, &site, roles).await;
        opened.and(opened_over_tls).and(shown)
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

    /// Somebody may have mended what is wrong, and other roles may run: it is tried at once.
    pub(super) fn wake(&mut self) {
        self.rest = Some(Box::pin(sleep(Duration::ZERO)));
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
async fn site(ground: &mut Ground, front: &Front, path: &Path) -> Result<Site, Failure> {
    let store = ground.store(path, WITHOUT).await?;
    let access = Access::new(&ground.configuration.web, credentials().as_deref());
    let access = access.map_err(Failure::new)?;
    let site = Site::new(store, None, ground.clock.clone(), access, env!("CARGO_PKG_VERSION"));
    site.show_settings(ground.configuration.set.clone());
    let site = site.with_hands(Arc::new(PublishHands(front.clone())));
    let site = site.with_reader(Arc::new(ReportReader));
    Ok(site.with_witness(Arc::new(RolesWitness(front.clone()))))
}

/// Shows reports as they came, where `receive` keeps them. Until its file can be opened, everything
/// else is shown, and the pages are not ready.
async fn show_raw(ground: &mut Ground, site: &Site, roles: &[RoleName]) -> Result<(), Failure> {
    if site.shows_raw() || !roles.contains(&RoleName::Receive) {
        return Ok(());
    }
    let path = ground.configuration.receive.raw_file();
    let raw = ground.raw_store(&path, WITHOUT).await;
    site.show_raw(
        raw.map_err(|failure| failure.hint("the pages show no raw report until it can be opened"))?,
    );
    Ok(())
}

/// Where systemd puts credentials.
pub(super) fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}
