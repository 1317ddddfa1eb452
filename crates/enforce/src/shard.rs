//! A part of the memory: the domains whose names fall into it.

use std::{
    collections::{BTreeMap, HashMap, btree_map::Entry::Vacant},
    sync::Arc,
    time::Duration,
};

use mail_domain::DomainName;
use mta_sts::cache::{Action, Entry, Event, Now, Snapshot, Verdict};
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
    /// Those without that may be forgotten, or will be when their time is over.
    dispensable: BTreeMap<Rank, DomainName>,
    /// The next place in the order of age.
    next_place: u32,
    /// Those that were forgotten with failures, and when they failed last: what is stored of these is
    /// of no use any more.
    forgotten: Vec<(DomainName, i64)>,
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
    saving: Saving,
    /// The policy that applies is not on the disk yet.
    pub(crate) unsaved: bool,
    /// What is on the disk is to be forgotten, a policy too, before anything is saved.
    purged: bool,
    /// The order of age. It begins anew after four billion domains, which does no harm.
    place: u32,
}

/// In which order domains without a policy are forgotten, within each class: by time, and then by age.
type Rank = (Class, Duration, u32);

/// What speaks against forgetting a domain without a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Nothing.
    Plain,
    /// Its policy must not be fetched before that time.
    BackedOff,
    /// Something is under way for it, until that time at the latest.
    Flying,
}

/// Whether a policy applies, as of the last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Applies {
    Yes,
    No,
}

/// Whether what is known is being saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saving {
    /// Nothing is to be saved.
    Idle,
    /// It is being saved.
    Running,
    /// It is being saved, and has changed meanwhile.
    Outdated,
    /// It could not be saved, and is to be saved again.
    Failing,
}

/// What is to be saved of a domain.
#[derive(Debug)]
pub(crate) struct ToSave {
    pub(crate) snapshot: Snapshot,
    /// What is stored is to be forgotten first.
    pub(crate) purged: bool,
}

/// There is no room for one more domain without a policy: with all of them something is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Shard {
    /// Takes in what was stored of a domain.
    pub(crate) fn restore(&mut self, domain: &DomainName, entry: Entry, limit: usize, now: Now) {
        let applies = matches!(entry.verdict(now), Verdict::Apply(_));
        if applies || self.make_room(limit, now).is_ok() {
            self.insert(domain, entry);
            self.settle(domain, now);
        }
    }

    /// Takes in what another process has stored of a domain, unless a policy applies already or
    /// what is stored is about to be replaced.
    pub(crate) fn take_over(&mut self, domain: &DomainName, entry: Entry, limit: usize, now: Now) {
        let has_policy = |entry: &Entry| matches!(entry.verdict(now), Verdict::Apply(_));
        let Some(slot) = self.slot(domain) else { return self.restore(domain, entry, limit, now) };
        if slot.saving != Saving::Idle || !has_policy(&entry) || has_policy(&slot.entry) {
            return;
        }
        self.change(domain, |slot| {
            // What the old entry had under way is awaited no more.
            slot.changes();
            slot.entry = entry;
        });
        self.tell(domain);
        self.settle(domain, now);
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
        let actions = self.change(domain, |slot| slot.handle(event, now)).unwrap_or_default();
        self.tell(domain);
        self.settle(domain, now);
        Ok(actions)
    }

    /// Something is to be saved. Whether the saving is to be begun: else it is under way, and is
    /// repeated.
    pub(crate) fn begin_saving(&mut self, domain: &DomainName) -> bool {
        let begin = |slot: &mut Slot| {
            let begins = matches!(slot.saving, Saving::Idle | Saving::Failing);
            slot.saving = if begins { Saving::Running } else { Saving::Outdated };
            begins
        };
        self.change(domain, begin).unwrap_or(false)
    }

    /// What is to be saved now.
    pub(crate) fn next_to_save(&mut self, domain: &DomainName, now: Now) -> Option<ToSave> {
        self.change(domain, |slot| {
            slot.saving = Saving::Running;
            let purged = std::mem::take(&mut slot.purged);
            ToSave { snapshot: slot.entry.snapshot(now), purged }
        })
    }

    /// It has been saved, or will never be. Whether there is more to save by now.
    pub(crate) fn saved(&mut self, domain: &DomainName) -> bool {
        let ended = |slot: &mut Slot| {
            let is_outdated = slot.saving == Saving::Outdated;
            if !is_outdated {
                slot.saving = Saving::Idle;
            }
            is_outdated
        };
        let is_outdated = self.change(domain, ended).unwrap_or(false);
        if !is_outdated {
            self.no_longer_unsaved(domain);
        }
        is_outdated
    }

    /// It could not be saved: answers go on from memory.
    pub(crate) fn not_saved(&mut self, domain: &DomainName, purged: bool) {
        self.change(domain, |slot| {
            slot.saving = Saving::Failing;
            slot.purged |= purged;
        });
        self.no_longer_unsaved(domain);
    }

    /// What could not be saved is saved again. Not if that has happened meanwhile, or the domain is
    /// forgotten.
    pub(crate) fn save_again(&mut self, domain: &DomainName) -> bool {
        let is_failing = |slot: &Slot| slot.saving == Saving::Failing;
        self.slot(domain).is_some_and(is_failing) && self.begin_saving(domain)
    }

    /// Those that were forgotten with failures since this was asked last, and when they failed.
    pub(crate) fn take_forgotten(&mut self) -> Vec<(DomainName, i64)> {
        std::mem::take(&mut self.forgotten)
    }

    /// What the next change of a domain will tell of.
    pub(crate) fn waiting(&mut self, domain: &DomainName) -> Arc<Notify> {
        Arc::clone(self.waiting.entry(domain.clone()).or_default())
    }

    /// The policy is on the disk, or cannot be put there: whoever waited for that goes on.
    pub(crate) fn no_longer_unsaved(&mut self, domain: &DomainName) {
        if let Some(slot) = self.slots.get_mut(domain) {
            slot.unsaved = false;
            self.tell(domain);
        }
    }

    #[cfg(test)]
    pub(crate) fn make_unsaved(&mut self, domain: &DomainName) {
        self.change(domain, |slot| slot.unsaved = true);
    }

    pub(crate) fn slot(&self, domain: &DomainName) -> Option<&Slot> {
        self.slots.get(domain).map(Box::as_ref)
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
        (self.with_policy, self.slots.len().saturating_sub(self.with_policy))
    }

    /// A new entry counts as one with a policy until it is settled.
    fn insert(&mut self, domain: &DomainName, entry: Entry) {
        let slot = Slot {
            entry,
            policy: Applies::Yes,
            quiet: None,
            saving: Saving::Idle,
            unsaved: false,
            purged: false,
            place: 0,
        };
        self.slots.insert(domain.clone(), Box::new(slot));
        self.with_policy = self.with_policy.saturating_add(1);
    }

    /// Changes a slot, and sees to it that it stands where it belongs.
    fn change<T>(&mut self, domain: &DomainName, change: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let slot = self.slots.get_mut(domain)?;
        let before = slot.rank();
        let changed = change(slot);
        if before != slot.rank() {
            let name = before.and_then(|rank| self.dispensable.remove(&rank));
            while let Some(rank) = slot.rank() {
                if let Vacant(place) = self.dispensable.entry(rank) {
                    place.insert(name.unwrap_or_else(|| domain.clone()));
                    break;
                }
                slot.place = slot.place.wrapping_add(1);
            }
        }
        Some(changed)
    }

    /// Forgets a domain without a policy if there are too many: the oldest about which there is nothing
    /// to remember; else that whose failures are over soonest.
    fn make_room(&mut self, limit: usize, now: Now) -> Result<(), Full> {
        if self.sizes().1 < limit.max(1) {
            return Ok(());
        }
        let first = |class: Class| {
            let least = (class, Duration::ZERO, 0);
            self.dispensable.range(least..).next().filter(|((of, ..), _)| *of == class)
        };
        let over = |class: Class| first(class).filter(|((_, until, _), _)| *until <= now.monotonic);
        let chosen = over(Class::BackedOff)
            .or_else(|| over(Class::Flying))
            .or_else(|| first(Class::Plain))
            .or_else(|| first(Class::BackedOff));
        let rank = chosen.map(|(rank, _)| *rank).ok_or(Full)?;
        if let Some(domain) = self.dispensable.remove(&rank)
            && let Some(mut slot) = self.slots.remove(&domain)
        {
            slot.changes();
            self.tell(&domain);
            if let Some(backoff) = slot.entry.backoff() {
                self.forgotten.push((domain, backoff.failed_at()));
            }
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
        let place = self.next_place;
        let Some((before, after, wake)) = self.change(domain, |slot| {
            let applies = match slot.entry.verdict(now) {
                Verdict::Apply(_) => Applies::Yes,
                Verdict::NoPolicy(_) | Verdict::Pending => Applies::No,
            };
            slot.unsaved &= applies == Applies::Yes;
            let before = std::mem::replace(&mut slot.policy, applies);
            if (before, applies) == (Applies::Yes, Applies::No) {
                slot.place = place;
            }
            (before, applies, slot.entry.wake_at())
        }) else {
            return;
        };
        self.next_wake = earlier(self.next_wake, wake);
        match (before, after) {
            (Applies::No, Applies::Yes) => self.with_policy = self.with_policy.saturating_add(1),
            (Applies::Yes, Applies::No) => {
                self.with_policy = self.with_policy.saturating_sub(1);
                self.next_place = place.wrapping_add(1);
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

    fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let is_news = matches!(event, Event::Fetched(_, Ok(_)));
        let is_question = matches!(event, Event::Asked);
        self.purged |= matches!(event, Event::Purge);
        self.changes();
        let before = is_news.then(|| policy_text(&self.entry, now)).flatten();
        let actions = self.entry.handle(event, now);
        if is_news {
            let after = policy_text(&self.entry, now);
            self.unsaved |= after.is_some() && after != before;
        }
        // What is being saved is not this: to wait for it would not be enough.
        if self.saving == Saving::Running && actions.contains(&Action::Save) {
            self.saving = Saving::Outdated;
        }
        // The next question changes nothing if this one has not.
        if is_question && actions.is_empty() {
            self.quiet = Some(Lasting::until(self.entry.quiet_until(now)));
        }
        actions
    }

    /// Where it stands among those that may be forgotten; `None` if it may not: while a policy applies,
    /// or the store does not say yet what is known of it.
    ///
    /// What could not be saved may be: a store that fails must not use up the room. Only what is to
    /// be forgotten there stays until it is.
    fn rank(&self) -> Option<Rank> {
        let is_kept = self.policy == Applies::Yes
            || matches!(self.saving, Saving::Running | Saving::Outdated)
            || (self.saving == Saving::Failing && self.purged);
        if is_kept {
            return None;
        }
        let (class, until) = if self.entry.under_way().is_some() {
            (Class::Flying, self.entry.wake_at().unwrap_or(Duration::MAX))
        } else if let Some(backoff) = self.entry.backoff() {
            (Class::BackedOff, backoff.until(backoff.id()))
        } else {
            (Class::Plain, Duration::ZERO)
        };
        Some((class, until, self.place))
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
