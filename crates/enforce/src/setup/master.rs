//! `master.cf`: the clients that deliver over SMTP.

/// A service of `master.cf` that delivers over SMTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmtpClient {
    /// Its name, such as `smtp` or `relay`.
    pub name: String,
    /// Where it sees files.
    pub chroot: Chroot,
    /// What `-o` says in the place of `main.cf`.
    pub overrides: Vec<Override>,
}

/// Where a service sees files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chroot {
    /// In the queue directory only.
    QueueDirectory,
    /// Everywhere.
    Nowhere,
}

/// One `-o name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The parameter.
    pub name: String,
    /// Its value, as it is written.
    pub value: String,
}

impl SmtpClient {
    /// The clients in what `postconf -M` prints: a service a line. `default` is what `-` in the
    /// column `chroot` stands for.
    pub fn read_all(text: &str, default: Chroot) -> Vec<Self> {
        text.lines().filter_map(|line| Self::read(line, default)).collect()
    }

    fn read(line: &str, default: Chroot) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?.to_owned();
        let is_local = words.next()? == "unix";
        let chroot = match words.nth(2)? {
            "y" => Chroot::QueueDirectory,
            "n" => Chroot::Nowhere,
            _ => default,
        };
        let is_client = words.nth(2)? == "smtp";
        (is_local && is_client).then(|| Self { name, chroot, overrides: overrides(words) })
    }

    /// What `-o` says about a parameter, if anything.
    pub(super) fn overrides_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Override> {
        self.overrides.iter().filter(move |found| found.name == name)
    }
}

/// `-o name=value`, and `-o { name = value with blanks }`.
fn overrides<'a>(mut words: impl Iterator<Item = &'a str>) -> Vec<Override> {
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let mut text = match word.strip_prefix("-o") {
            Some("") => words.next().unwrap_or_default().to_owned(),
            Some(rest) => rest.to_owned(),
            None => continue,
        };
        let depth = |text: &str| {
            let count = |brace| text.matches(brace).count();
            count('{').saturating_sub(count('}'))
        };
        while text.starts_with('{') && depth(&text) > 0 {
            let Some(word) = words.next() else { break };
            text.push(' ');
            text.push_str(word);
        }
        let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some((name, value)) = inner.unwrap_or(&text).split_once('=') {
            let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
            found.push(Override { name, value });
        }
    }
    found
}
