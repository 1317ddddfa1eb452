//! Some days of reports: what is sent, and what is true.

use std::net::IpAddr;

use jiff::Timestamp;

use super::account::Account;
use super::json::{self, Written};
use super::random::Random;
use super::sign::signers;
use super::traffic::{self, DAY, OURS, Sessions, THEIRS};
use super::{Forgery, MailDomain, Reporter, mail};

/// Which days, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonthOptions {
    /// The same seed makes the same month.
    pub seed: u64,
    /// The first day: that of UTC in which this lies.
    pub first: Timestamp,
    /// How many days of traffic there are; reports on them come for some weeks after.
    pub days: u32,
    /// When all is sent and signed, of the ranges that have ended by then; without it, each when its
    /// sender would send it. What is sent at once has no order, so there are no revisions then.
    pub signed: Option<Timestamp>,
    /// By which ways reports are sent.
    pub ways: Ways,
}

/// By which ways reports are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// Some reporters post the reports on some domains; nobody can verify who did.
    MailAndPosts,
    /// All are mailed.
    MailOnly,
}

/// The traffic of some days, what is reported of it, and what is true.
#[derive(Clone, Debug)]
pub struct Month {
    /// All sessions that took place, in the order of their time.
    pub sessions: Vec<Sessions>,
    /// All that is sent, in the order of its time.
    pub sendings: Vec<Sending>,
    /// What whoever believes the genuine reports, each once, knows in the end: a row for each range
    /// of a reporter and a domain.
    pub told: Vec<Told>,
}

/// Something that is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// When, in seconds since 1970.
    pub at: i64,
    /// By whom, or in whose name.
    pub reporter: Reporter,
    /// About whom.
    pub domain: &'static MailDomain,
    /// The first second that it tells of, since 1970.
    pub begins: i64,
    /// What it is.
    pub kind: Kind,
    /// How it is sent.
    pub way: Way,
}

/// What a sending is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A report on time.
    OnTime,
    /// A report that comes more than three weeks after its day.
    Late,
    /// What was sent before, octet by octet, or the same report packed once more.
    Again,
    /// A report in which part is missing; its revision follows.
    Incomplete,
    /// A later version of a report.
    Revision,
    /// A genuine mail that a gateway has changed on its way, so that its signature fails.
    Altered,
    /// A genuine report on a domain of somebody else.
    NotOurs,
    /// Made up by somebody else.
    Forged(Forgery),
}

/// How something is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// By mail.
    Mail {
        /// The recipient.
        to: String,
        /// The mail, lines ended by CR LF; none begins with a dot.
        octets: Vec<u8>,
    },
    /// By a POST request.
    Post {
        /// Where it comes from.
        from: IpAddr,
        /// Its `Content-Type`.
        media_type: &'static str,
        /// The body.
        body: Vec<u8>,
    },
}

/// What a reporter has told about a domain over one range, once all is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Who.
    pub reporter: Reporter,
    /// About whom.
    pub domain: &'static MailDomain,
    /// The first second, since 1970.
    pub begins: i64,
    /// The second after the last.
    pub ends: i64,
    /// Sessions that were as the policy asks.
    pub successful: u64,
    /// Sessions that were not.
    pub failed: u64,
    /// Under how many policies all of these are listed: two, where nobody who reads the report can
    /// tell that they are the same.
    pub listed: u64,
}

impl Month {
    /// Makes it up.
    pub fn new(options: MonthOptions) -> Self {
        let first = options.first.as_second();
        let begins = first - first.rem_euclid(DAY);
        let sessions = traffic::sessions(options.seed, begins, options.days);
        let mut post = Post {
            random: Random::new(options.seed ^ 0x706F_7374),
            signed: options.signed.map(Timestamp::as_second),
            ways: options.ways,
            sendings: Vec::new(),
            told: Vec::new(),
        };
        for domain in OURS {
            for reporter in domain.senders {
                for account in Account::all(*reporter, domain, &sessions) {
                    if options.signed.is_none_or(|now| account.ends <= now.as_second()) {
                        post.report(&account);
                    }
                }
            }
        }
        let Post { mut sendings, told, .. } = post;
        sendings.sort_by_key(|sending| sending.at);
        Self { sessions, sendings, told }
    }
}

impl Month {
    /// What is reported of sessions that took place: each reporter mails each of its reports once, in
    /// time, and signs it then.
    pub fn of(sessions: Vec<Sessions>) -> Self {
        let mut post = Post {
            random: Random::new(0),
            signed: None,
            ways: Ways::MailOnly,
            sendings: Vec::new(),
            told: Vec::new(),
        };
        let mut pairs: Vec<(Reporter, &'static MailDomain)> = Vec::new();
        for one in &sessions {
            if !pairs.contains(&(one.reporter, one.domain)) {
                pairs.push((one.reporter, one.domain));
            }
        }
        for (reporter, domain) in pairs {
            for account in Account::all(reporter, domain, &sessions) {
                let at = account.ends + post.delay(reporter);
                let way = post.way(&account, &json::write(&account), at);
                post.send(&account, at, Kind::OnTime, way);
                post.told.push(Told::of(&account));
            }
        }
        let Post { mut sendings, told, .. } = post;
        sendings.sort_by_key(|sending| sending.at);
        Self { sessions, sendings, told }
    }
}

impl Kind {
    /// Whether its numbers are those of a row of [`Month::told`].
    pub fn counts(self) -> bool {
        matches!(self, Self::OnTime | Self::Late | Self::Revision)
    }

    /// A word or two in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnTime => "on-time",
            Self::Late => "late",
            Self::Again => "again",
            Self::Incomplete => "incomplete",
            Self::Revision => "revision",
            Self::Altered => "altered",
            Self::NotOurs => "not-ours",
            Self::Forged(Forgery::Unsigned) => "forged-unsigned",
            Self::Forged(Forgery::WrongKey) => "forged-wrong-key",
            Self::Forged(Forgery::Changed) => "forged-changed",
            Self::Forged(Forgery::OtherSigner) => "forged-other-signer",
            Self::Forged(Forgery::SecondFrom) => "forged-second-from",
            Self::Forged(Forgery::Posted) => "forged-posted",
        }
    }
}

/// What is on its way.
struct Post {
    random: Random,
    signed: Option<i64>,
    ways: Ways,
    sendings: Vec<Sending>,
    told: Vec<Told>,
}

impl Post {
    /// All that is sent because of one account.
    fn report(&mut self, account: &Account) {
        let written = json::write(account);
        let at = account.ends + self.delay(account.reporter);
        if !self.is_posted(account) && self.random.once_in(40) {
            let way = self.altered(account, &written, at);
            // Nobody vouches for it, and it is all that comes.
            return self.send(account, at, Kind::Altered, way);
        }
        if self.signed.is_none() && self.random.once_in(25) {
            let missing = account.incomplete();
            let way = self.way(account, &json::write(&missing), at);
            self.send(account, at, Kind::Incomplete, way);
            let later = at + 7 * DAY;
            let way = self.way(account, &written, later);
            self.send(account, later, Kind::Revision, way);
        } else {
            let (kind, at) = if self.random.once_in(40) {
                (Kind::Late, at + 24 * DAY)
            } else {
                (Kind::OnTime, at)
            };
            let way = self.way(account, &written, at);
            if self.random.once_in(10) {
                // The acknowledgement was lost; or it came, and was not believed for a month.
                let again = if self.random.once_in(4) { 30 * DAY } else { 900 };
                self.send(account, at + again, Kind::Again, way.clone());
            }
            self.send(account, at, kind, way);
            if self.random.once_in(15) {
                let again = at + DAY;
                let way = self.way(account, &written, again);
                self.send(account, again, Kind::Again, way);
            }
        }
        self.told.push(Told::of(account));
        self.beside(account, at);
    }

    /// What comes beside a genuine report: reports on others, and forgeries.
    fn beside(&mut self, account: &Account, at: i64) {
        // One domain is enough: what a reporter says of the stranger on one day is one report.
        if OURS.first() == Some(account.domain) && self.random.once_in(3) {
            let stranger = Account { domain: &THEIRS, ..account.clone() };
            let way = self.way(&stranger, &json::write(&stranger), at);
            self.send(&stranger, at, Kind::NotOurs, way);
        }
        if self.random.once_in(10)
            && let Some(forgery) = self.random.one_of(&Forgery::ALL).copied()
            && (forgery != Forgery::Posted || self.ways == Ways::MailAndPosts)
        {
            let claim = Forgery::claim(account);
            let at = at + forgery.delay();
            let signed = self.signed.unwrap_or(at);
            let way = forgery.way(&claim, &json::write(&claim), at, signed);
            self.send(account, at, Kind::Forged(forgery), way);
        }
    }

    fn send(&mut self, account: &Account, at: i64, kind: Kind, way: Way) {
        let Account { reporter, domain, begins, .. } = *account;
        self.sendings.push(Sending { at, reporter, domain, begins, kind, way });
    }

    fn is_posted(&self, account: &Account) -> bool {
        self.ways == Ways::MailAndPosts && account.reporter.posts(account.domain)
    }

    /// As the reporter sends it.
    fn way(&self, account: &Account, written: &Written, at: i64) -> Way {
        if self.is_posted(account) {
            let from = account.reporter.posts_from();
            return match account.reporter {
                Reporter::Stalwart => {
                    let body = mail::packed(&written.json, at);
                    Way::Post { from, media_type: "application/tlsrpt+gzip", body }
                }
                _ => {
                    let body = written.json.clone();
                    Way::Post { from, media_type: "application/tlsrpt+json", body }
                }
            };
        }
        let draft = mail::draft(account, written, at);
        let octets = draft.signed(signers(account.reporter), self.signed.unwrap_or(at));
        Way::Mail { to: account.domain.report_to.to_owned(), octets }
    }

    fn altered(&self, account: &Account, written: &Written, at: i64) -> Way {
        let mut way = self.way(account, written, at);
        if let Way::Mail { octets, .. } = &mut way {
            let text = String::from_utf8_lossy(octets);
            let warned = ["This is an aggregate", "TLS report from"].iter().find_map(|words| {
                let (before, after) = text.rsplit_once(*words)?;
                Some(format!("{before}[External: take care]\r\n\r\n{words}{after}"))
            });
            if let Some(warned) = warned {
                *octets = warned.into_bytes();
            }
        }
        way
    }

    /// How long after the end of a range its report is sent, in seconds.
    fn delay(&mut self, reporter: Reporter) -> i64 {
        let (least, spread) = match reporter {
            Reporter::Google => (10 * 3600, 3600),
            Reporter::Microsoft => (16 * 3600, 8 * 3600),
            Reporter::MailRu => (3 * 3600, 3600),
            Reporter::Stalwart => (60, 60),
            Reporter::Postfix | Reporter::PostfixTwin => (1800, 3 * 3600),
        };
        least + self.random.seconds(spread)
    }
}

impl Told {
    fn of(account: &Account) -> Self {
        Self {
            reporter: account.reporter,
            domain: account.domain,
            begins: account.begins,
            ends: account.ends,
            successful: account.successful,
            failed: account.failed(),
            listed: u64::try_from(account.known().len()).unwrap_or(1),
        }
    }

    /// Whether all of it is of one day of UTC.
    pub fn is_of_one_day(&self) -> bool {
        self.begins.div_euclid(DAY) == (self.ends - 1).div_euclid(DAY)
    }
}

#[cfg(test)]
mod tests;
