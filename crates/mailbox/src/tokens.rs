//! Access tokens of OAuth 2.0 (RFC 6749), asked for when they are needed.

use std::time::Duration;

use sealpost_net::{DialError, HttpsUrl, Network};
use sealpost_runtime::Stopwatch;
use serde::Deserialize;

use crate::{SecretFile, secret::Secret, successor::SuccessorFile};

/// How long before its end a token is given up.
const MARGIN: Duration = Duration::from_secs(120);
/// How long a token lasts whose end is not told.
const UNTOLD: Duration = Duration::from_secs(600);
/// The longest that one is kept.
const LONGEST: Duration = Duration::from_secs(86_400);
/// The largest token in octets.
const LARGEST: usize = 16 * 1024;

/// Where tokens come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSource {
    /// The token endpoint.
    pub endpoint: HttpsUrl,
    /// Who asks: the name of the program at the provider.
    pub client_id: String,
    /// What proves it; some programs have none.
    pub client_secret: Option<SecretFile>,
    /// What is asked for; what the provider takes for granted where it is empty.
    pub scope: String,
    /// By what right.
    pub grant: Grant,
}

/// By what right a token is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// The user has once agreed, and a refresh token came of it (RFC 6749 §6).
    RefreshToken(SecretFile),
    /// An administrator has given the program the right by itself (RFC 6749 §4.4).
    ClientCredentials,
}

/// Why there is no token. The text fits after "failed to ".
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// A secret cannot be read; the text names the file.
    #[error("read a secret for the token: {0}")]
    Secret(#[from] std::io::Error),
    /// The endpoint cannot be reached.
    #[error("ask for a token: {0}")]
    Dial(#[from] DialError),
    /// The endpoint refuses (RFC 6749 §5.2).
    #[error("get a token: {host} answers {status}, {code}")]
    Refused {
        /// The endpoint.
        host: String,
        /// The status of HTTP.
        status: u16,
        /// Its code for the error, and what it says about it.
        code: String,
    },
    /// The answer holds no token.
    #[error("read the token of {host}: its answer is not what RFC 6749 says")]
    Unreadable {
        /// The endpoint.
        host: String,
    },
}

/// The token that is in use.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    held: Option<Held>,
    /// Where a refresh token that takes the place of the operator's is kept.
    successors: Option<SuccessorFile>,
    /// The refresh token that the operator gave, and the one that took its place, as long as that
    /// is kept nowhere else.
    unkept: Option<(Secret, Secret)>,
}

#[derive(Debug)]
struct Held {
    token: Secret,
    since: Stopwatch,
    lasts: Duration,
}

/// Whether a token was asked for just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Freshness {
    New,
    Held,
}

impl Tokens {
    /// Keeps refresh tokens that take the place of the operator's in this file.
    pub(crate) fn keeping(successors: SuccessorFile) -> Self {
        Self { successors: Some(successors), ..Self::default() }
    }

    /// A token that lasts a while.
    pub(crate) async fn token(
        &mut self,
        source: &TokenSource,
        network: &Network,
    ) -> Result<(Secret, Freshness), TokenError> {
        if let Some(held) = self.held.as_ref().filter(|held| held.since.elapsed() < held.lasts) {
            return Ok((held.token.clone(), Freshness::Held));
        }
        self.held = None;
        let since = Stopwatch::start();
        let (form, used) = self.form(source)?;
        let reply = network.post_form(&source.endpoint, form).await?;
        let answer = read_answer(&reply.body);
        let host = source.endpoint.host().to_string();
        if reply.status != 200 {
            let code = answer.map(|answer| answer.error()).unwrap_or_default();
            return Err(TokenError::Refused { host, status: reply.status, code });
        }
        let Some(answer) = answer else { return Err(TokenError::Unreadable { host }) };
        let Some(token) = answer.access_token.clone().filter(|token| is_token(token)) else {
            return Err(TokenError::Unreadable { host });
        };
        if let (Some(used), Some(next)) = (used, answer.refresh_token.clone())
            && is_token(&next)
        {
            self.replace(used, Secret::of(next));
        }
        let token = Secret::of(token);
        let lasts = answer.lasts();
        self.held = Some(Held { token: token.clone(), since, lasts });
        Ok((token, Freshness::New))
    }

    /// The server does not take it.
    pub(crate) fn forget(&mut self) {
        self.held = None;
    }

    /// The endpoint gave another refresh token: that in the operator's file may not hold any more.
    fn replace(&mut self, given: Secret, next: Secret) {
        if let Some(file) = &self.successors {
            match file.keep(&given, &next) {
                Ok(()) => {
                    self.unkept = None;
                    return;
                }
                Err(error) => tracing::error!(
                    %error,
                    "a new refresh token cannot be kept: after a restart the old one is used, \
                     which may not hold any more"
                ),
            }
        }
        self.unkept = Some((given, next));
    }

    /// The refresh token that counts in place of the operator's.
    fn successor(&self, given: &Secret) -> Option<Secret> {
        match &self.unkept {
            Some((before, next)) if before == given => Some(next.clone()),
            _ => self.successors.as_ref()?.of(given),
        }
    }

    /// What is asked, and the refresh token in the file.
    fn form(&self, source: &TokenSource) -> Result<(String, Option<Secret>), TokenError> {
        let mut fields = vec![("client_id", Secret::of(source.client_id.clone()))];
        let mut used = None;
        match &source.grant {
            Grant::ClientCredentials => {
                fields.push(("grant_type", Secret::of("client_credentials".to_owned())));
            }
            Grant::RefreshToken(file) => {
                let own = file.read()?;
                // A new one in the file is what the operator wants.
                let current = self.successor(&own).unwrap_or_else(|| own.clone());
                fields.push(("grant_type", Secret::of("refresh_token".to_owned())));
                fields.push(("refresh_token", current));
                used = Some(own);
            }
        }
        if let Some(secret) = &source.client_secret {
            fields.push(("client_secret", secret.read()?));
        }
        if !source.scope.is_empty() {
            fields.push(("scope", Secret::of(source.scope.clone())));
        }
        let form: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", encoded(value.reveal())))
            .collect();
        Ok((form.join("&"), used))
    }
}

/// The answer of a token endpoint (RFC 6749 §5).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<Seconds>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Some providers write the number as a string.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

fn read_answer(body: &[u8]) -> Option<Answer> {
    serde_json::from_slice(body).ok()
}

impl Answer {
    fn lasts(&self) -> Duration {
        let seconds = match &self.expires_in {
            Some(Seconds::Number(seconds)) => Some(*seconds),
            Some(Seconds::Text(text)) => text.parse().ok(),
            None => None,
        };
        let told = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        told.unwrap_or(UNTOLD).min(LONGEST).saturating_sub(MARGIN)
    }

    fn error(&self) -> String {
        let texts = [self.error.as_deref(), self.error_description.as_deref()];
        let texts: Vec<&str> = texts.into_iter().flatten().collect();
        let text: String = texts.join(": ").chars().take(300).collect();
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
    }
}

/// A token is made of visible US-ASCII (RFC 6749, appendix A).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.len() <= LARGEST && text.bytes().all(|octet| octet.is_ascii_graphic())
}

/// As forms are encoded.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(octet));
            }
            _ => encoded.push_str(&format!("%{octet:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn answers_of_providers() {
        for (body, token, seconds) in [
            (r#"{"access_token":"t","expires_in":3599,"token_type":"Bearer"}"#, Some("t"), 3479),
            (r#"{"access_token":"t","expires_in":"3599"}"#, Some("t"), 3479),
            (r#"{"access_token":"t"}"#, Some("t"), 480),
            (r#"{"access_token":"t","expires_in":-5}"#, Some("t"), 480),
            (r#"{"access_token":"t","expires_in":1e300}"#, Some("t"), 480),
            (r#"{"access_token":"t","expires_in":60}"#, Some("t"), 0),
            (r#"{"error":"invalid_grant"}"#, None, 480),
        ] {
            let answer = read_answer(body.as_bytes()).unwrap();
            assert_eq!(answer.access_token.as_deref(), token, "{body}");
            assert_eq!(answer.lasts(), Duration::from_secs(seconds), "{body}");
        }
        for body in ["", "[]", "x", r#"{"access_token":1}"#] {
            assert!(read_answer(body.as_bytes()).is_none_or(|it| it.access_token.is_none()));
        }
    }

    #[test]
    fn forms() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::write(&path, text).unwrap();
            SecretFile::at(path)
        };
        let mut source = TokenSource {
            endpoint: "https://a.example/".parse().unwrap(),
            client_id: "me".to_owned(),
            client_secret: Some(file("secret", "s&=")),
            scope: "a b".to_owned(),
            grant: Grant::ClientCredentials,
        };
        let mut tokens = Tokens::default();
        let form = tokens.form(&source).unwrap().0;
        assert_eq!(
            form,
            "client_id=me&grant_type=client_credentials&client_secret=s%26%3D&scope=a%20b"
        );
        source.grant = Grant::RefreshToken(file("refresh", "old\n"));
        let own = Secret::of("old".to_owned());
        tokens.replace(own.clone(), Secret::of("next".to_owned()));
        assert!(tokens.form(&source).unwrap().0.contains("refresh_token=next&"));
        file("refresh", "newer");
        assert!(tokens.form(&source).unwrap().0.contains("refresh_token=newer&"));
        // The same over a restart.
        file("refresh", "old");
        let kept = || SuccessorFile::at(folder.path().join("kept"));
        let mut tokens = Tokens::keeping(kept());
        tokens.replace(own.clone(), Secret::of("next".to_owned()));
        let tokens = Tokens::keeping(kept());
        assert!(tokens.form(&source).unwrap().0.contains("refresh_token=next&"));
        file("refresh", "newer");
        assert!(tokens.form(&source).unwrap().0.contains("refresh_token=newer&"));
        // Where it cannot be kept, it holds until then.
        let mut tokens = Tokens::keeping(SuccessorFile::at(folder.path().join("none/kept")));
        tokens.replace(Secret::of("newer".to_owned()), Secret::of("newest".to_owned()));
        assert!(tokens.form(&source).unwrap().0.contains("refresh_token=newest&"));
    }

    proptest! {
        #[test]
        fn whatever_is_answered_is_borne(body: Vec<u8>) {
            if let Some(answer) = read_answer(&body) {
                let _ = (answer.lasts(), answer.error());
            }
        }
    }
}
