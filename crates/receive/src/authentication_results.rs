//! What a server of our own says that it has verified (RFC 8601).

use mail_domain::DomainName;

/// The longest field that is read, in octets.
const LONGEST_FIELD: usize = 64 * 1024;
/// The most signatures that are read of one field.
const MOST_PASSES: usize = 64;
/// How deep comments may lie in each other.
const DEEPEST_COMMENT: usize = 16;

/// The topmost `Authentication-Results` of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthenticationResults {
    /// Who says so: the authserv-id, in lower case.
    pub server: String,
    /// The domains whose DKIM signature that server found valid, at most 64.
    pub signers: Vec<DomainName>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Semicolon,
    Equals,
    Slash,
    /// A word, with whatever is in quotes.
    Word(String),
}

impl AuthenticationResults {
    /// Reads the topmost such field of a message. The others may have been there before the mail came
    /// to us, and anybody may have written them. `None` if there is none, or it makes no sense.
    pub fn topmost(message: &[u8]) -> Option<Self> {
        Self::parse(&topmost_field(message)?)
    }

    /// Reads the body of a field. `None` if it makes no sense, or is longer than 64 KiB.
    pub fn parse(body: &str) -> Option<Self> {
        if body.len() > LONGEST_FIELD {
            return None;
        }
        let tokens = tokens(body)?;
        let mut parts = tokens.split(|token| *token == Token::Semicolon);
        let server = match parts.next()? {
            // A version other than 1 may mean anything.
            [Token::Word(server)] => server,
            [Token::Word(server), Token::Word(version)] if version == "1" => server,
            _ => return None,
        };
        let mut signers = Vec::new();
        for part in parts.take(MOST_PASSES) {
            signers.extend(signer(part));
        }
        Some(Self { server: server.to_ascii_lowercase(), signers })
    }
}

/// Whose signature one `dkim=pass` is about.
fn signer(part: &[Token]) -> Option<DomainName> {
    use Token::{Equals, Slash, Word};
    let (method, rest) = match part {
        [Word(method), Slash, Word(version), Equals, rest @ ..] if version == "1" => (method, rest),
        [Word(method), Equals, rest @ ..] => (method, rest),
        _ => return None,
    };
    let [Word(result), properties @ ..] = rest else { return None };
    if !method.eq_ignore_ascii_case("dkim") || !result.eq_ignore_ascii_case("pass") {
        return None;
    }
    let value = |wanted: &str| {
        let mut values = properties.windows(3).filter_map(|three| match three {
            [Word(name), Equals, Word(value)] if name.eq_ignore_ascii_case(wanted) => Some(value),
            _ => None,
        });
        // What has two meanings has none.
        let value = values.next()?;
        values.next().is_none().then_some(value)
    };
    match value("header.d") {
        Some(domain) => DomainName::parse(domain).ok(),
        // Some write only the identity: `header.i=@example.com`.
        None => DomainName::parse(value("header.i")?.rsplit_once('@')?.1).ok(),
    }
}

/// Words and signs, without comments. `None` if a quote or a comment does not end.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let sign = match character {
            ';' => Some(Token::Semicolon),
            '=' => Some(Token::Equals),
            '/' => Some(Token::Slash),
            '(' => {
                skip_comment(&mut characters)?;
                None
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next()? {
                        '"' => break,
                        '\\' => word.push(characters.next()?),
                        other => word.push(other),
                    }
                }
                continue;
            }
            ' ' | '\t' | '\r' | '\n' => None,
            other => {
                word.get_or_insert_default().push(other);
                continue;
            }
        };
        tokens.extend(word.take().map(Token::Word));
        tokens.extend(sign);
    }
    tokens.extend(word.map(Token::Word));
    Some(tokens)
}

fn skip_comment(characters: &mut std::str::Chars<'_>) -> Option<()> {
    let mut depth = 1_usize;
    while depth > 0 {
        match characters.next()? {
            '(' if depth == DEEPEST_COMMENT => return None,
            '(' => depth += 1,
            ')' => depth -= 1,
            '\\' => drop(characters.next()?),
            _ => {}
        }
    }
    Some(())
}

/// The body of the topmost field, unfolded; `None` if there is none, or it is no UTF-8.
fn topmost_field(message: &[u8]) -> Option<String> {
    let mut lines = message.split_inclusive(|octet| *octet == b'\n');
    loop {
        let line = lines.next()?;
        if line.iter().all(|octet| matches!(octet, b'\r' | b'\n')) {
            return None;
        }
        let Some(rest) = after_name(line) else { continue };
        let mut body = rest.to_vec();
        for line in lines.take_while(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
            if body.len() > LONGEST_FIELD {
                return None;
            }
            body.extend_from_slice(line);
        }
        return String::from_utf8(body).ok();
    }
}

/// What stands behind the name and its colon, if it is this name.
fn after_name(line: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"authentication-results";
    let (name, rest) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    rest.strip_prefix(b":")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signatures_that_passed_are_named() {
        let good = |body: &str, server: &str, expected: &[&str]| {
            let results = AuthenticationResults::parse(body).unwrap();
            let signers: Vec<_> = results.signers.iter().map(DomainName::as_str).collect();
            assert_eq!((results.server.as_str(), signers.as_slice()), (server, expected), "{body}");
        };
        good("mx.example.com; none", "mx.example.com", &[]);
        good("mx.example.com", "mx.example.com", &[]);
        good("MX.example.com 1; dkim=pass header.d=A.example", "mx.example.com", &["a.example"]);
        good("mx; dkim=pass (2048-bit) header.d=a.example header.s=x", "mx", &["a.example"]);
        good(
            "mx; spf=pass smtp.mailfrom=x@y.example; dkim=pass header.d=a.example",
            "mx",
            &["a.example"],
        );
        good(
            "mx; dkim=fail header.d=a.example; dkim=pass header.d=b.example",
            "mx",
            &["b.example"],
        );
        good("mx; dkim=pass header.i=@a.example", "mx", &["a.example"]);
        good("mx; dkim=pass header.i=bot@a.example", "mx", &["a.example"]);
        good("mx; DKIM/1 = Pass reason=\"good\" header.d = \"a.example\"", "mx", &["a.example"]);
        good(
            "(a (nested) comment) mx (x); dkim=pass (\\) ) header.d=a.example",
            "mx",
            &["a.example"],
        );
        good("mx; dkim=pass", "mx", &[]); // of whom?
        good("mx; dkim=pass header.d=a.example header.d=b.example", "mx", &[]); // two meanings
        good("mx; dkim=neutral reason=\"dkim=pass header.d=a.example\"", "mx", &[]);
        good("mx; dkim=fail (dkim=pass header.d=a.example)", "mx", &[]);
        good("mx; dkim=fail reason=\"; dkim=pass header.d=a.example\"", "mx", &[]);
        good("mx; x-dkim=pass header.d=a.example", "mx", &[]);
        good("mx; dkim/2=pass header.d=a.example", "mx", &[]); // a method that we do not know
    }

    #[test]
    fn what_makes_no_sense_is_nothing() {
        let bad = |body: &str| assert_eq!(AuthenticationResults::parse(body), None, "{body}");
        bad("");
        bad("; dkim=pass header.d=a.example");
        bad("mx 2; dkim=pass header.d=a.example"); // another version
        bad("mx other 1; dkim=pass");
        bad("mx; dkim=pass header.d=\"a.example"); // no end
        bad("mx (; dkim=pass header.d=a.example");
        bad(&"(".repeat(100));
        bad(&format!("mx; dkim=pass{}", " ".repeat(LONGEST_FIELD)));
    }

    #[test]
    fn only_the_topmost_field_is_read() {
        let topmost = |message: &str| AuthenticationResults::topmost(message.as_bytes());
        let server = |message: &str| topmost(message).map(|results| results.server);
        assert_eq!(
            server(
                "From: a\r\nAuthentication-Results: one; none\r\nAuthentication-Results: two\r\n\r\n"
            ),
            Some("one".to_owned())
        );
        assert_eq!(
            topmost("authentication-RESULTS :\r\n mx;\r\n\tdkim=pass\r\n header.d=a.example\r\nX: y\r\n\r\n")
                .unwrap()
                .signers
                .len(),
            1
        );
        assert_eq!(server("Authentication-Results: mx\n\nbody"), Some("mx".to_owned()));
        assert_eq!(server("From: a\r\n\r\nAuthentication-Results: mx\r\n"), None); // the body
        assert_eq!(server("X-Authentication-Results: mx\r\n\r\n"), None);
        // The topmost counts, even if it is of no use.
        assert_eq!(
            server("Authentication-Results: \"\r\nAuthentication-Results: mx\r\n\r\n"),
            None
        );
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(message in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = AuthenticationResults::topmost(&message);
        }

        #[test]
        fn nothing_like_a_field_makes_it_panic(body in "[a-z.;=/ ()\"\\\\@1-2]{0,120}") {
            if let Some(results) = AuthenticationResults::parse(&body) {
                // What is claimed is somewhere in it.
                for signer in results.signers {
                    prop_assert!(!signer.as_str().is_empty());
                }
            }
        }
    }
}
