//! Who is logged in: in memory, by the hash of the id that the browser holds.
//!
//! An id is always made here, at a log-in: one that somebody brings along and that is not known
//! stays unknown, so nobody can be made to log in under an id that another has chosen.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use data_encoding::BASE64URL_NOPAD;

use super::{Hash, hash, random};

/// Sessions at a time; the one that was idle for longest makes room.
const MOST: usize = 64;

/// The sessions. Times are since any moment, the same one for all.
#[derive(Debug)]
pub(crate) struct Sessions {
    /// A session ends when nothing came in it for so long,
    idle: Duration,
    /// and at the latest after so long.
    life: Duration,
    held: Mutex<HashMap<Hash, Session>>,
}

#[derive(Clone, Copy, Debug)]
struct Session {
    begun: Duration,
    used: Duration,
}

impl Sessions {
    pub(crate) fn new(idle: Duration, life: Duration) -> Self {
        Self { idle, life, held: Mutex::default() }
    }

    /// A new session; its id is for the browser alone. `None` if the system gives no random octets.
    pub(crate) fn begin(&self, now: Duration) -> Option<String> {
        let id = BASE64URL_NOPAD.encode(&random::<32>()?);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, session| self.is_alive(*session, now));
        while held.len() >= MOST {
            let idlest = held.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            let Some(idlest) = idlest else { break };
            held.remove(&idlest);
        }
        held.insert(hash(id.as_bytes()), Session { begun: now, used: now });
        Some(id)
    }

    /// The hash of the session of this id, which goes on.
    pub(crate) fn find(&self, id: &str, now: Duration) -> Option<Hash> {
        let key = hash(id.as_bytes());
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let session = held.get_mut(&key)?;
        if !self.is_alive(*session, now) {
            held.remove(&key);
            return None;
        }
        session.used = now;
        Some(key)
    }

    /// Ends the session of this id, if there is one.
    pub(crate) fn end(&self, id: &str) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&hash(id.as_bytes()));
    }

    fn is_alive(&self, session: Session, now: Duration) -> bool {
        now.saturating_sub(session.used) < self.idle
            && now.saturating_sub(session.begun) < self.life
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
    fn memory_is_bounded_by_ending_the_idlest() {
        let sessions = sessions();
        let first = sessions.begin(at(0)).unwrap();
        let second = sessions.begin(at(1)).unwrap();
        for _ in 2..MOST {
            sessions.begin(at(2)).unwrap();
        }
        assert!(sessions.find(&first, at(3)).is_some());
        sessions.begin(at(4)).unwrap();
        assert_eq!(sessions.held.lock().unwrap().len(), MOST);
        assert!(sessions.find(&first, at(5)).is_some());
        assert_eq!(sessions.find(&second, at(5)), None);
    }
}
