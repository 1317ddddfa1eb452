//! What is said to an authority (RFC 8555), one request a method.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use sealpost_net::{Answer, Ask, HttpsUrl, Network};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    AcmeError,
    jws::{AccountKey, Signer},
    printable,
};

/// How often a request is signed anew because its nonce was too old (RFC 8555 §6.5).
const NONCES: usize = 10;
/// The most orders of an account that are looked through for one that we began.
const MOST_ORDERS: usize = 1_000;
/// The most pages of such a list.
const MOST_PAGES: usize = 20;

/// Talks to one authority, in the name of one account.
#[derive(Debug)]
pub(crate) struct Client {
    network: Network,
    directory: Directory,
    key: Arc<AccountKey>,
    account: String,
    nonce: Mutex<Option<String>>,
}

/// What the authority offers (RFC 8555 §7.1.1).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Directory {
    new_nonce: String,
    new_account: String,
    new_order: String,
    renewal_info: Option<String>,
    #[serde(default)]
    pub(crate) meta: Meta,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Meta {
    /// The names by which CAA records know it.
    pub(crate) caa_identities: Vec<String>,
    pub(crate) external_account_required: bool,
    /// The kinds of certificates that it offers, by name.
    profiles: BTreeMap<String, String>,
}

/// What is needed for an account.
#[derive(Debug)]
pub(crate) struct Registration<'a> {
    pub(crate) contact: &'a [String],
    pub(crate) external: Option<(&'a str, &'a [u8])>,
}

/// An order (RFC 8555 §7.1.3).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Order {
    pub(crate) status: OrderStatus,
    #[serde(default)]
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) authorizations: Vec<String>,
    pub(crate) finalize: String,
    pub(crate) certificate: Option<String>,
    pub(crate) error: Option<Problem>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OrderStatus {
    Pending,
    Ready,
    Processing,
    Valid,
    Invalid,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Identifier {
    pub(crate) value: String,
}

/// An authorization (RFC 8555 §7.1.4).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Authorization {
    pub(crate) status: String,
    pub(crate) challenges: Vec<Challenge>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Challenge {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) token: String,
    pub(crate) status: String,
    pub(crate) error: Option<Problem>,
}

/// What went wrong, in its words (RFC 8555 §6.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) detail: String,
}

/// When a certificate should be renewed, in the authority's view (RFC 9773 §4.2).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RenewalInfo {
    pub(crate) suggested_window: Window,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Window {
    pub(crate) start: jiff::Timestamp,
    pub(crate) end: jiff::Timestamp,
}

impl Directory {
    /// Asks what there is.
    pub(crate) async fn fetch(network: &Network, url: &HttpsUrl) -> Result<Self, AcmeError> {
        let answer = network.ask(url, Ask::Get, "application/json").await?;
        if answer.status != 200 {
            return Err(problem(&answer));
        }
        parsed(&answer)
    }

    /// What an order says.
    fn order(
        &self,
        host: &str,
        replaces: Option<&str>,
        profile: Option<&str>,
    ) -> Result<Value, AcmeError> {
        let mut payload = json!({ "identifiers": [{ "type": "dns", "value": host }] });
        if let Some(payload) = payload.as_object_mut() {
            // RFC 9773 §5: only where the authority knows of renewal information.
            if let (Some(replaces), Some(_)) = (replaces, &self.renewal_info) {
                payload.insert("replaces".to_owned(), replaces.into());
            }
            if let Some(profile) = profile {
                self.meta.offers(profile)?;
                payload.insert("profile".to_owned(), profile.into());
            }
        }
        Ok(payload)
    }
}

impl Meta {
    /// An authority that does not know profiles would issue what it issues else, and say nothing.
    fn offers(&self, profile: &str) -> Result<(), AcmeError> {
        if self.profiles.contains_key(profile) {
            return Ok(());
        }
        let names: Vec<&str> = self.profiles.keys().take(20).map(String::as_str).collect();
        let offered = if names.is_empty() { "no profiles".to_owned() } else { names.join(", ") };
        Err(AcmeError::Profile { wanted: printable(profile), offered: printable(&offered) })
    }
}

impl Client {
    /// Makes the account of this key, or finds it: to do this twice is to do it once.
    pub(crate) async fn register(
        network: Network,
        directory: Directory,
        key: Arc<AccountKey>,
        registration: &Registration<'_>,
    ) -> Result<Self, AcmeError> {
        let url = directory.new_account.clone();
        let mut payload = json!({
            "termsOfServiceAgreed": true,
            "contact": registration.contact,
        });
        match registration.external {
            Some((id, secret)) => {
                if let Some(payload) = payload.as_object_mut() {
                    let binding = key.bound_to(id, secret, &url);
                    payload.insert("externalAccountBinding".to_owned(), binding);
                }
            }
            None if directory.meta.external_account_required => {
                return Err(AcmeError::ExternalAccount);
            }
            None => {}
        }
        let account = String::new();
        let mut client = Self { network, directory, key, account, nonce: Mutex::default() };
        let answer = client.post(&url, Some(&payload)).await?;
        client.account = location(&answer)?;
        Ok(client)
    }

    /// The account that is known already.
    pub(crate) fn known(
        network: Network,
        directory: Directory,
        key: Arc<AccountKey>,
        account: String,
    ) -> Self {
        Self { network, directory, key, account, nonce: Mutex::default() }
    }

    pub(crate) fn account(&self) -> &str {
        &self.account
    }

    pub(crate) fn key(&self) -> &AccountKey {
        &self.key
    }

    /// Orders a certificate for a name: its URL.
    pub(crate) async fn new_order(
        &self,
        host: &str,
        replaces: Option<&str>,
        profile: Option<&str>,
    ) -> Result<String, AcmeError> {
        let payload = self.directory.order(host, replaces, profile)?;
        location(&self.post(&self.directory.new_order, Some(&payload)).await?)
    }

    /// An order for this name that is under way, if the authority lists those of an account (RFC
    /// 8555 §7.1.2.1).
    pub(crate) async fn find_order(&self, host: &str) -> Result<Option<String>, AcmeError> {
        #[derive(Deserialize)]
        struct Account {
            orders: Option<String>,
        }
        #[derive(Deserialize)]
        struct Orders {
            orders: Vec<String>,
        }
        let account: Account = parsed(&self.post(&self.account, None).await?)?;
        let Some(mut page) = account.orders else { return Ok(None) };
        let mut seen: usize = 0;
        for _ in 0..MOST_PAGES {
            let Ok(answer) = self.post(&page, None).await else { return Ok(None) };
            let list: Orders = parsed(&answer)?;
            for url in list.orders {
                seen += 1;
                if seen > MOST_ORDERS {
                    return Ok(None);
                }
                let order = self.order(&url).await?;
                let is_open = !matches!(order.status, OrderStatus::Invalid | OrderStatus::Valid);
                if is_open && order.identifiers.iter().any(|name| name.value == host) {
                    return Ok(Some(url));
                }
            }
            match answer.field_values("link").find_map(next_page) {
                Some(next) => page = next,
                None => return Ok(None),
            }
        }
        Ok(None)
    }

    pub(crate) async fn order(&self, url: &str) -> Result<Order, AcmeError> {
        parsed(&self.post(url, None).await?)
    }

    pub(crate) async fn authorization(&self, url: &str) -> Result<Authorization, AcmeError> {
        parsed(&self.post(url, None).await?)
    }

    /// Says that a challenge can be looked at.
    pub(crate) async fn ready(&self, challenge: &Challenge) -> Result<(), AcmeError> {
        self.post(&challenge.url, Some(&json!({}))).await.map(drop)
    }

    /// Hands in the request for the certificate (RFC 2986, DER).
    pub(crate) async fn finalize(&self, order: &Order, request: &[u8]) -> Result<(), AcmeError> {
        let csr = data_encoding::BASE64URL_NOPAD.encode(request);
        self.post(&order.finalize, Some(&json!({ "csr": csr }))).await.map(drop)
    }

    /// The chain, PEM.
    pub(crate) async fn certificate(&self, url: &str) -> Result<Vec<u8>, AcmeError> {
        Ok(self.post(url, None).await?.body)
    }

    /// When a certificate should be renewed; `None` if the authority does not say such things. With
    /// it the seconds after which it may be asked again.
    pub(crate) async fn renewal_info(
        &self,
        id: &str,
    ) -> Result<Option<(RenewalInfo, u64)>, AcmeError> {
        let Some(base) = &self.directory.renewal_info else { return Ok(None) };
        let url = parsed_url(&format!("{}/{id}", base.trim_end_matches('/')))?;
        let answer = self.network.ask(&url, Ask::Get, "application/json").await?;
        if answer.status != 200 {
            return Err(problem(&answer));
        }
        let again = answer.field("retry-after").and_then(|text| text.parse().ok());
        Ok(Some((parsed(&answer)?, again.unwrap_or(21_600))))
    }

    /// A signed request. One with a stale nonce was not acted on, and is sent again.
    async fn post(&self, url: &str, payload: Option<&Value>) -> Result<Answer, AcmeError> {
        let target = parsed_url(url)?;
        let signer =
            if self.account.is_empty() { Signer::Key } else { Signer::Account(&self.account) };
        let mut attempts = 0;
        loop {
            let nonce = self.nonce().await?;
            let body = self.key.sign(signer, &nonce, url, payload)?;
            let (media_type, fields) = ("application/jose+json", Vec::new());
            let ask = Ask::Post { media_type, body, fields };
            let answer = self.network.ask(&target, ask, "*/*").await?;
            if let Some(nonce) = answer.field("replay-nonce") {
                let mut kept = self.nonce.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(nonce.to_owned());
            }
            if (200..300).contains(&answer.status) {
                return Ok(answer);
            }
            let error = problem(&answer);
            attempts += 1;
            if !error.is("badNonce") || attempts == NONCES {
                return Err(error);
            }
        }
    }

    /// The time that the authority shows now, in seconds since 1970; `None` if it shows none.
    pub(crate) async fn time(&self) -> Result<Option<i64>, AcmeError> {
        let answer = self.new_nonce().await?;
        if let Some(nonce) = answer.field("replay-nonce") {
            let mut kept = self.nonce.lock().unwrap_or_else(PoisonError::into_inner);
            *kept = Some(nonce.to_owned());
        }
        Ok(answer.field("date").and_then(read_date))
    }

    async fn nonce(&self) -> Result<String, AcmeError> {
        if let Some(nonce) = self.nonce.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Ok(nonce);
        }
        let answer = self.new_nonce().await?;
        let nonce = answer.field("replay-nonce").ok_or(AcmeError::Answer("no nonce"))?;
        Ok(nonce.to_owned())
    }

    async fn new_nonce(&self) -> Result<Answer, AcmeError> {
        let url = parsed_url(&self.directory.new_nonce)?;
        Ok(self.network.ask(&url, Ask::Head, "*/*").await?)
    }
}

/// A date of HTTP (RFC 9110 §5.6.7), in the form that is sent.
fn read_date(text: &str) -> Option<i64> {
    let time = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(time.timestamp().as_second())
}

fn parsed_url(text: &str) -> Result<HttpsUrl, AcmeError> {
    text.parse().map_err(|_| AcmeError::Answer("a URL that is none"))
}

fn parsed<'a, T: Deserialize<'a>>(answer: &'a Answer) -> Result<T, AcmeError> {
    serde_json::from_slice(&answer.body).map_err(|_| AcmeError::Answer("JSON of another kind"))
}

fn location(answer: &Answer) -> Result<String, AcmeError> {
    answer.field("location").map(str::to_owned).ok_or(AcmeError::Answer("no location"))
}

fn problem(answer: &Answer) -> AcmeError {
    let problem: Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
    let after = answer.field("retry-after").and_then(|text| text.parse().ok());
    AcmeError::refused(answer.status, &problem, after)
}

/// The target of a `Link` field with the relation `next` (RFC 8288).
fn next_page(link: &str) -> Option<String> {
    link.split(',').find(|part| part.contains("rel=\"next\"")).and_then(|part| {
        let (_, rest) = part.split_once('<')?;
        rest.split_once('>').map(|(url, _)| url.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read() {
        assert_eq!(read_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(read_date("soon"), None);
    }

    #[test]
    fn an_order_names_a_profile_that_is_offered_and_what_it_replaces() {
        let directory = |more: &str| -> Directory {
            let text = format!(r#"{{"newNonce":"n","newAccount":"a","newOrder":"o"{more}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let plain = directory("");
        let order = plain.order("a.example", Some("x.y"), None).unwrap();
        assert_eq!(
            order,
            json!({ "identifiers": [{ "type": "dns", "value": "a.example" }] }),
            "an authority without renewal information is told nothing of what is replaced"
        );
        let error = plain.order("a.example", None, Some("shortlived")).unwrap_err().to_string();
        assert!(error.ends_with("shortlived: the authority offers no profiles"), "{error}");
        let rich = directory(
            r#","renewalInfo":"r","meta":{"profiles":{"classic":"as ever","shortlived":"6 days"}}"#,
        );
        let order = rich.order("a.example", Some("x.y"), Some("shortlived")).unwrap();
        assert_eq!((&order["replaces"], &order["profile"]), (&json!("x.y"), &json!("shortlived")));
        let error = rich.order("a.example", None, Some("long")).unwrap_err().to_string();
        assert!(error.ends_with("the authority offers classic, shortlived"), "{error}");
    }
}
