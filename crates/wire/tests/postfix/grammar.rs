//! An independent reader of Postfix's policy lines, as strict as Postfix: what it refuses would hold
//! back mail. It knows which attributes came with which version.

use std::collections::BTreeMap;

use sealpost_wire::postfix::Profile;

/// A line, understood.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) level: String,
    /// All names of all `match` attributes.
    pub(crate) names: Vec<String>,
    pub(crate) patterns: Vec<String>,
    pub(crate) strings: Vec<String>,
    /// Attributes that may be there once.
    pub(crate) single: BTreeMap<String, String>,
}

const SEPARATORS: &[char] = &[',', ' ', '\t', '\r', '\n'];

/// Reads a line as the newest version would that has this profile.
pub(crate) fn read(profile: Profile, text: &str) -> Result<Line, String> {
    let mut tokens = tokens(text).into_iter();
    let level = tokens.next().ok_or("the line is empty")?;
    if !["dane", "dane-only", "secure"].contains(&level.as_str()) {
        return Err(format!("no such level, or one that we never use: {level}"));
    }
    let mut line = Line { level, ..Line::default() };
    for token in tokens {
        let (name, value) = attribute(&token)?;
        let (since_3_4, since_3_10) = match profile {
            Profile::Postfix | Profile::Postfix3_10 => (true, true),
            Profile::Postfix3_9 => (true, false),
            Profile::Postfix3_3 | Profile::Exim => (false, false),
        };
        match name.as_str() {
            "match" if value.is_empty() => return Err("an empty match".into()),
            "match" if line.level != "secure" => return Err("a match, but no verification".into()),
            "match" => {
                let names = value.split(':').filter(|name| !name.is_empty());
                line.names.extend(names.map(str::to_owned));
            }
            "mx_host_pattern" if since_3_10 => line.patterns.push(value),
            "policy_string" if since_3_10 => line.strings.push(value),
            "servername" if since_3_4 => line.once(&name, is_host_name(&value), value)?,
            "protocols" => line.once(&name, are_protocols(profile, &value), value)?,
            "policy_type" if since_3_10 => line.once(&name, value == "sts", value)?,
            "policy_domain" if since_3_10 => line.once(&name, is_host_name(&value), value)?,
            _ => return Err(format!("no such attribute: {name}")),
        }
    }
    let has_details = line.single.contains_key("policy_domain")
        || !line.patterns.is_empty()
        || !line.strings.is_empty();
    if has_details && !line.single.contains_key("policy_type") {
        return Err("a policy without a type".into());
    }
    Ok(line)
}

impl Line {
    /// The value of an attribute that may be there once.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.single.get(name).map(String::as_str)
    }

    fn once(&mut self, name: &str, is_valid: bool, value: String) -> Result<(), String> {
        if !is_valid {
            return Err(format!("{name}={value}"));
        }
        match self.single.insert(name.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(format!("{name} is there twice")),
        }
    }
}

/// The parts between separators that are not in braces.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = vec![String::new()];
    let mut depth = 0_usize;
    for character in text.chars() {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && SEPARATORS.contains(&character) => {
                tokens.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(token) = tokens.last_mut() {
            token.push(character);
        }
    }
    tokens.retain(|token| !token.is_empty());
    tokens
}

/// A name and a value, with braces around or without.
fn attribute(token: &str) -> Result<(String, String), String> {
    let inner = match token.strip_prefix('{') {
        None => token,
        Some(rest) => {
            let inner = rest.strip_suffix('}').ok_or_else(|| format!("after a brace: {token}"))?;
            if inner.contains(['{', '}']) {
                return Err(format!("braces in braces, which we never write: {token}"));
            }
            inner.trim()
        }
    };
    let (name, value) = inner.split_once('=').ok_or_else(|| format!("no value: {token}"))?;
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(format!("no name: {token}"));
    }
    Ok((name.to_ascii_lowercase(), value.trim().to_owned()))
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 255
        && name.split('.').all(is_label)
        && name.chars().any(|c| !c.is_ascii_digit() && c != '.')
}

fn are_protocols(profile: Profile, value: &str) -> bool {
    let versions = ["SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
    value.split(':').all(|part| {
        let floor_is_known = matches!(profile, Profile::Postfix | Profile::Postfix3_10);
        let version = match part.strip_prefix(">=") {
            Some(version) if floor_is_known => version,
            Some(_) => return false, // since 3.6, and the profile reaches down to 3.4
            None => part.strip_prefix('!').unwrap_or(part),
        };
        versions.contains(&version)
    })
}

#[test]
fn it_refuses_what_postfix_refuses() {
    let good = |text| assert!(read(Profile::Postfix, text).is_ok(), "{text}");
    let bad = |profile, text| assert!(read(profile, text).is_err(), "{text}");
    let new = Profile::Postfix;
    good("secure");
    good("secure match=a.test:.b.test match=c.test,servername=hostname");
    good("secure policy_type=sts { policy_string = mode: enforce }\n{policy_string=x}");
    bad(new, "");
    bad(new, "safe");
    bad(new, "secure match=");
    bad(new, "secure match");
    bad(new, "dane match=a.test");
    bad(new, "secure =a");
    bad(new, "secure servername=a servername=a");
    bad(new, "secure servername=a.test.");
    bad(new, "secure tafile=/etc/passwd");
    bad(new, "secure { policy_type=sts } }");
    bad(new, "secure { policy_type=sts");
    bad(new, "secure policy_type=tlsa");
    bad(new, "secure policy_domain=a.test");
    bad(new, "secure protocols=>=TLSv2");
    bad(Profile::Postfix3_9, "secure protocols=>=TLSv1.2");
    bad(Profile::Postfix3_9, "secure policy_type=sts");
    bad(Profile::Postfix3_3, "secure servername=hostname");
}
