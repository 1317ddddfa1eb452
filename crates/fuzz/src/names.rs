//! Targets for domain names and MX patterns.

use mail_domain::DomainName;
use mta_sts::MxPattern;

/// A domain name is in its one normal form, and every way of writing it leads back to it.
pub fn domain_name(octets: &[u8]) {
    let Ok(text) = str::from_utf8(octets) else { return };
    let name = match DomainName::parse(text) {
        Ok(name) => name,
        Err(error) => return assert_is_message(&error.to_string()),
    };
    let written = name.as_str();
    assert!((1..=253).contains(&written.len()));
    assert!(!written.bytes().any(|byte| byte.is_ascii_uppercase()));
    for label in name.labels() {
        assert!((1..=63).contains(&label.len()));
        assert!(label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
    assert_eq!(name.labels().collect::<Vec<_>>().join("."), written);
    assert_eq!(DomainName::parse(written).as_ref(), Ok(&name));
    assert_eq!(DomainName::parse(&name.to_unicode()).as_ref(), Ok(&name));
    if let Some(parent) = name.parent() {
        assert!(name.is_subdomain_of(&parent) && !parent.is_subdomain_of(&name));
    }
}

/// A pattern is written as it is read, and a wildcard stands for exactly one label.
pub fn mx_pattern(octets: &[u8]) {
    let Ok(text) = str::from_utf8(octets) else { return };
    let pattern = match MxPattern::parse(text) {
        Ok(pattern) => pattern,
        Err(error) => return assert_is_message(&error.to_string()),
    };
    assert_eq!(MxPattern::parse(&pattern.to_string()).as_ref(), Ok(&pattern));

    let base = pattern.base();
    let Ok(below) = base.child("mx") else { return };
    assert_eq!(pattern.matches(base), !pattern.is_wildcard());
    assert_eq!(pattern.matches(&below), pattern.is_wildcard());
    if let Ok(two_below) = below.child("a") {
        assert!(!pattern.matches(&two_below));
    }
}

/// Messages reach terminals and logs.
pub(crate) fn assert_is_message(message: &str) {
    assert!(!message.is_empty());
    assert!(!message.contains(|c: char| c.is_control()), "{message:?} holds control characters");
}
