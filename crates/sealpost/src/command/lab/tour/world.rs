//! The doing: time passes, mail is sent, reports are on their way, and the daemon does its work.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sealpost_evidence::traffic::Day;
use sealpost_lab::reporters::{Month, Reporter, Sending, Way};
use sealpost_lab::{Lab, Sender, Sent, TakenBy, Visit, hand_over};
use sealpost_runtime::Hand;
use serde_json::Value;
use tokio::task::spawn_blocking;

use super::account::{Account, failure};
use super::acts::{Act, DOMAIN};
use super::owner::{Owner, Places};
use super::pages::{rows, text, texts, wait_until};
use super::postfix::{self, Postfix};
use crate::outcome::Failure;
use crate::output::Output;

const DAY: i64 = 86_400;
const HOUR: i64 = 3_600;
/// When people begin to work.
const MORNING: i64 = HOUR;
/// When the daemon is left time to look, and when the day is over.
const NOON: i64 = 12 * HOUR;
const EVENING: i64 = 22 * HOUR;
/// Between two looks of a day: every role has had its turn by then, however it spreads its work.
const BETWEEN: i64 = 6_000;
/// What passes while they work: longer than the longest pause between two turns.
const LITTLE: i64 = 61;
/// Looks of one day, at least, on which something happens and on which nothing does; more while
/// something is going on. What is seen by one is an incident by the next.
const LOOKS: (usize, usize) = (3, 1);
/// What is counted when a role has looked: those who look at the domain, and who tells of it.
const TURNS: [&str; 2] = ["sealpost_check_looks_total", "sealpost_publish_passes_total"];
const TOLD: [&str; 1] = ["sealpost_alert_pass_seconds_count"];
/// What is counted when a report was read.
const READ: &str = "sealpost_receive_reports_total{as=\"new\"}";
/// Those who send. The last one does so every third day only, and holds old policies longest.
const SENDERS: [Reporter; 5] = [
    Reporter::Google,
    Reporter::Microsoft,
    Reporter::MailRu,
    Reporter::Postfix,
    Reporter::PostfixTwin,
];

/// Everything that there is on the tour.
pub(super) struct World<'a> {
    lab: &'a Lab,
    hand: Hand,
    /// What the clock shows, in seconds since 1970.
    now: i64,
    /// Midnight of day 0, likewise.
    begin: i64,
    places: &'a Places,
    owner: Owner<'a>,
    senders: Vec<Sender>,
    /// What stands in the place of one of them.
    postfix: Option<Postfix>,
    is_announced: bool,
    under_way: Vec<Sending>,
    /// Reports that were handed over, or are the daemon's to make by now.
    handed: u64,
    /// Those that it makes when the day is over.
    made_at_midnight: u64,
    messages: u64,
    waiting: [u64; SENDERS.len()],
    account: Account,
    /// The time of the last row of the logbook that was told.
    told: i64,
}

/// How things stand in an evening.
#[derive(Default)]
pub(super) struct Evening {
    /// Messages that were to be sent on this day, those that waited included.
    pub(super) tried: u64,
    pub(super) delivered: u64,
    /// Messages that wait at their senders.
    pub(super) waiting: u64,
    /// The hosts that sessions were held with.
    pub(super) hosts: BTreeSet<String>,
    /// What the owner did.
    pub(super) done: Vec<String>,
    /// What the logbook of the roll-out got.
    pub(super) logbook: Vec<String>,
    /// The domain, as the pages show it.
    pub(super) domain: Value,
    /// Open incidents, as the pages show them.
    pub(super) incidents: Vec<Value>,
}

/// What became of all messages.
pub(super) struct Mail {
    pub(super) sent: u64,
    pub(super) taken_by_owner: u64,
    pub(super) taken_by_attacker: u64,
    pub(super) in_plaintext: u64,
}

impl<'a> World<'a> {
    pub(super) fn new(
        lab: &'a Lab,
        hand: Hand,
        begin: Timestamp,
        places: &'a Places,
        owner: Owner<'a>,
        postfix: Option<Postfix>,
    ) -> Result<Self, Failure> {
        let senders = SENDERS.map(|reporter| lab.sender(reporter).map_err(Failure::new));
        Ok(Self {
            lab,
            hand,
            now: begin.as_second(),
            begin: begin.as_second(),
            places,
            owner,
            senders: senders.into_iter().collect::<Result<_, _>>()?,
            postfix,
            is_announced: false,
            under_way: Vec::new(),
            handed: 0,
            made_at_midnight: 0,
            messages: 0,
            waiting: [0; SENDERS.len()],
            account: Account::default(),
            told: 0,
        })
    }

    pub(super) fn account(&self) -> &Account {
        &self.account
    }

    pub(super) fn owner(&self) -> &Owner<'a> {
        &self.owner
    }

    /// One day: what somebody does, mail, the reports that come in, and what the daemon and the owner
    /// make of it.
    pub(super) async fn day(
        &mut self,
        day: i64,
        acts: &[&'static Act],
        output: &mut Output,
    ) -> Result<Evening, Failure> {
        let mut evening = Evening::default();
        self.turn_to(self.time(day, MORNING))?;
        self.handed += std::mem::take(&mut self.made_at_midnight);
        for deed in acts.iter().flat_map(|act| act.deeds) {
            if let Some(command) = self.owner.carry_out(deed)? {
                output.line(&command)?;
            }
        }
        if self.is_announced {
            self.send(day, &mut evening).await?;
        }
        self.hand_in(self.time(day, NOON)).await?;
        let least = if acts.is_empty() { LOOKS.1 } else { LOOKS.0 };
        let (mut looks, mut is_busy) = (0_usize, true);
        while looks < least || (is_busy && self.now < self.time(day, EVENING)) {
            self.look().await?;
            is_busy = self.see_to_it(&mut evening, output).await?;
            looks += 1;
        }
        evening.incidents = self.places.pages.incidents("open").await?;
        Ok(evening)
    }

    /// All that is under way comes in.
    pub(super) async fn end(&mut self, last_day: i64) -> Result<(), Failure> {
        self.turn_to(self.time(last_day + 1, 0))?;
        self.handed += std::mem::take(&mut self.made_at_midnight);
        self.hand_in(self.time(last_day + 2, 0)).await?;
        self.turn_to(self.time(last_day + 2, 0))
    }

    /// A mail server that runs ends.
    pub(super) async fn close(&mut self) {
        if let Some(postfix) = self.postfix.take() {
            postfix.stop().await;
        }
    }

    /// What became of the mail, by who took it.
    pub(super) fn mail(&self) -> Mail {
        let taken = self.lab.deliveries();
        let taken = taken.iter().filter(|one| one.domain == DOMAIN);
        let count = |by| u64::try_from(taken.clone().filter(|one| one.by == by).count());
        let plain = taken.clone().filter(|one| one.tls.is_none()).count();
        Mail {
            sent: self.messages,
            taken_by_owner: count(TakenBy::Owner).unwrap_or(u64::MAX),
            taken_by_attacker: count(TakenBy::Attacker).unwrap_or(u64::MAX),
            in_plaintext: u64::try_from(plain).unwrap_or(u64::MAX),
        }
    }

    fn time(&self, day: i64, seconds: i64) -> i64 {
        self.begin + day * DAY + seconds
    }

    fn turn_to(&mut self, time: i64) -> Result<(), Failure> {
        self.now = self.now.max(time);
        self.hand.set_forward(Timestamp::from_second(self.now).map_err(Failure::new)?);
        Ok(())
    }

    /// Lets time pass, and waits until every role has had its turn.
    async fn look(&mut self) -> Result<(), Failure> {
        let before = self.places.pages.counts(TURNS).await?;
        self.turn_to(self.now.saturating_add(BETWEEN))?;
        self.wait_for(TURNS, before.map(|count| count + 1)).await?;
        // The first may have been under way before there was anything to tell.
        let before = self.places.pages.counts(TOLD).await?;
        self.wait_for(TOLD, before.map(|count| count + 2)).await
    }

    /// Time goes on meanwhile: who was at work when the clock was set sleeps only now.
    async fn wait_for<const N: usize>(
        &mut self,
        names: [&str; N],
        least: [u64; N],
    ) -> Result<(), Failure> {
        let pages = self.places.pages;
        pages.wait_for(names, least, || self.turn_to(self.now.saturating_add(LITTLE))).await
    }

    /// The owner reads what there is to do, and does it; says whether anything is going on.
    async fn see_to_it(
        &mut self,
        evening: &mut Evening,
        output: &mut Output,
    ) -> Result<bool, Failure> {
        evening.domain = self.places.pages.domain().await?;
        let rollout = evening.domain.get("rollout").cloned().unwrap_or_default();
        self.is_announced = rollout.get("id").is_some_and(Value::is_string);
        let mut log: BTreeMap<i64, Vec<&str>> = BTreeMap::new();
        for row in rows(&rollout, "logbook") {
            let at = row.get("at").and_then(Value::as_i64).unwrap_or_default();
            if at > self.told {
                log.entry(at).or_default().insert(0, text(row, "text"));
            }
        }
        self.told = log.keys().next_back().copied().unwrap_or(self.told);
        let before = (evening.logbook.len(), evening.done.len());
        evening.logbook.extend(log.into_values().flatten().map(str::to_owned));
        for todo in texts(&rollout, "todo") {
            // The daemon sees it at its next look, and asks until then.
            let done = self.owner.obey(todo)?;
            evening.done.extend(done.filter(|done| !evening.done.contains(done)));
        }
        let now = Timestamp::from_second(self.now).map_err(Failure::new)?;
        evening.done.extend(self.owner.go_on_moving(now, output).await?);
        let is_left = texts(&rollout, "todo").next().is_some();
        Ok(is_left || before != (evening.logbook.len(), evening.done.len()))
    }

    async fn send(&mut self, day: i64, evening: &mut Evening) -> Result<(), Failure> {
        let mut senders = std::mem::take(&mut self.senders);
        let first = self.time(day, MORNING);
        let messages_of = move |place: i64| 2 + u64::try_from((day + place) % 3).unwrap_or(0);
        let has_postfix = self.postfix.is_some();
        let work = move || {
            let mut all: Vec<Option<(u64, Sent)>> = Vec::new();
            for (place, sender) in (0_i64..).zip(&mut senders) {
                let is_silent = sender.reporter() == Reporter::PostfixTwin && day % 3 != 0;
                if is_silent || (has_postfix && sender.reporter() == postfix::REPORTER) {
                    all.push(None);
                    continue;
                }
                let messages = messages_of(place);
                all.push(Some((messages, sender.send(DOMAIN, messages, first + place * HOUR)?)));
            }
            Ok::<_, std::io::Error>((senders, all))
        };
        let (senders, all) = spawn_blocking(work).await.map_err(Failure::new)??;
        self.senders = senders;
        let mut sessions = Vec::new();
        for (waiting, sent) in self.waiting.iter_mut().zip(all) {
            let Some((messages, sent)) = sent else { continue };
            self.messages += messages;
            evening.tried += sent.delivered + sent.waiting;
            evening.delivered += sent.delivered;
            *waiting = sent.waiting;
            sessions.extend(sent.sessions);
        }
        evening.hosts = sessions.iter().map(|one| one.mx.clone()).collect();
        let place = SENDERS.iter().position(|reporter| *reporter == postfix::REPORTER);
        if let (Some(postfix), Some(place)) = (&mut self.postfix, place) {
            let messages = messages_of(i64::try_from(place).unwrap_or(0));
            let tried = postfix.send(self.lab, messages).await?;
            self.messages += messages;
            evening.tried += tried.delivered + tried.waiting;
            evening.delivered += tried.delivered;
            if let Some(waiting) = self.waiting.get_mut(place) {
                *waiting = tried.waiting;
            }
            evening.hosts.extend(tried.visits.iter().map(|visit| visit.host.clone()));
            self.account.add_visits(postfix::REPORTER, self.now, &tried.visits);
            self.wait_until_counted(&tried.visits).await?;
            self.made_at_midnight += 1;
        }
        evening.waiting = self.waiting.iter().sum();
        self.account.add(&sessions);
        self.under_way.extend(Month::of(sessions).sendings);
        Ok(())
    }

    /// The daemon has written down what Postfix told of its visits: the clock may go on.
    async fn wait_until_counted(&self, visits: &[Visit]) -> Result<(), Failure> {
        let (pages, day) = (self.places.pages, Day::of(self.now));
        let failed = visits.iter().filter(|visit| failure(visit).is_some()).count();
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let told = (count(visits.len() - failed), count(failed));
        let is_counted = async || Ok(pages.counted(day).await? == told);
        if let Err(waited) = wait_until(is_counted, "count the sessions of Postfix").await {
            let counted = pages.counted(day).await?;
            return Err(
                waited.hint(format!("{told:?} were seen by MX hosts, {counted:?} are counted"))
            );
        }
        Ok(())
    }

    /// Hands over the reports that are sent up to a time, each when it is sent, and waits until they
    /// were read.
    async fn hand_in(&mut self, until: i64) -> Result<(), Failure> {
        let (mut due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.under_way).into_iter().partition(|one| one.at <= until);
        self.under_way = later;
        due.sort_by_key(|sending| sending.at);
        for Sending { at, way, .. } in due {
            self.turn_to(at)?;
            if let Way::Mail { to, octets } = way {
                self.handed += 1;
                let server = self.places.mail;
                let handing = spawn_blocking(move || hand_over(server, &to, &octets));
                handing.await.map_err(Failure::new)??;
            }
        }
        self.places.pages.wait_for([READ], [self.handed], || Ok(())).await
    }
}
