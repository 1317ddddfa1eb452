//! Sees to it that every policy host has a certificate, ahead of need.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use mail_domain::DomainName;
use sealpost_listen::tls::{NamedCertificate, NamedCertificates};
use sealpost_net::{HttpsUrl, Network};
use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{Certificates, Kept, Spending, StoreError};
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{AcmeSection, Seal, SealError, Whereabouts, schedule, section::AcmeLimits};
use crate::{
    ChallengeKind, HostError, PublishMetrics, PublishedDomain, Target,
    acme::{
        AccountKey, AcmeError, CertificateFacts, Client, Directory, Issued, Issuer, Preflight,
        Registration, Zone, certificate_id,
    },
    host::{Tokens, policy_host},
};

/// For how long a host is in hand before others take it up, if that is not renewed.
const LEASE: i64 = 10;
/// How often it is renewed, and how soon who does not get a host comes again.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// The longest pause between two looks at what is due.
const LOOK: Duration = Duration::from_secs(30);
/// The shortest.
const MOMENT: Duration = Duration::from_millis(500);
/// So many failures in a row are not forgotten by a start.
const OFTEN: u64 = 5;
/// How far the clock of this machine may be from the authority's, in seconds.
const SKEW: i64 = 60;
/// How far before nothing is ordered: certificates often begin an hour before they are issued.
const FAR: u64 = 3_600;

/// Gets and renews certificates. Clones share it.
#[derive(Clone)]
pub(crate) struct Keeper {
    inner: Arc<Inner>,
}

/// What it works with.
pub(crate) struct Parts {
    pub(crate) network: Network,
    pub(crate) store: Certificates,
    pub(crate) clock: Clock,
    pub(crate) named: Arc<NamedCertificates>,
    pub(crate) tokens: Tokens,
    pub(crate) zone: Zone,
    pub(crate) metrics: Arc<PublishMetrics>,
}

struct Inner {
    section: AcmeSection,
    directory: HttpsUrl,
    staging: Option<HttpsUrl>,
    external: Option<(String, Vec<u8>)>,
    network: Network,
    store: Certificates,
    clock: Clock,
    named: Arc<NamedCertificates>,
    metrics: Arc<PublishMetrics>,
    issuer: Issuer,
    /// The name of this process, for others that share the store.
    holder: String,
    clients: tokio::sync::Mutex<Clients>,
    states: Mutex<HashMap<DomainName, State>>,
    places: RwLock<Places>,
}

/// By the name of the authority: who speaks to it, and the names by which CAA records know it.
type Clients = HashMap<String, (Arc<Client>, Vec<String>)>;

/// Where policy hosts must be found.
#[derive(Default)]
struct Places {
    all: Vec<Target>,
    of: HashMap<DomainName, Whereabouts>,
}

/// What is known of a host.
#[derive(Clone, Debug, Default)]
struct State {
    /// From when until when its certificate is valid.
    valid: Option<(i64, i64)>,
    /// How renewal information names that.
    id: Option<String>,
    renew_at: Option<i64>,
    ask_at: Option<i64>,
    failures: u64,
    /// Nothing is tried before.
    next_at: i64,
}

impl State {
    /// When something is to be done: the time, and whether it is an order.
    fn due(&self) -> i64 {
        let renewal = match self.valid {
            None => 0,
            Some((from, until)) => schedule::renewal(from, until, self.renew_at),
        };
        renewal.max(self.next_at)
    }
}

impl Keeper {
    /// Reads the files that are needed; asks nobody yet.
    pub(crate) fn new(section: &AcmeSection, parts: Parts) -> Result<Self, HostError> {
        let url = |text: &str| {
            text.parse::<HttpsUrl>()
                .map_err(|error| HostError::Settings(format!("use the authority {text}: {error}")))
        };
        if !section.agree_to_terms {
            return Err(HostError::Settings(format!(
                "use {}: set `agree_to_terms = true` in [publish.acme] once you have read its terms",
                section.directory
            )));
        }
        if section.challenge == ChallengeKind::Dns01 && parts.zone.is_empty() {
            let text = "prove names by dns-01: there is no server in [publish.dns_servers]";
            return Err(HostError::Settings(text.to_owned()));
        }
        let seal = Seal::load(section.key_file.as_deref())?;
        let external = match &section.external_account {
            None => None,
            Some(account) => {
                let path = &account.key_file;
                let text = fs_err::read_to_string(path).map_err(crate::SealError::from)?;
                let text = text.trim().trim_end_matches('=');
                let key = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| {
                    HostError::Settings(format!("use {}: it is no base64url", path.display()))
                })?;
                Some((account.id.clone(), key))
            }
        };
        let issuer = Issuer {
            store: parts.store.clone(),
            seal,
            challenge: section.challenge,
            profile: section.profile.clone(),
            named: Arc::clone(&parts.named),
            tokens: parts.tokens,
            zone: Arc::new(parts.zone),
        };
        let inner = Inner {
            directory: url(&section.directory)?,
            staging: section.trials().map(url).transpose()?,
            external,
            section: section.clone(),
            network: parts.network,
            store: parts.store,
            clock: parts.clock,
            named: parts.named,
            metrics: parts.metrics,
            issuer,
            holder: holder()?,
            clients: tokio::sync::Mutex::default(),
            states: Mutex::default(),
            places: RwLock::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Takes up all certificates that are kept.
    pub(crate) async fn load(&self) -> Result<(), HostError> {
        let inner = &self.inner;
        let mut behind = None;
        loop {
            let page = inner.store.list(behind).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.host.clone());
            for kept in page {
                inner.take_up(&kept)?;
            }
        }
        let mut behind = None;
        loop {
            let page = inner.store.troubles(behind).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.host.clone());
            let mut states = inner.states.lock().unwrap_or_else(PoisonError::into_inner);
            for trouble in page {
                let state = states.entry(trouble.host).or_default();
                state.failures = trouble.failures;
                // After a start the cause may be mended; who has failed often waits on.
                if trouble.failures >= OFTEN {
                    state.next_at = trouble.next_at;
                }
            }
        }
        Ok(())
    }

    /// The addresses at which policy hosts must be: these, or if there are none, those that each is to
    /// point to; and at which server the records of each are set. Those that were taken out stay where
    /// they were.
    pub(crate) fn configure<'a>(
        &self,
        all: &[IpAddr],
        domains: impl Iterator<Item = &'a PublishedDomain>,
    ) {
        let mut places = self.inner.places.write().unwrap_or_else(PoisonError::into_inner);
        places.all = all.iter().copied().map(Target::Address).collect();
        places.of.extend(domains.filter_map(|published| {
            Some((policy_host(&published.domain)?, Whereabouts::of(published)))
        }));
        self.inner.issuer.zone.configure(&places.of);
    }

    /// From now on there are these hosts and no others; some of them are configured no longer, and were
    /// to be found here.
    pub(crate) fn follow(&self, hosts: &[DomainName], gone: Vec<(DomainName, Whereabouts)>) {
        let mut places = self.inner.places.write().unwrap_or_else(PoisonError::into_inner);
        for (host, whereabouts) in gone {
            places.of.entry(host).or_insert(whereabouts);
        }
        let wanted: HashSet<&DomainName> = hosts.iter().collect();
        places.of.retain(|host, _| wanted.contains(host));
        self.inner.issuer.zone.configure(&places.of);
    }

    /// Works off what is due, the most urgent first, for ever.
    pub(crate) async fn run(
        &self,
        hosts: impl Fn() -> Arc<[DomainName]>,
        skip: impl Fn(&DomainName) -> bool,
        woken: &Notify,
    ) -> Infallible {
        let mut running: JoinSet<()> = JoinSet::new();
        let mut busy: HashMap<tokio::task::Id, DomainName> = HashMap::new();
        loop {
            let now = self.inner.now();
            let mut due = self.inner.due(&hosts(), &skip);
            due.retain(|(_, host)| !busy.values().any(|one| one == host));
            let next = due.iter().map(|(at, _)| *at).find(|at| *at > now);
            let room = self.inner.section.parallel.clamp(1, 64).saturating_sub(running.len());
            let ready = due.into_iter().take_while(|(at, _)| *at <= now).take(room);
            for (_, host) in ready {
                let (inner, name) = (Arc::clone(&self.inner), host.clone());
                let task = running.spawn(async move { inner.attend(&name).await });
                busy.insert(task.id(), host);
            }
            let until = next.map_or(LOOK, |at| {
                Duration::from_secs(u64::try_from(at.saturating_sub(now)).unwrap_or(0))
            });
            let wait = async {
                tokio::select! {
                    Some(ended) = running.join_next_with_id(), if !running.is_empty() => {
                        let id = match ended {
                            Ok((id, ())) => id,
                            Err(error) => {
                                self.inner.metrics.panics.increment();
                                error.id()
                            }
                        };
                        if let Some(host) = busy.remove(&id) {
                            self.inner.rest(&host);
                        }
                    }
                    () = woken.notified() => {}
                }
            };
            // An error means that the time is over.
            let _ = timeout(until.clamp(MOMENT, LOOK), wait).await;
        }
    }
}

impl Inner {
    fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// When something is to be done for each host: who has nothing first, then who loses it first.
    fn due(
        &self,
        hosts: &[DomainName],
        skip: &impl Fn(&DomainName) -> bool,
    ) -> Vec<(i64, DomainName)> {
        let now = self.now();
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        let mut due = Vec::new();
        let mut soonest = 0;
        for host in hosts.iter().filter(|host| !skip(host)) {
            let state = states.entry(host.clone()).or_default();
            if let Some((_, until)) = state.valid
                && (soonest == 0 || until < soonest)
            {
                soonest = until;
            }
            let question = state.ask_at.filter(|_| state.valid.is_some()).unwrap_or(i64::MAX);
            due.push((state.due().min(question.max(state.next_at)).max(0), host.clone()));
        }
        self.metrics.soonest.set(soonest);
        due.sort_by(|(one, _), (other, _)| one.max(&now).cmp(other.max(&now)).then(one.cmp(other)));
        due
    }

    fn take_up(&self, kept: &Kept) -> Result<(), SealError> {
        let key = self.issuer.seal.open(kept.host.as_str(), &kept.key)?;
        let place = std::path::Path::new("the store");
        match NamedCertificate::from_pem(&kept.chain, &key, place) {
            Ok(certificate) => {
                let state = State {
                    valid: Some((kept.not_before, kept.not_after)),
                    id: certificate_id(certificate.leaf()),
                    renew_at: kept.renew_at,
                    // Certificates that nobody asked about yet are asked about now.
                    ask_at: Some(kept.ask_at.unwrap_or(0)),
                    ..State::default()
                };
                self.named.set(kept.host.as_str(), certificate);
                let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
                states.insert(kept.host.clone(), state);
            }
            // It will be ordered anew.
            Err(error) => tracing::error!(host = %kept.host, %error, "a certificate is damaged"),
        }
        Ok(())
    }

    fn state(&self, host: &DomainName) -> State {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.get(host).cloned().unwrap_or_default()
    }

    /// Whatever became of it, a host is not looked at again at once: a task that panicked has said
    /// nothing.
    fn rest(&self, host: &DomainName) {
        let soon = self.now().saturating_add(1);
        self.change(host, |state| {
            if state.due() < soon {
                state.next_at = state.next_at.max(soon);
            }
        });
    }

    fn change(&self, host: &DomainName, change: impl FnOnce(&mut State)) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        change(states.entry(host.clone()).or_default());
    }

    /// Does what is due for a host, and writes down what came of it.
    async fn attend(&self, host: &DomainName) {
        let state = self.state(host);
        if state.due() > self.now() {
            return self.ask(host, &state).await;
        }
        match self.renew_alone(host, &state).await {
            Ok(Renewed::Done) => {
                self.metrics.issued.increment();
                tracing::info!(%host, "there is a new certificate");
            }
            Ok(Renewed::TakenOver) => {
                tracing::info!(%host, "another process has got a new certificate");
            }
            Ok(Renewed::Later(at)) => self.change(host, |state| state.next_at = at),
            Err(error) => self.failed(host, &state, &error).await,
        }
    }

    async fn failed(&self, host: &DomainName, state: &State, error: &AcmeError) {
        self.metrics.failures.increment();
        let failures = state.failures.saturating_add(1);
        let wait = schedule::wait(failures, schedule::seed(host.as_str()));
        let after = error.retry_after().and_then(|after| i64::try_from(after).ok());
        let next_at = self.now().saturating_add(after.unwrap_or(0).clamp(wait, 86_400.max(wait)));
        let what = match std::error::Error::source(error) {
            Some(source) => format!("failed to {error}: {source}"),
            None => format!("failed to {error}"),
        };
        if let AcmeError::Dial(_) = error {
            // It may be elsewhere when it is back.
            self.clients.lock().await.clear();
        }
        self.change(host, |state| {
            state.failures = failures;
            state.next_at = next_at;
        });
        if let Err(error) = self.store.trouble(host.clone(), next_at, &what).await {
            tracing::error!(%host, %error, "the trouble could not be written down");
        }
        // After it is written: whoever reads this and asks `publish certificates` is told the same.
        tracing::warn!(%host, error = what, failures, "there is no new certificate yet");
    }

    /// Asks when the authority would have a certificate renewed (RFC 9773).
    async fn ask(&self, host: &DomainName, state: &State) {
        let now = self.now();
        let asked = async {
            let Some(id) = &state.id else { return Ok(None) };
            let (client, _) = self.client(&self.directory, &self.section.directory).await?;
            client.renewal_info(id).await
        };
        let (renew_at, ask_at) = match asked.await {
            Ok(Some((info, after))) => {
                let (start, end) = (
                    info.suggested_window.start.as_second(),
                    info.suggested_window.end.as_second(),
                );
                let valid = state.valid.unwrap_or((now, now));
                let seed = schedule::seed(host.as_str());
                let at = schedule::suggested((start, end), valid, now, seed);
                (Some(at), schedule::next_question(now, after))
            }
            Ok(None) => (state.renew_at, schedule::next_question(now, u64::MAX)),
            Err(error) => {
                tracing::debug!(%host, %error, "no renewal information");
                (state.renew_at, schedule::next_question(now, 3_600))
            }
        };
        self.change(host, |state| {
            state.renew_at = renew_at;
            state.ask_at = Some(ask_at);
        });
        if let Err(error) = self.store.suggest(host.clone(), renew_at, ask_at).await {
            tracing::error!(%host, %error, "the time of renewal could not be written down");
        }
    }

    /// Gets a certificate while nobody else who shares the store does so for this host, or takes the
    /// one that another has got.
    async fn renew_alone(&self, host: &DomainName, state: &State) -> Result<Renewed, AcmeError> {
        let is_ours = self.lease(host).await?;
        let renewed = async {
            match self.learn(host, state).await? {
                Some(learnt) => Ok(learnt),
                None if is_ours => self.renew(host, state).await,
                None => Ok(Renewed::Later(self.soon())),
            }
        };
        if !is_ours {
            return renewed.await;
        }
        let renewed = tokio::select! {
            renewed = renewed => renewed,
            // Whoever has it now goes on with the order from where it is.
            () = self.until_lost(host) => Ok(Renewed::Later(self.soon())),
        };
        if let Err(error) = self.store.release(host.clone(), self.holder.clone()).await {
            // It is over soon.
            tracing::debug!(%host, %error, "the host is still in hand");
        }
        renewed
    }

    async fn lease(&self, host: &DomainName) -> Result<bool, StoreError> {
        let now = self.now();
        let until = now.saturating_add(LEASE);
        self.store.lease(host.clone(), self.holder.clone(), now, until).await
    }

    /// Keeps a host in hand; it ends when another has it.
    async fn until_lost(&self, host: &DomainName) {
        let mut kept = Stopwatch::start();
        loop {
            sleep(HEARTBEAT).await;
            match self.lease(host).await {
                Ok(true) => kept = Stopwatch::start(),
                Ok(false) => return,
                Err(_) if kept.elapsed().as_secs() >= LEASE.unsigned_abs() => return,
                // Nobody else can write there either.
                Err(_) => {}
            }
        }
    }

    fn soon(&self) -> i64 {
        self.now().saturating_add(HEARTBEAT.as_secs().try_into().unwrap_or(1))
    }

    /// What another process has written of a host since we looked: a certificate, or that there is none
    /// yet; nothing, if there is no news.
    async fn learn(&self, host: &DomainName, state: &State) -> Result<Option<Renewed>, AcmeError> {
        let known = self.store.of(host.clone()).await?;
        let is_news = |kept: &Kept| state.valid.is_none_or(|(_, until)| until < kept.not_after);
        if let Some(kept) = known.certificate.filter(is_news) {
            self.take_up(&kept)?;
            // One that is damaged is none.
            if self.state(host).valid.is_some_and(|(_, until)| until == kept.not_after) {
                return Ok(Some(Renewed::TakenOver));
            }
        }
        Ok(known.trouble.filter(|trouble| trouble.failures > state.failures).map(|trouble| {
            self.change(host, |state| state.failures = trouble.failures);
            Renewed::Later(trouble.next_at)
        }))
    }

    /// Gets a certificate, where that makes sense and the limits allow it.
    async fn renew(&self, host: &DomainName, state: &State) -> Result<Renewed, AcmeError> {
        let name = &self.section.directory;
        let begun = self.store.order(host.clone()).await?;
        let is_begun = begun.is_some_and(|begun| begun.directory == *name);
        let (client, authorities) = self.client(&self.directory, name).await?;
        // What is under way was looked at and counted when it began.
        let failures = AcmeLimits::of_failures(name, host);
        if !is_begun {
            self.compare_clocks(&client).await?;
            let free_at = self.store.free_at(failures.name.clone()).await?;
            let (at, _) = failures.next(free_at, self.now());
            if at > self.now() {
                return Ok(Renewed::Later(at));
            }
            let ours = self.addresses_of(host);
            let preflight = Preflight {
                network: &self.network,
                ours: &ours,
                authorities: &authorities,
                method: self.section.challenge.as_str(),
                account: client.account(),
            };
            preflight.look(host).await?;
            self.issuer.look(host).await?;
            if let (Some(staging), Some(name), 1..) =
                (&self.staging, self.section.trials(), state.failures)
            {
                let (client, _) = self.client(staging, name).await?;
                self.issuer.issue(host, name, &client, None, self.now()).await?;
                self.store.abandon(host.clone()).await?;
                tracing::info!(%host, "the trial succeeded");
            }
            // Renewals that name the certificate they replace do not count (RFC 9773 §5).
            if (state.renew_at.is_none() || state.valid.is_none())
                && let Spending::Not(at) = self.count_an_order(host).await?
            {
                return Ok(Renewed::Later(at));
            }
        }
        let replaces = state.id.as_deref().filter(|_| state.valid.is_some());
        let issued = match self.issuer.issue(host, name, &client, replaces, self.now()).await {
            // One that replaces none counts.
            Err(error) if replaces.is_some() && error.is_replaced() => {
                if let Spending::Not(at) = self.count_an_order(host).await? {
                    return Ok(Renewed::Later(at));
                }
                self.issuer.issue(host, name, &client, None, self.now()).await
            }
            issued => issued,
        };
        if let Err(AcmeError::Challenge { .. }) = &issued {
            // Whether there was room or not, it has happened.
            let _ = self.store.spend(vec![failures], self.now()).await?;
        }
        self.keep(host, &client, issued?).await?;
        Ok(Renewed::Done)
    }

    async fn count_an_order(&self, host: &DomainName) -> Result<Spending, AcmeError> {
        let (name, limits) = (&self.section.directory, &self.section.limits);
        let limits = vec![limits.of_account(name), limits.of_domain(name, host)];
        Ok(self.store.spend(limits, self.now()).await?)
    }

    /// A certificate for a machine with another time would be ordered for nothing.
    async fn compare_clocks(&self, client: &Client) -> Result<(), AcmeError> {
        let (ours, theirs) = (self.now(), client.time().await?);
        let is_far = |theirs: &i64| ours.abs_diff(*theirs) > FAR;
        let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap_or_default();
        match theirs.filter(is_far) {
            Some(theirs) => Err(AcmeError::Clock { ours: time(ours), theirs: time(theirs) }),
            None => Ok(()),
        }
    }

    async fn keep(
        &self,
        host: &DomainName,
        client: &Client,
        issued: Issued,
    ) -> Result<(), AcmeError> {
        let Issued { chain, key, facts, certificate } = issued;
        let CertificateFacts { not_before, not_after, .. } = facts;
        let now = self.now();
        if now < not_before.saturating_sub(SKEW) || now > not_after {
            // The order stays: once the clock is set, its certificate is taken. Only one that has run
            // out by the authority's clock too is good for nothing.
            let theirs = client.time().await.ok().flatten();
            if theirs.unwrap_or(now) > not_after {
                self.store.abandon(host.clone()).await?;
            }
            let time = |seconds| jiff::Timestamp::from_second(seconds).unwrap_or_default();
            return Err(AcmeError::Certificate(format!(
                "it is valid from {} to {}, and the clock of this machine shows {}: set the clock",
                time(not_before),
                time(not_after),
                time(now),
            )));
        }
        let id = certificate_id(certificate.leaf());
        let kept = Kept {
            host: host.clone(),
            directory: self.section.directory.clone(),
            chain,
            key,
            not_before,
            not_after,
            renew_at: None,
            ask_at: None,
        };
        self.store.keep(kept).await?;
        self.named.set(host.as_str(), certificate);
        self.change(host, |state| {
            *state = State {
                valid: Some((not_before, not_after)),
                id,
                ask_at: Some(now),
                ..State::default()
            };
        });
        Ok(())
    }

    fn addresses_of(&self, host: &DomainName) -> Vec<Target> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        match places.all.is_empty() {
            true => places.of.get(host).map(|known| known.target.clone()).unwrap_or_default(),
            false => places.all.clone(),
        }
    }

    /// Who talks to an authority for us, and the names by which CAA records know it.
    async fn client(
        &self,
        url: &HttpsUrl,
        name: &str,
    ) -> Result<(Arc<Client>, Vec<String>), AcmeError> {
        let mut clients = self.clients.lock().await;
        if let Some(known) = clients.get(name) {
            return Ok(known.clone());
        }
        let directory = Directory::fetch(&self.network, url).await?;
        let authorities = if self.section.authorities.is_empty() {
            directory.meta.caa_identities.clone()
        } else {
            self.section.authorities.clone()
        };
        let key = AccountKey::generate()?;
        let sealed = self.issuer.seal.seal(name, key.pkcs8())?;
        // The key is kept before the authority sees it.
        let account = self.store.account(name.to_owned(), sealed, self.now()).await?;
        let key = Arc::new(AccountKey::from_pkcs8(&self.issuer.seal.open(name, &account.key)?)?);
        let client = match account.url {
            Some(account) => Client::known(self.network.clone(), directory, key, account),
            None => {
                let registration = Registration {
                    contact: &self.section.contact,
                    external: self.external.as_ref().map(|(id, key)| (id.as_str(), key.as_slice())),
                };
                let network = self.network.clone();
                let client = Client::register(network, directory, key, &registration).await?;
                let account = client.account().to_owned();
                self.store.name_account(name.to_owned(), account).await?;
                tracing::info!(authority = name, "there is an account");
                client
            }
        };
        let known = (Arc::new(client), authorities);
        clients.insert(name.to_owned(), known.clone());
        Ok(known)
    }
}

/// What came of a try.
enum Renewed {
    Done,
    /// Another process did it.
    TakenOver,
    /// The limits allow it from then on.
    Later(i64),
}

/// A name that no other process has.
fn holder() -> Result<String, HostError> {
    let mut octets = [0; 16];
    let filled = SystemRandom::new().fill(&mut octets);
    filled.map_err(|_| HostError::Settings("make up a name: there is no randomness".to_owned()))?;
    Ok(data_encoding::HEXLOWER.encode(&octets))
}
