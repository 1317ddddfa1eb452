//! The keys under which sessions were posted, until they are written.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sealpost_store::{Digest, sessions::SessionPost};

/// Keys that may wait to be written. There are so many only if the store fails for long.
const MOST: usize = 10_000;

/// Posts that came with a key and of which the store does not know everything yet.
#[derive(Debug, Default)]
pub(crate) struct Posted(Mutex<HashMap<Digest, (SessionPost, State)>>);

/// How far it is with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is looked up whether it came before.
    Asked,
    /// Its sessions are being counted. The key is written with the counters from now on, whichever
    /// of them are written first: all of it may be lost in a crash, and nothing is there twice.
    Counting,
    /// They are.
    Counted,
}

/// What a post finds.
#[derive(Debug)]
pub(crate) enum Begun {
    /// It is the first one that this process knows of.
    New(Turn),
    /// This was counted under its key.
    Counted(SessionPost),
    /// This is being counted under its key.
    UnderWay(SessionPost),
    /// Too many keys wait to be written.
    Full,
}

/// The one that counts under a key. If it is dropped before it does, the key is free again.
#[derive(Debug)]
pub(crate) struct Turn {
    posted: Arc<Posted>,
    key: Digest,
}

impl Posted {
    /// Takes the key of this post, if it is free.
    pub(crate) fn begin(self: &Arc<Self>, post: SessionPost) -> Begun {
        let mut posts = self.lock();
        let is_full = posts.len() >= MOST;
        match posts.entry(post.key) {
            Entry::Occupied(entry) => match *entry.get() {
                (post, State::Counted) => Begun::Counted(post),
                (post, State::Asked | State::Counting) => Begun::UnderWay(post),
            },
            Entry::Vacant(_) if is_full => Begun::Full,
            Entry::Vacant(entry) => {
                entry.insert((post, State::Asked));
                Begun::New(Turn { posted: Arc::clone(self), key: post.key })
            }
        }
    }

    /// What is to be written.
    pub(crate) fn unsaved(&self) -> Vec<SessionPost> {
        let posts = self.lock();
        posts.values().filter(|it| it.1 != State::Asked).map(|it| it.0).collect()
    }

    /// These are written. One that has changed meanwhile is written again.
    pub(crate) fn saved(&self, saved: &[SessionPost]) {
        let mut posts = self.lock();
        for post in saved {
            if posts.get(&post.key) == Some(&(*post, State::Counted)) {
                posts.remove(&post.key);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, (SessionPost, State)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// It is counted now. Gives its key.
    pub(crate) fn count(&self) -> Digest {
        if let Some((_, state)) = self.posted.lock().get_mut(&self.key) {
            *state = State::Counting;
        }
        self.key
    }

    /// So many were counted, and so many were not.
    pub(crate) fn counted(self, counted: u64, uncounted: u64) {
        if let Some((post, state)) = self.posted.lock().get_mut(&self.key) {
            (post.counted, post.uncounted, *state) = (counted, uncounted, State::Counted);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut posts = self.posted.lock();
        if posts.get(&self.key).is_some_and(|(_, state)| *state != State::Counted) {
            posts.remove(&self.key);
        }
    }
}
