//! Texts without what changes from session to session.

use std::net::IpAddr;

/// The longest name in a greeting, in octets.
const LONGEST_HELO: usize = 255;
/// The longest reason, in octets.
const LONGEST_REASON: usize = 256;
/// The longest URI, in octets.
const LONGEST_URI: usize = 1_024;
/// Numbers with so many digits are those of processes, times and serials, not of faults.
const LONG_NUMBER: usize = 6;

/// An address; without a zone, and an IPv4 address as such.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let text = text.split_once('%').map_or(text, |(address, _zone)| address);
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The name that a server gives itself, from its whole answer to EHLO or from the name alone.
///
/// Postfix hands on all lines of the answer, as they came: `250-mx.example.com` and so on. What
/// follows differs with the extensions, and would make many failures of one.
pub(super) fn helo(text: &str) -> Option<String> {
    let line = text.trim_start().lines().next()?.trim();
    let code = line.as_bytes();
    let has_code = code.len() >= 3 && code.iter().take(3).all(u8::is_ascii_digit);
    let is_reply = has_code && matches!(code.get(3), None | Some(b'-' | b' '));
    let line = if is_reply { line.get(4..)? } else { line };
    let name = line.split_whitespace().next()?;
    let name: String = name.chars().filter(|character| !character.is_control()).collect();
    let end = name.floor_char_boundary(LONGEST_HELO);
    let name = name.get(..end)?.to_lowercase();
    (!name.is_empty()).then_some(name)
}

/// A reason on one line, with long decimal numbers and times written as `N`.
pub(super) fn reason(text: &str) -> Option<String> {
    let mut reason = String::new();
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !reason.is_empty() {
            reason.push(' ');
        }
        push_without_numbers(&mut reason, word);
        if reason.len() > LONGEST_REASON {
            reason.truncate(reason.floor_char_boundary(LONGEST_REASON));
            break;
        }
    }
    let end = reason.trim_end().len();
    reason.truncate(end);
    (!reason.is_empty()).then_some(reason)
}

/// A URI, if the text has its outer form and is not endless.
pub(super) fn uri(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(':')?;
    let is_uri = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
        && !rest.is_empty()
        && rest.chars().all(|c| c.is_ascii_graphic())
        && text.len() <= LONGEST_URI;
    is_uri.then(|| text.to_owned())
}

/// A part of a word that is made of letters, digits and colons is looked at as one: the numbers of
/// OpenSSL (`error:0A000086:`) are of the fault, as they are hexadecimal.
fn push_without_numbers(reason: &mut String, word: &str) {
    let mut rest = word;
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_ascii_alphanumeric();
        let length = if is_part(first) {
            rest.find(|c| !is_part(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let Some((part, behind)) = rest.split_at_checked(length) else { return };
        let is_number = part.len() >= LONG_NUMBER && part.bytes().all(|b| b.is_ascii_digit());
        if let Some(behind) = behind_time(part, behind) {
            reason.push('N');
            rest = behind;
            continue;
        }
        reason.push_str(if is_number { "N" } else { part });
        rest = behind;
    }
}

/// What follows a time of day such as `10:05:59`, of which `part` are the hours.
fn behind_time<'t>(part: &str, behind: &'t str) -> Option<&'t str> {
    let two = |text: &str| text.len() == 2 && text.bytes().all(|octet| octet.is_ascii_digit());
    let minutes = behind.get(1..3).filter(|_| behind.starts_with(':'))?;
    let seconds = behind.get(4..6).filter(|_| behind.get(3..4) == Some(":"))?;
    let after = behind.get(6..)?;
    let ends = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == ':');
    (two(part) && two(minutes) && two(seconds) && ends).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_are_cut_to_the_name() {
        for (text, name) in [
            (
                "250-mx1.mail.example.org\r\n250-PIPELINING\r\n250 8BITMIME",
                Some("mx1.mail.example.org"),
            ),
            ("250 MX.Example.ORG", Some("mx.example.org")),
            ("250-mx.example.org at your service, [192.0.2.1]", Some("mx.example.org")),
            ("test-ehlo.example.com", Some("test-ehlo.example.com")),
            ("220", None),
            ("250 ", None),
            ("", None),
            ("\r\n\r\n", None),
            ("mx\u{7}.example", Some("mx.example")),
        ] {
            assert_eq!(helo(text).as_deref(), name, "{text:?}");
        }
        assert_eq!(helo(&"x".repeat(1_000)).unwrap().len(), LONGEST_HELO);
    }

    #[test]
    fn reasons_lose_what_changes() {
        for (text, expected) in [
            ("self-signed_certificate", Some("self-signed_certificate")),
            (
                "error:0A000086:SSL routines::certificate verify failed",
                Some("error:0A000086:SSL routines::certificate verify failed"),
            ),
            ("lost connection after 1795651200 in 12345", Some("lost connection after N in 12345")),
            ("at 10:05:59, serial 00123456", Some("at N, serial N")),
            ("10:05", Some("10:05")),
            ("999 TEST\r\n REASON\tCODE ", Some("999 TEST REASON CODE")),
            (" \u{0} ", None),
            ("é:1234567é", Some("é:Né")),
        ] {
            assert_eq!(reason(text).as_deref(), expected, "{text:?}");
        }
        assert!(reason(&"ä ".repeat(1_000)).unwrap().len() <= LONGEST_REASON);
    }

    #[test]
    fn addresses_are_read_in_their_shortest_form() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("fe80::1%eth0", Some("fe80::1")),
            ("2001:DB8:0:0::1", Some("2001:db8::1")),
            ("unknown", None),
            ("", None),
        ] {
            assert_eq!(address(text).map(|a| a.to_string()).as_deref(), expected, "{text}");
        }
    }
}
