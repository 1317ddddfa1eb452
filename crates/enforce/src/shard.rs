//! A part of the memory: the domains whose names fall into it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use mail_domain::DomainName;
use mta_sts::cache::{Action, Entry, Event, Now, Verdict};
use tokio::sync::Notify;

use crate::memo::Lasting;

/// What is known of some domains.
///
/// Those with a policy that applies are never forgotten to make room; those without are bounded.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    /// Boxed, for a table has up to twice the places that it needs.
    slots: HashMap<DomainName, Box<Slot>>,
    with_policy: usize,
    /// The names of those without, the oldest first.
    order: VecDeque<DomainName>,
    /// Those who wait to be told of the next change. Not in the slots, of which there are very many.
    waiting: HashMap<DomainName, Arc<Notify>>,
    /// No entry wants to be woken before that, by the monotonic clock; `None` if none does.
    next_wake: Option<Duration>,
}

/// What is known of one domain.
#[derive(Debug)]
pub(crate) struct Slot {
    entry: Entry,
    policy: Applies,
    /// As long as this lasts a question changes nothing. It ends for whoever keeps a reply about the
    /// domain, too.
    quiet: Option<Lasting>,
    pub(crate) saving: Saving,
    /// The policy that applies is not on the disk yet.
    pub(crate) unsaved: bool,
}

/// Whether a policy applies, as of the last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applies {
    Yes,
    No,
}

/// Whether what is known is being saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saving {
    /// Nothing is to be saved.
    Idle,
    /// It is being saved.
    Running,
    /// It is being saved, and has changed meanwhile.
    Outdated,
}

/// There is no room for one more domain without a policy: with all of them something is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Shard {
    /// Takes in what was stored of a domain.
    pub(crate) fn restore(&mut self, domain: &DomainName, entry: Entry, limit: usize, now: Now) {
        if self.make_room(limit, now).is_ok() {
            self.insert(domain, entry);
            self.settle(domain, now);
        }
    }

    /// Takes in what another process has stored of a domain, unless a policy applies already or
    /// what is stored is about to be replaced.
    pub(crate) fn take_over(&mut self, domain: &DomainName, entry: Entry, limit: usize, now: Now) {
        let has_policy = |entry: &Entry| matches!(entry.verdict(now), Verdict::Apply(_));
        match self.slot_mut(domain) {
            None => self.restore(domain, entry, limit, now),
            Some(slot)
                if slot.saving == Saving::Idle
                    && has_policy(&entry)
                    && !has_policy(&slot.entry) =>
            {
                // What the old entry had under way is awaited no more.
                slot.changes();
                slot.entry = entry;
                self.tell(domain);
                self.settle(domain, now);
            }
            Some(_) => {}
        }
    }

    /// Lets the domain's entry handle an event. An entry is made if there is none.
    pub(crate) fn handle(
        &mut self,
        domain: &DomainName,
        event: Event,
        limit: usize,
        now: Now,
        new: impl FnOnce() -> Entry,
    ) -> Result<Vec<Action>, Full> {
        if !self.slots.contains_key(domain) {
            self.make_room(limit, now)?;
            self.insert(domain, new());
        }
        let Some(slot) = self.slots.get_mut(domain) else { return Ok(Vec::new()) };
        let is_news = matches!(event, Event::Fetched(_, Ok(_)));
        let is_question = matches!(event, Event::Asked);
        slot.changes();
        let before = is_news.then(|| policy_text(&slot.entry, now)).flatten();
        let actions = slot.entry.handle(event, now);
        if is_news {
            let after = policy_text(&slot.entry, now);
            slot.unsaved |= after.is_some() && after != before;
        }
        // What is being saved is not this: to wait for it would not be enough.
        if slot.saving == Saving::Running && actions.contains(&Action::Save) {
            slot.saving = Saving::Outdated;
        }
        // The next question changes nothing if this one has not.
        if is_question && actions.is_empty() {
            slot.quiet = Some(Lasting::until(slot.entry.quiet_until(now)));
        }
        self.tell(domain);
        self.settle(domain, now);
        Ok(actions)
    }

    /// What the next change of a domain will tell of.
    pub(crate) fn waiting(&mut self, domain: &DomainName) -> Arc<Notify> {
        Arc::clone(self.waiting.entry(domain.clone()).or_default())
    }

    /// The policy is on the disk, or cannot be put there: whoever waited for that goes on.
    pub(crate) fn no_longer_unsaved(&mut self, domain: &DomainName) {
        if let Some(slot) = self.slot_mut(domain) {
            slot.unsaved = false;
            self.tell(domain);
        }
    }

    pub(crate) fn slot(&self, domain: &DomainName) -> Option<&Slot> {
        self.slots.get(domain).map(Box::as_ref)
    }

    pub(crate) fn slot_mut(&mut self, domain: &DomainName) -> Option<&mut Slot> {
        self.slots.get_mut(domain).map(Box::as_mut)
    }

    /// The domains whose entries want to be woken by now.
    pub(crate) fn due(&mut self, now: Now) -> Vec<DomainName> {
        if self.next_wake.is_none_or(|wake| wake > now.monotonic) {
            return Vec::new();
        }
        let mut due = Vec::new();
        self.next_wake = None;
        for (domain, slot) in &self.slots {
            let wake = slot.entry.wake_at();
            if wake.is_some_and(|wake| wake <= now.monotonic) {
                due.push(domain.clone());
            }
            self.next_wake = earlier(self.next_wake, wake);
        }
        due
    }

    /// How many domains there are with a policy that applies, and without.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.with_policy, self.order.len())
    }

    fn insert(&mut self, domain: &DomainName, entry: Entry) {
        let slot =
            Slot { entry, policy: Applies::No, quiet: None, saving: Saving::Idle, unsaved: false };
        self.slots.insert(domain.clone(), Box::new(slot));
        self.order.push_back(domain.clone());
    }

    /// Forgets the oldest domain without a policy if there are too many; if possible, one whose
    /// failures need not be remembered.
    fn make_room(&mut self, limit: usize, now: Now) -> Result<(), Full> {
        if self.order.len() < limit.max(1) {
            return Ok(());
        }
        let evictable = |slot: &Slot| slot.entry.evictable(now) && slot.saving == Saving::Idle;
        let mut second_choice = None;
        let mut choice = None;
        for (index, domain) in self.order.iter().enumerate() {
            match self.slots.get(domain) {
                Some(slot) if evictable(slot) && slot.entry.backoff().is_none() => {
                    choice = Some(index);
                    break;
                }
                Some(slot) if evictable(slot) && second_choice.is_none() => {
                    second_choice = Some(index);
                }
                _ => {}
            }
        }
        let index = choice.or(second_choice).ok_or(Full)?;
        if let Some(domain) = self.order.remove(index)
            && let Some(mut slot) = self.slots.remove(&domain)
        {
            slot.changes();
            self.tell(&domain);
        }
        Ok(())
    }

    /// Those who wait look again.
    fn tell(&mut self, domain: &DomainName) {
        if let Some(waiting) = self.waiting.remove(domain) {
            waiting.notify_waiters();
        }
    }

    /// Puts the domain where it belongs by now.
    fn settle(&mut self, domain: &DomainName, now: Now) {
        let Some(slot) = self.slots.get_mut(domain) else { return };
        self.next_wake = earlier(self.next_wake, slot.entry.wake_at());
        let applies = match slot.entry.verdict(now) {
            Verdict::Apply(_) => Applies::Yes,
            Verdict::NoPolicy(_) | Verdict::Pending => Applies::No,
        };
        slot.unsaved &= applies == Applies::Yes;
        match (std::mem::replace(&mut slot.policy, applies), applies) {
            (Applies::No, Applies::Yes) => {
                self.with_policy = self.with_policy.saturating_add(1);
                self.order.retain(|other| other != domain);
            }
            (Applies::Yes, Applies::No) => {
                self.with_policy = self.with_policy.saturating_sub(1);
                self.order.push_back(domain.clone());
            }
            (Applies::Yes, Applies::Yes) | (Applies::No, Applies::No) => {}
        }
    }
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

impl Slot {
    /// Whether a question changes nothing at present.
    pub(crate) fn is_quiet(&self, now: Now) -> bool {
        self.quiet.as_ref().is_some_and(|quiet| quiet.holds(now.monotonic))
    }

    /// How long a reply may be kept that follows from what is known now; `None` if not at all.
    pub(crate) fn lasting(&self, now: Now) -> Option<Lasting> {
        self.quiet.clone().filter(|_| self.is_quiet(now) && !self.unsaved)
    }

    /// Replies that were kept hold no longer, and the next question may change something.
    fn changes(&mut self) {
        if let Some(quiet) = self.quiet.take() {
            quiet.end();
        }
    }

    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }
}

fn policy_text(entry: &Entry, now: Now) -> Option<mta_sts::cache::FetchedPolicy> {
    match entry.verdict(now) {
        Verdict::Apply(held) => Some(held.fetched().clone()),
        Verdict::NoPolicy(_) | Verdict::Pending => None,
    }
}

#[cfg(test)]
mod tests;
