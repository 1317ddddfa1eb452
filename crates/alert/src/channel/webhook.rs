//! A POST of JSON, signed.

use std::{io::Read as _, path::Path};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use sealpost_net::Ask;
use serde::Serialize;

use super::mail::summary;
use crate::{Told, told::time};

/// Octets of a file with a secret, at most.
const LONGEST_SECRET: u64 = 4_096;
/// And at least, so that it cannot be guessed.
const SHORTEST_SECRET: usize = 16;

/// What signs posts.
#[derive(Clone)]
pub(super) struct Secret(Key);

/// What is posted.
#[derive(Serialize)]
struct Body<'a> {
    version: u8,
    /// The same each time it is tried.
    id: &'a str,
    receiver: &'a str,
    /// When it was told last.
    at: Timestamp,
    /// All of it in a line or more, for who wants to show a text.
    text: String,
    /// What is told, the oldest first.
    notices: &'a [Told],
}

impl Secret {
    /// What is in this file, without white space at its ends.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let mut octets = Vec::new();
        let file = fs_err::File::open(path).map_err(|error| error.to_string())?;
        let mut file = file.take(LONGEST_SECRET + 1);
        file.read_to_end(&mut octets).map_err(|error| error.to_string())?;
        if octets.len() as u64 > LONGEST_SECRET {
            return Err("it is longer than 4096 octets".to_owned());
        }
        Self::of(octets.trim_ascii())
    }

    fn of(octets: &[u8]) -> Result<Self, String> {
        if octets.len() < SHORTEST_SECRET {
            return Err("it is shorter than 16 octets; make one: openssl rand -hex 32".to_owned());
        }
        Ok(Self(Key::new(HMAC_SHA256, octets)))
    }

    /// Over the time, a full stop and the body, so that an old post cannot be sent again.
    fn signature(&self, at: i64, body: &[u8]) -> String {
        let mut signed = format!("{at}.").into_bytes();
        signed.extend_from_slice(body);
        format!("v1={}", HEXLOWER.encode(sign(&self.0, &signed).as_ref()))
    }
}

pub(super) fn request(
    receiver: &str,
    key: &str,
    notices: &[Told],
    secret: Option<&Secret>,
    now: i64,
) -> Ask {
    let at = notices.last().map_or_else(|| time(now), |told| told.at);
    let lines: Vec<String> = notices.iter().map(summary).collect();
    let body = Body { version: 1, id: key, receiver, at, text: lines.join("\n"), notices };
    let body = serde_json::to_vec(&body).unwrap_or_default();
    let mut fields =
        vec![("sealpost-notice", key.to_owned()), ("sealpost-timestamp", now.to_string())];
    if let Some(secret) = secret {
        fields.push(("sealpost-signature", secret.signature(now, &body)));
    }
    Ask::Post { media_type: "application/json", body, fields }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_other_programs() {
        let secret = Secret::of(b"0123456789abcdef0123456789abcdef").unwrap();
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
        assert_eq!(
            secret.signature(1_700_000_000, b"{\"a\":1}"),
            "v1=f05f2539e3ae1c49aec5f8cfdad75ef6b06480b133973ffbb7ec9e18827af177"
        );
        assert!(Secret::of(b"short").is_err());
    }

    #[test]
    fn what_is_posted_says_what_it_is() {
        let told = [Told::test(0)];
        let Ask::Post { media_type, body, fields } = request("chat", "k1", &told, None, 9) else {
            panic!()
        };
        assert_eq!(media_type, "application/json");
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&body["version"], &body["id"], &body["receiver"]),
            (&1.into(), &"k1".into(), &"chat".into())
        );
        assert_eq!(body["notices"][0]["kind"], "test");
        assert_eq!(
            fields,
            [("sealpost-notice", "k1".to_owned()), ("sealpost-timestamp", "9".to_owned())]
        );
    }
}
