//! Who may look, and who may change something.

mod attempts;
mod host;
mod passed_on;
mod password;
mod sessions;
mod token;

use std::{
    net::IpAddr,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
    hmac,
    rand::{SecureRandom as _, SystemRandom},
};
use data_encoding::BASE64URL_NOPAD;
use sealpost_listen::{Peer, Source, http::Request};
use sealpost_runtime::Stopwatch;
use sealpost_store::{Rights, StoreError, Tokens};
use tokio::{sync::Semaphore, task::spawn_blocking};

pub(crate) use self::passed_on::is_passed_on;
use self::{
    attempts::Attempts,
    host::{host_of, is_own},
    sessions::Sessions,
};
pub use self::{
    host::{HostName, HostNameError},
    password::{PasswordError, PasswordHash},
    token::NewToken,
};
use crate::{
    metrics::Refused,
    section::{ProxyPlace, Section, SectionError, TrustedProxy},
};

/// Passwords that are hashed at a time: each takes 19 MiB.
const HASHED_AT_A_TIME: usize = 2;
/// A token that is used again within so many seconds is not noted again.
const NOTED_FOR: i64 = 3_600;
/// The longest name of a person that a proxy gives, in characters.
const LONGEST_NAME: usize = 128;

/// A SHA-256.
type Hash = [u8; 32];

/// Who may look: clients on this machine that call it by one of its names; with a password or a
/// trusted proxy also others, once it is known who they are. Clones are the same.
#[derive(Clone)]
pub struct Access {
    inner: Arc<Inner>,
}

struct Inner {
    /// What may change while it is in use.
    rules: RwLock<Arc<Rules>>,
    attempts: Attempts,
    /// How many refusals of whom are written down: a flood of them fills no log.
    noted: Attempts,
    turns: Arc<Semaphore>,
    /// Makes the marks of forms, anew with each start.
    key: hmac::Key,
    /// Sessions and tries are measured with it: no change of the clock prolongs them.
    watch: Stopwatch,
}

/// What the section says, with the sessions of who has given its password.
struct Rules {
    hosts: Vec<HostName>,
    password: Option<PasswordHash>,
    proxy: Option<TrustedProxy>,
    sessions: Arc<Sessions>,
}

/// What became of those who were logged in when the section was read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoggedIn {
    /// They still are.
    Stay,
    /// The password is another: they have to give it.
    Out,
}

/// Who asks, and from where.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) who: Who,
    pub(crate) rights: Rights,
    /// The address, for the audit log.
    pub(crate) source: String,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody on this machine, while there is no password.
    Anyone,
    /// Whoever knows the password, in this session.
    Operator(Hash),
    /// A program with the token of this name.
    Program(String),
    /// Somebody whom the proxy names.
    Person(String),
}

/// Why somebody is not let in.
pub(crate) enum Turned {
    /// For good.
    Away(Refused, &'static str),
    /// The token is not known or has ended.
    Token,
    /// He has to log in.
    Unknown,
    /// The store does not say whose the token is.
    Store(StoreError),
}

/// Why a password was not taken.
pub(crate) enum NotIn {
    Wrong,
    TooOften(Duration),
    /// The system gives no random octets.
    Broken,
}

/// From where a request came.
struct Origin {
    address: Option<IpAddr>,
    /// The trusted proxy has passed it on.
    is_proxied: bool,
    /// Nobody on the way could read it.
    is_secure: bool,
}

impl Access {
    /// As the section says. `credentials` is the folder of the credentials of systemd.
    ///
    /// # Errors
    ///
    /// [`SectionError`] if the password cannot be read or the section makes no sense.
    pub fn new(section: &Section, credentials: Option<&Path>) -> Result<Self, SectionError> {
        let key = random::<32>().ok_or(PasswordError::Random)?;
        let inner = Inner {
            rules: RwLock::new(Arc::new(Rules::new(section, credentials)?)),
            attempts: Attempts::default(),
            noted: Attempts::default(),
            turns: Arc::new(Semaphore::new(HASHED_AT_A_TIME)),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
            watch: Stopwatch::start(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Goes by this section from now on, and by the password that its file has now. Who was logged
    /// in by another password is so no more.
    ///
    /// # Errors
    ///
    /// As [`Access::new`]; then it goes by what it went by before.
    pub fn reload(
        &self,
        section: &Section,
        credentials: Option<&Path>,
    ) -> Result<LoggedIn, SectionError> {
        let mut rules = Rules::new(section, credentials)?;
        let mut held = self.inner.rules.write().unwrap_or_else(PoisonError::into_inner);
        let logged_in = if rules.password == held.password {
            held.sessions.last_for(section.idle(), section.life());
            rules.sessions = Arc::clone(&held.sessions);
            LoggedIn::Stay
        } else {
            LoggedIn::Out
        };
        *held = Arc::new(rules);
        Ok(logged_in)
    }

    /// Who asks.
    pub(crate) async fn caller(
        &self,
        request: &Request,
        tokens: &Tokens,
        now: i64,
    ) -> Result<Caller, Turned> {
        let origin = self.origin(request);
        self.pass_the_door(request, &origin)?;
        let caller = |who, rights| Ok(Caller { who, rights, source: origin.name() });
        let authorization = request.fields.single("authorization");
        if let Some(hash) = authorization.and_then(token::in_field) {
            let found = tokens.find(hash).await.map_err(Turned::Store)?;
            let alive = found.filter(|token| token.ends_at.is_none_or(|end| now < end));
            let token = alive.ok_or(Turned::Token)?;
            if token.used_at.is_none_or(|used| used + NOTED_FOR <= now)
                && let Err(error) = tokens.used(token.name.clone(), now).await
            {
                tracing::warn!(%error, "the use of a token was not noted");
            }
            return caller(Who::Program(token.name), token.rights);
        }
        if let Some((name, rights)) = self.named_by_proxy(request, &origin) {
            return caller(Who::Person(name), rights);
        }
        if let Some(session) = self.session(request, &origin) {
            return caller(Who::Operator(session), Rights::Write);
        }
        if self.is_open() {
            return caller(Who::Anyone, Rights::Read);
        }
        Err(Turned::Unknown)
    }

    /// Whether this client may ask anything at all, even to log in.
    pub(crate) fn pass(&self, request: &Request) -> Result<(), Turned> {
        self.pass_the_door(request, &self.origin(request))
    }

    /// Takes a password for a session: the cookie that is to be set.
    pub(crate) async fn log_in(
        &self,
        request: &Request,
        password: String,
    ) -> Result<String, NotIn> {
        let origin = self.origin(request);
        // The session is one of these rules: if the password has changed meanwhile, it is over.
        let rules = self.rules();
        let Some(hash) = rules.password.clone() else { return Err(NotIn::Wrong) };
        let source = origin.bounded();
        let now = self.inner.watch.elapsed();
        self.inner.attempts.take(source, now).map_err(NotIn::TooOften)?;
        let turns = Arc::clone(&self.inner.turns);
        let turn = turns.acquire_owned().await.map_err(|_| NotIn::Broken)?;
        let is_right = spawn_blocking(move || {
            // Whoever asked may be gone by now, and the work goes on: its turn is over when it is.
            let _turn = turn;
            hash.is_of(&password)
        })
        .await;
        if !is_right.map_err(|_| NotIn::Broken)? {
            return Err(NotIn::Wrong);
        }
        self.inner.attempts.welcome(source);
        // What the browser held before is worth nothing from now on.
        self.end_session(request);
        let id = rules.sessions.begin(self.inner.watch.elapsed()).ok_or(NotIn::Broken)?;
        Ok(cookie(&id, origin.is_secure))
    }

    /// Ends the session, if there is one: the cookie that is to be set.
    pub(crate) fn log_out(&self, request: &Request) -> String {
        self.end_session(request);
        let cookie = cookie("", self.origin(request).is_secure);
        format!("{cookie}; Max-Age=0")
    }

    /// Whether a form was sent from a page of ours, as far as the browser says so. One that does not
    /// say it is not believed.
    pub(crate) fn is_from_us(&self, request: &Request) -> bool {
        let site = request.fields.single("sec-fetch-site");
        if site.is_some_and(|site| site != "same-origin") {
            return false;
        }
        let Some(origin) = request.fields.single("origin") else {
            return site.is_some() && !request.fields.has("origin");
        };
        // A proxy may speak TLS in front of us without saying so.
        let is_secure = self.origin(request).is_secure;
        let host = request.fields.single("host").unwrap_or_default();
        origin.split_once("://").is_some_and(|(scheme, authority)| {
            (scheme == "https" || (scheme == "http" && !is_secure))
                && !host.is_empty()
                && authority.eq_ignore_ascii_case(host)
        })
    }

    /// The mark that the forms of this caller bear: nobody else can make it.
    pub(crate) fn mark(&self, caller: &Caller) -> String {
        let mut about = Vec::new();
        match &caller.who {
            Who::Anyone => about.push(b'a'),
            Who::Operator(session) => {
                about.push(b'o');
                about.extend(session);
            }
            Who::Program(name) => {
                about.push(b't');
                about.extend(name.as_bytes());
            }
            Who::Person(name) => {
                about.push(b'p');
                about.extend(name.as_bytes());
            }
        }
        BASE64URL_NOPAD.encode(hmac::sign(&self.inner.key, &about).as_ref())
    }

    /// Whether a form bears the mark of this caller.
    pub(crate) fn is_marked(&self, caller: &Caller, mark: &str) -> bool {
        verify_slices_are_equal(self.mark(caller).as_bytes(), mark.as_bytes()).is_ok()
    }

    /// From where a request came, for the audit log.
    pub(crate) fn source(&self, request: &Request) -> String {
        self.origin(request).name()
    }

    /// Whether another refusal of who asks is written down.
    pub(crate) fn is_noted(&self, request: &Request) -> bool {
        let source = self.origin(request).bounded();
        self.inner.noted.take(source, self.inner.watch.elapsed()).is_ok()
    }

    /// Whether one can log in here.
    pub(crate) fn has_password(&self) -> bool {
        self.rules().password.is_some()
    }

    /// How somebody is known here, for people.
    pub(crate) fn described(&self) -> String {
        let mut ways = Vec::new();
        if self.has_password() {
            ways.push("whoever knows the password".to_owned());
        }
        if let Some(TrustedProxy { user: Some(field), rights, .. }) = &self.rules().proxy {
            ways.push(format!(
                "whom the proxy names in {field}, to {}",
                Rights::from(*rights).as_str()
            ));
        }
        if ways.is_empty() {
            ways.push("whoever is on this machine, to read".to_owned());
        }
        ways.push("programs with a token".to_owned());
        ways.join("; ")
    }

    /// Nobody has to say who he is.
    fn is_open(&self) -> bool {
        let rules = self.rules();
        let names_users = rules.proxy.as_ref().is_some_and(|proxy| proxy.user.is_some());
        rules.password.is_none() && !names_users
    }

    /// Whether we are called by a name of ours.
    pub(crate) fn pass_by_name(&self, request: &Request) -> Result<(), Turned> {
        // A name that somebody else points to 127.0.0.1 would let his pages read ours.
        let host = request.fields.single("host").map(host_of).unwrap_or_default();
        if !is_own(host) && !self.rules().hosts.iter().any(|name| name.is(host)) {
            let why = "this is not a name of this host; list it in `hosts` of [web]\n";
            return Err(Turned::Away(Refused::Host, why));
        }
        Ok(())
    }

    fn pass_the_door(&self, request: &Request, origin: &Origin) -> Result<(), Turned> {
        self.pass_by_name(request)?;
        let is_near = is_near(request);
        if self.is_open() && (!is_near || is_passed_on(request)) {
            let why = "these pages are for this machine only, and this came from elsewhere or \
                       through a proxy; give [web] a password_file, or let the proxy ask who \
                       somebody is and say so in the `user` field of [web.proxy]\n";
            return Err(Turned::Away(Refused::Far, why));
        }
        if !is_near && !origin.is_proxied && !origin.is_secure {
            let why = "passwords and tokens do not travel in the open; come by https\n";
            return Err(Turned::Away(Refused::Open, why));
        }
        let rules = self.rules();
        let field = rules.proxy.as_ref().and_then(|proxy| proxy.user.as_deref());
        if field.is_some_and(|field| request.fields.has(field)) && !origin.is_proxied {
            let why = "only the proxy that [web.proxy] names may say who somebody is\n";
            return Err(Turned::Away(Refused::Proxy, why));
        }
        Ok(())
    }

    fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.inner.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn origin(&self, request: &Request) -> Origin {
        let peer = match request.peer {
            Peer::Tcp(address) => Some(address.ip().to_canonical()),
            Peer::Unix => None,
        };
        let rules = self.rules();
        let is_ours = |peer: Option<IpAddr>| {
            rules.proxy.as_ref().is_some_and(|proxy| {
                proxy.addresses.iter().any(|place| match (place, peer) {
                    (ProxyPlace::Unix, None) => true,
                    (ProxyPlace::Address(address), Some(peer)) => address.to_canonical() == peer,
                    _ => false,
                })
            })
        };
        let is_proxied = is_ours(peer);
        if !is_proxied {
            return Origin { address: peer, is_proxied, is_secure: request.is_tls };
        }
        let list = request.fields.list("x-forwarded-for").into_iter();
        let address = passed_on::client(list, |address| is_ours(Some(address)));
        let is_secure = request.is_tls
            || request.fields.single("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
        Origin { address: address.or(peer), is_proxied, is_secure }
    }

    fn named_by_proxy(&self, request: &Request, origin: &Origin) -> Option<(String, Rights)> {
        let rules = self.rules();
        let proxy = rules.proxy.as_ref().filter(|_| origin.is_proxied)?;
        let name = request.fields.single(proxy.user.as_deref()?)?.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME {
            return None;
        }
        Some((name.to_owned(), proxy.rights.into()))
    }

    fn session(&self, request: &Request, origin: &Origin) -> Option<Hash> {
        let id = session_id(request, origin.is_secure)?;
        self.rules().sessions.find(id, self.inner.watch.elapsed())
    }

    fn end_session(&self, request: &Request) {
        if let Some(id) = session_id(request, self.origin(request).is_secure) {
            self.rules().sessions.end(id);
        }
    }
}

impl Rules {
    fn new(section: &Section, credentials: Option<&Path>) -> Result<Self, SectionError> {
        Ok(Self {
            hosts: section.hosts.clone(),
            password: section.password(credentials)?,
            proxy: section.proxy()?,
            sessions: Arc::new(Sessions::new(section.idle(), section.life())),
        })
    }
}

/// Whether whoever asks is on this machine, be it only a proxy.
pub(crate) fn is_near(request: &Request) -> bool {
    match request.peer {
        Peer::Tcp(address) => address.ip().to_canonical().is_loopback(),
        Peer::Unix => true,
    }
}

impl Origin {
    /// Whose tries are counted.
    fn bounded(&self) -> Source {
        Source::at(self.address.unwrap_or(IpAddr::from([127, 0, 0, 1])))
    }

    fn name(&self) -> String {
        self.address.map_or_else(|| "this machine".to_owned(), |address| address.to_string())
    }
}

impl Caller {
    /// The name under which acts are written down.
    pub(crate) fn name(&self) -> String {
        match &self.who {
            Who::Anyone => "somebody on this machine".to_owned(),
            Who::Operator(_) => "the operator".to_owned(),
            Who::Program(name) => format!("the token {name}"),
            Who::Person(name) => name.clone(),
        }
    }

    pub(crate) fn may_write(&self) -> bool {
        self.rights >= Rights::Write
    }
}

/// The name of the cookie: where there is TLS, browsers take `__Host-` from this host alone (RFC
/// 6265bis §4.1.3).
fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-sealpost" } else { "sealpost" }
}

fn cookie(id: &str, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{}={id}; Path=/; HttpOnly; SameSite=Lax{secure}", cookie_name(is_secure))
}

/// The id of the session that a request brings; none if it brings two, for then nobody knows who
/// has set which.
fn session_id(request: &Request, is_secure: bool) -> Option<&str> {
    let cookies = request.fields.single("cookie")?;
    let mut ids = cookies.split(';').filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == cookie_name(is_secure)).then_some(value)
    });
    let id = ids.next()?;
    ids.next().is_none().then_some(id)
}

fn hash(octets: &[u8]) -> Hash {
    let mut hash = Hash::default();
    for (to, from) in hash.iter_mut().zip(digest(&SHA256, octets).as_ref()) {
        *to = *from;
    }
    hash
}

/// Random octets; `None` if the system gives none.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut octets = [0; N];
    SystemRandom::new().fill(&mut octets).ok()?;
    Some(octets)
}
