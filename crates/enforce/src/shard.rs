//! A part of the memory: the domains whose names fall into it.

use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use mail_domain::DomainName;
use mta_sts::cache::{Action, Entry, Event, Now, Verdict};
use tokio::sync::Notify;

/// What is known of some domains.
///
/// Those with a policy that applies and those without lie apart: the former are never forgotten to
/// make room, the latter are bounded.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    with_policy: HashMap<DomainName, Slot>,
    without_policy: HashMap<DomainName, Slot>,
    /// The names of `without_policy`, the oldest first.
    order: VecDeque<DomainName>,
    /// When which entry is to be woken, by the monotonic clock.
    wakes: BTreeSet<(Duration, DomainName)>,
}

/// What is known of one domain.
#[derive(Debug)]
pub(crate) struct Slot {
    entry: Entry,
    /// Where it stands in [`Shard::wakes`].
    wake: Option<Duration>,
    /// Those who wait for an answer.
    waiting: Option<Arc<Notify>>,
    pub(crate) saving: Saving,
    /// The policy that applies is not on the disk yet.
    pub(crate) unsaved: bool,
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
                slot.entry = entry;
                if let Some(waiting) = slot.waiting.take() {
                    waiting.notify_waiters();
                }
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
        if self.slot(domain).is_none() {
            self.make_room(limit, now)?;
            self.insert(domain, new());
        }
        let is_news = matches!(event, Event::Fetched(_, Ok(_)));
        let Some(slot) = self.slot_mut(domain) else { return Ok(Vec::new()) };
        let before = is_news.then(|| policy_text(&slot.entry, now)).flatten();
        let actions = slot.entry.handle(event, now);
        if is_news {
            let after = policy_text(&slot.entry, now);
            slot.unsaved |= after.is_some() && after != before;
        }
        if let Some(waiting) = slot.waiting.take() {
            waiting.notify_waiters();
        }
        self.settle(domain, now);
        Ok(actions)
    }

    pub(crate) fn slot(&self, domain: &DomainName) -> Option<&Slot> {
        self.with_policy.get(domain).or_else(|| self.without_policy.get(domain))
    }

    pub(crate) fn slot_mut(&mut self, domain: &DomainName) -> Option<&mut Slot> {
        match self.with_policy.get_mut(domain) {
            Some(slot) => Some(slot),
            None => self.without_policy.get_mut(domain),
        }
    }

    /// The domains whose entries want to be woken by now.
    pub(crate) fn due(&self, now: Now) -> Vec<DomainName> {
        let due = self.wakes.iter().take_while(|(at, _)| *at <= now.monotonic);
        due.map(|(_, domain)| domain.clone()).collect()
    }

    /// How many domains there are with a policy that applies, and without.
    pub(crate) fn sizes(&self) -> (usize, usize) {
        (self.with_policy.len(), self.without_policy.len())
    }

    fn insert(&mut self, domain: &DomainName, entry: Entry) {
        let (saving, unsaved) = (Saving::Idle, false);
        let slot = Slot { entry, wake: None, waiting: None, saving, unsaved };
        self.without_policy.insert(domain.clone(), slot);
        self.order.push_back(domain.clone());
    }

    /// Forgets the oldest domain without a policy if there are too many; if possible, one whose
    /// failures need not be remembered.
    fn make_room(&mut self, limit: usize, now: Now) -> Result<(), Full> {
        if self.without_policy.len() < limit.max(1) {
            return Ok(());
        }
        let evictable = |slot: &Slot| slot.entry.evictable(now) && slot.saving == Saving::Idle;
        let mut second_choice = None;
        let mut choice = None;
        for (index, domain) in self.order.iter().enumerate() {
            match self.without_policy.get(domain) {
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
            && let Some(Slot { wake: Some(at), .. }) = self.without_policy.remove(&domain)
        {
            self.wakes.remove(&(at, domain));
        }
        Ok(())
    }

    /// Puts the domain where it belongs by now.
    fn settle(&mut self, domain: &DomainName, now: Now) {
        let Some(slot) = self.slot_mut(domain) else { return };
        let (old, new) = (slot.wake, slot.entry.wake_at());
        slot.wake = new;
        let applies = matches!(slot.entry.verdict(now), Verdict::Apply(_));
        slot.unsaved &= applies;
        if old != new {
            if let Some(at) = old {
                self.wakes.remove(&(at, domain.clone()));
            }
            if let Some(at) = new {
                self.wakes.insert((at, domain.clone()));
            }
        }
        if applies && let Some((name, slot)) = self.without_policy.remove_entry(domain) {
            self.order.retain(|other| *other != name);
            self.with_policy.insert(name, slot);
        } else if !applies && let Some((name, slot)) = self.with_policy.remove_entry(domain) {
            self.order.push_back(name.clone());
            self.without_policy.insert(name, slot);
        }
    }
}

impl Slot {
    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    /// What the next change will tell of.
    pub(crate) fn waiting(&mut self) -> Arc<Notify> {
        Arc::clone(self.waiting.get_or_insert_default())
    }

    /// The policy is on the disk, or cannot be put there: whoever waited for that goes on.
    pub(crate) fn no_longer_unsaved(&mut self) {
        self.unsaved = false;
        if let Some(waiting) = self.waiting.take() {
            waiting.notify_waiters();
        }
    }
}

fn policy_text(entry: &Entry, now: Now) -> Option<Arc<mta_sts::cache::FetchedPolicy>> {
    match entry.verdict(now) {
        Verdict::Apply(held) => Some(Arc::clone(held.fetched())),
        Verdict::NoPolicy(_) | Verdict::Pending => None,
    }
}

#[cfg(test)]
mod tests;
