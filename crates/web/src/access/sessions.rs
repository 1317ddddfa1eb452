//! Who is logged in: in memory, by the hash of the id that the browser holds.
//!
//! An id is always made here, at a log-in: one that somebody brings along and that is not known
//! stays unknown, so nobody can be made to log in under an id that another has chosen.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;

use super::{Hash, hash, random};

/// Sessions at a time; the one that was idle for longest makes room.
const MOST: usize = 64;

/// The sessions. Times are since any moment, the same one for all.
#[derive(Debug)]
pub(crate) struct Sessions {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// A session ends when nothing came in it for so long,
    idle: Duration,
    /// and at the latest after so long.
    life: Duration,
    sessions: HashMap<Hash, Session>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    begun: Duration,
    used: Duration,
}

impl Sessions {
    pub(crate) fn new(idle: Duration, life: Duration) -> Self {
        Self { held: Mutex::new(Held { idle, life, sessions: HashMap::new() }) }
    }

    /// Sessions end after these times from now on, also those that are there.
    pub(crate) fn last_for(&self, idle: Duration, life: Duration) {
        let mut held = self.held();
        (held.idle, held.life) = (idle, life);
    }

    /// A new session; its id is for the browser alone. `None` if the system gives no random octets.
    pub(crate) fn begin(&self, now: Duration) -> Option<String> {
        let id = BASE64URL_NOPAD.encode(&random::<32>()?);
        let mut held = self.held();
        let Held { idle, life, sessions } = &mut *held;
        sessions.retain(|_, session| session.is_alive(*idle, *life, now));
        while sessions.len() >= MOST {
            let idlest =
                sessions.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            let Some(idlest) = idlest else { break };
            sessions.remove(&idlest);
        }
        sessions.insert(hash(id.as_bytes()), Session { begun: now, used: now });
        Some(id)
    }

    /// The hash of the session of this id, which goes on.
    pub(crate) fn find(&self, id: &str, now: Duration) -> Option<Hash> {
        let key = hash(id.as_bytes());
        let mut held = self.held();
        let Held { idle, life, sessions } = &mut *held;
        let session = sessions.get_mut(&key)?;
        if !session.is_alive(*idle, *life, now) {
            sessions.remove(&key);
            return None;
        }
        session.used = now;
        Some(key)
    }

    /// Ends the session of this id, if there is one.
    pub(crate) fn end(&self, id: &str) {
        self.held().sessions.remove(&hash(id.as_bytes()));
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_alive(self, idle: Duration, life: Duration, now: Duration) -> bool {
        now.saturating_sub(self.used) < idle && now.saturating_sub(self.begun) < life
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: u64) -> Duration {
        Duration::from_secs(minutes * 60)
    }

    fn sessions() -> Sessions {
        Sessions::new(at(30), at(720))
    }

    #[test]
    fn a_session_ends_when_it_is_idle_and_at_the_latest_after_its_life() {
        let sessions = sessions();
        let id = sessions.begin(at(0)).unwrap();
        assert!(sessions.find(&id, at(29)).is_some());
        assert!(sessions.find(&id, at(58)).is_some(), "it was used meanwhile");
        assert!(sessions.find(&id, at(88)).is_none());
        assert!(sessions.find(&id, at(59)).is_none(), "and does not come back");
        let id = sessions.begin(at(0)).unwrap();
        let alive = (0..1_000).take_while(|&now| sessions.find(&id, at(now)).is_some()).count();
        assert_eq!(alive, 720);
    }

    #[test]
    fn only_ids_of_ours_are_known_and_each_once() {
        let sessions = sessions();
        let (one, other) = (sessions.begin(at(0)).unwrap(), sessions.begin(at(0)).unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 43, "256 bits");
        for foreign in ["", "chosen-by-somebody-else", &one[1..]] {
            assert_eq!(sessions.find(foreign, at(0)), None);
        }
        sessions.end(&one);
        assert_eq!(sessions.find(&one, at(0)), None);
        assert!(sessions.find(&other, at(0)).is_some());
        assert!(!format!("{sessions:?}").contains(&other), "what is kept is not what is brought");
    }

    #[test]
    fn other_times_hold_for_sessions_that_are_there() {
        let sessions = sessions();
        let id = sessions.begin(at(0)).unwrap();
        sessions.last_for(at(10), at(720));
        assert!(sessions.find(&id, at(9)).is_some());
        assert!(sessions.find(&id, at(20)).is_none(), "idle for 11 minutes");
        let id = sessions.begin(at(0)).unwrap();
        sessions.last_for(at(30), at(15));
        assert!(sessions.find(&id, at(20)).is_none(), "older than 15 minutes");
    }

    #[test]
    fn memory_is_bounded_by_ending_the_idlest() {
        let sessions = sessions();
        let first = sessions.begin(at(0)).unwrap();
        let second = sessions.begin(at(1)).unwrap();
        for _ in 2..MOST {
            sessions.begin(at(2)).unwrap();
        }
        assert!(sessions.find(&first, at(3)).is_some());
        sessions.begin(at(4)).unwrap();
        assert_eq!(sessions.held().sessions.len(), MOST);
        assert!(sessions.find(&first, at(5)).is_some());
        assert_eq!(sessions.find(&second, at(5)), None);
    }
}
