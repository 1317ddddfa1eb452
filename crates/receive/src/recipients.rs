//! Who may be written to.

use std::str::FromStr;

use mail_domain::DomainName;
use sealpost_listen::smtp::{Mailbox, Recipient, RecipientAnswer};

/// The recipients whose mail is taken in. There is no relaying: what is accepted is stored here, and
/// goes nowhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients(Vec<RecipientRule>);

/// Some recipients: `tls-reports@example.com`, `tls-reports@` for this name in every domain, or
/// `@example.com` for every name in this domain.
///
/// A name also stands for itself with an extension, as in `tls-reports+token@`. Names are compared
/// without regard to the case of US-ASCII letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientRule {
    local_part: Option<String>,
    domain: Option<DomainName>,
}

/// Why a text is no [`RecipientRule`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no recipients: write NAME@DOMAIN, NAME@ or @DOMAIN")]
pub struct RecipientRuleError {
    text: String,
}

impl Recipients {
    /// Those of any of these rules. Without a rule there is nobody.
    pub fn new(rules: Vec<RecipientRule>) -> Self {
        Self(rules)
    }

    /// Whether mail for a recipient is wanted.
    ///
    /// # Deviation
    ///
    /// RFC 5321 §4.5.1 wants mail for the postmaster to be taken by everybody who takes mail. Here
    /// it would end in a store of reports where no person reads it, so it is refused: the mail server
    /// in front has a postmaster.
    pub fn answer(&self, recipient: &Recipient) -> RecipientAnswer {
        let Some(mailbox) = recipient.mailbox() else { return RecipientAnswer::Unknown };
        if self.0.iter().any(|rule| rule.is_for(mailbox)) {
            return RecipientAnswer::Accepted;
        }
        // A client hears whether the name or the domain is at fault.
        let is_known = |rule: &RecipientRule| {
            rule.domain.is_none() || rule.domain.as_ref() == mailbox.domain()
        };
        if self.0.iter().any(is_known) {
            RecipientAnswer::Unknown
        } else {
            RecipientAnswer::NotOurs
        }
    }
}

impl RecipientRule {
    fn is_for(&self, mailbox: &Mailbox) -> bool {
        let Some(domain) = mailbox.domain() else { return false };
        let is_domain = self.domain.as_ref().is_none_or(|ours| ours == domain);
        is_domain && self.local_part.as_ref().is_none_or(|name| is_name(mailbox.local_part(), name))
    }
}

fn is_name(local_part: &str, name: &str) -> bool {
    local_part.eq_ignore_ascii_case(name)
        || local_part.split_once('+').is_some_and(|(before, _)| before.eq_ignore_ascii_case(name))
}

impl Default for Recipients {
    /// `tls-reports@`, in every domain: where a mail server sends only what is meant for us, the
    /// domain does not matter, and a `rua` may lie outside of the domains that reports are about.
    fn default() -> Self {
        Self(vec![RecipientRule { local_part: Some("tls-reports".to_owned()), domain: None }])
    }
}

impl FromStr for RecipientRule {
    type Err = RecipientRuleError;

    fn from_str(text: &str) -> Result<Self, RecipientRuleError> {
        let fault = || RecipientRuleError { text: text.chars().take(64).collect() };
        match text.rsplit_once('@') {
            Some(("", domain)) => {
                let domain = DomainName::parse(domain).map_err(|_| fault())?;
                Ok(Self { local_part: None, domain: Some(domain) })
            }
            Some((name, "")) => {
                // Any domain will do to try the name.
                let mailbox =
                    Mailbox::parse(&format!("{name}@example.com")).map_err(|_| fault())?;
                Ok(Self { local_part: Some(mailbox.local_part().to_owned()), domain: None })
            }
            Some(_) => {
                let mailbox = Mailbox::parse(text).map_err(|_| fault())?;
                let domain = mailbox.domain().cloned().ok_or_else(fault)?;
                let local_part = Some(mailbox.local_part().to_owned());
                Ok(Self { local_part, domain: Some(domain) })
            }
            None => Err(fault()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(rules: &[&str], recipient: &str) -> RecipientAnswer {
        let rules = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        let recipient = Recipient::Mailbox(Mailbox::parse(recipient).unwrap());
        Recipients::new(rules).answer(&recipient)
    }

    #[test]
    fn only_those_who_are_named_are_wanted() {
        use RecipientAnswer::{Accepted, NotOurs, Unknown};
        for (rules, recipient, expected) in [
            (&["tls@example.com"][..], "tls@example.com", Accepted),
            (&["tls@example.com"], "TLS@Example.COM", Accepted),
            (&["tls@example.com"], "tls+token@example.com", Accepted),
            (&["tls@example.com"], "tlsx@example.com", Unknown),
            (&["tls@example.com"], "tls@sub.example.com", NotOurs), // no domain but the one
            (&["tls@example.com"], "tls@[192.0.2.1]", NotOurs),
            (&["tls@"], "tls@any.example", Accepted),
            (&["tls@"], "root@any.example", Unknown),
            (&["tls@"], "tls@[192.0.2.1]", Unknown),
            (&["@example.com"], "anybody@example.com", Accepted),
            (&["@example.com"], "anybody@example.org", NotOurs),
            (&[], "tls@example.com", NotOurs),
        ] {
            assert_eq!(answer(rules, recipient), expected, "{rules:?} {recipient}");
        }
        assert_eq!(Recipients::default().answer(&Recipient::Postmaster), Unknown);
    }

    #[test]
    fn a_rule_names_somebody() {
        let bad = |text: &str| assert!(text.parse::<RecipientRule>().is_err(), "{text}");
        bad("tls");
        bad("");
        bad("@");
        bad("tls@[192.0.2.1]"); // an address is nobody's domain
        bad("a b@example.com");
        bad("tls@a..b");
        bad("a b@");
    }
}
