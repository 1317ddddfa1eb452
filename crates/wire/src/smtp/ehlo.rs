//! What a server says of itself in answer to EHLO (RFC 5321 section 4.1.1.1).

use super::Reply;

/// A positive answer to EHLO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ehlo {
    /// The name that the server gives itself: the first word of the first line, unchecked. Empty if
    /// it gives none.
    pub domain: String,
    /// The service extensions offered, in order.
    pub extensions: Vec<Extension>,
    /// Lines that are none, such as the old form `AUTH=LOGIN`.
    pub malformed: Vec<String>,
}

/// A service extension that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// The keyword, in upper case.
    pub keyword: String,
    /// What follows it, as sent.
    pub parameters: Vec<String>,
}

impl Ehlo {
    //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1
    //# Although EHLO keywords may be specified in upper, lower, or mixed
    //# case, they MUST always be recognized and processed in a case-
    //# insensitive manner.
    /// Reads an answer to EHLO; `None` if it is a refusal.
    pub fn read(reply: &Reply) -> Option<Self> {
        if !reply.is_positive() {
            return None;
        }
        let mut lines = reply.lines.iter();
        let greeting = lines.next().map(String::as_str).unwrap_or_default();
        let domain = greeting.split(' ').next().unwrap_or_default().to_owned();
        let mut ehlo = Self { domain, extensions: Vec::new(), malformed: Vec::new() };
        for line in lines {
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            match words.next() {
                Some(keyword) if is_keyword(keyword) => ehlo.extensions.push(Extension {
                    keyword: keyword.to_ascii_uppercase(),
                    parameters: words.map(str::to_owned).collect(),
                }),
                _ => ehlo.malformed.push(line.clone()),
            }
        }
        Some(ehlo)
    }

    /// Whether the server offers the extension, in whatever case.
    pub fn offers(&self, keyword: &str) -> bool {
        self.extension(keyword).is_some()
    }

    /// The extension with its parameters; the first if it is offered twice.
    pub fn extension(&self, keyword: &str) -> Option<&Extension> {
        self.extensions.iter().find(|extension| extension.keyword.eq_ignore_ascii_case(keyword))
    }

    /// Whether the server offers STARTTLS (RFC 3207).
    pub fn offers_starttls(&self) -> bool {
        self.offers("STARTTLS")
    }

    /// Whether the server offers REQUIRETLS (RFC 8689), which counts only over TLS.
    pub fn offers_requiretls(&self) -> bool {
        self.offers("REQUIRETLS")
    }

    /// The largest message that the server takes, in octets (RFC 1870). `None` if it does not say,
    /// or says that there is no fixed limit (`SIZE 0`).
    pub fn size_limit(&self) -> Option<u64> {
        let digits = self.extension("SIZE")?.parameters.first()?;
        // `parse` alone would take a sign.
        let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|limit| is_number && *limit > 0)
    }

    /// A keyword that something on the way has overwritten with the letter X, such as `XXXXXXXA`.
    /// Firewalls that meddle with SMTP hide STARTTLS like this.
    pub fn masked_keyword(&self) -> Option<&str> {
        let is_masked =
            |keyword: &&str| keyword.strip_prefix("XXXXXXX").is_some_and(|rest| rest.len() <= 1);
        self.extensions.iter().map(|extension| extension.keyword.as_str()).find(is_masked)
    }
}

//= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.1
//# ehlo-keyword   = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
fn is_keyword(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_alphanumeric())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
