//! The attacks, in rounds: in each, domains that have nothing to do with each other are attacked at
//! once, and mail is sent to them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::time::Duration;

use sealpost_e2e::{Memory, Message, Route, Server};
use sealpost_lab::Control;

use crate::attacks::{
    ATTACKED, Attacked, DANE, ON_THE_FETCH, ON_THE_POLICY, PARTIAL, RESTART_ATTACKS,
    SESSIONS_ATTACK, SLOW, before, restarted, sessions, table,
};
use crate::outcome::{Deliveries, Outcome};
use crate::{Run, is_ours, message, row_messages};

/// How long the DNS may be remembered, by its TTL.
const REMEMBERED: Duration = Duration::from_millis(3_200);
/// How long Exim avoids a host that has failed.
const GRUDGE: Duration = Duration::from_millis(1_200);
/// After this many minutes `sealpost enforce` fetches a policy again if there is a newer one.
const AWAY: u32 = 6;
/// How long it may take for that.
const LOOK: Duration = Duration::from_secs(3);

impl Run {
    /// Carries out every attack, after every policy is cached.
    pub(crate) fn attacks(&mut self) {
        self.send(&[&before()]);
        self.judge(&[&before()]);
        self.attack_sessions();

        let (late, early): (Vec<_>, Vec<_>) =
            (0..ATTACKED.len()).partition(|number| is_one_of(*number, &ON_THE_POLICY));
        for round in rounds(&early) {
            self.round(&round);
        }
        self.senders.be_away(AWAY).unwrap();
        for round in rounds(&late) {
            self.round(&round);
        }
        self.fetches_failed();
        let waiting = self.waiting();
        self.restart();
        self.delivered_in_the_end(&waiting);
        self.publish(&[&table(Memory::Cached), &table(Memory::Fresh), &sessions(), &restarted()]);
        self.nothing_was_stolen();
    }

    /// Attacks some domains at once.
    fn round(&mut self, numbers: &[usize]) {
        let attacked = numbers.iter().filter_map(|number| ATTACKED.get(*number));
        let pair = |attacked: &'static Attacked| {
            attacked.attacks.iter().map(|attack| (*attack, attacked.victim))
        };
        self.begin(&attacked.flat_map(pair).collect::<Vec<_>>());

        // What would be learnt under attack is learnt before it counts.
        let on_the_policy = numbers.iter().filter(|number| is_one_of(**number, &ON_THE_POLICY));
        let looks: Vec<_> = on_the_policy
            .flat_map(|number| {
                let victim = ATTACKED.get(*number).unwrap().victim;
                [Route::Postfix3_7, Route::Postfix3_10Dane, Route::Peer].map(|route| {
                    Message::new(route, Memory::Cached, &format!("look-{number}"), victim)
                })
            })
            .collect();
        if !looks.is_empty() {
            self.send_messages(&looks);
            std::thread::sleep(LOOK);
        }

        let mut messages = Vec::new();
        for table in [table(Memory::Cached), table(Memory::Fresh)] {
            for number in numbers {
                messages.extend(row_messages(&table, *number, table.rows.get(*number).unwrap()));
            }
        }
        self.send_messages(&messages);
        self.control().cease_all().unwrap();
    }

    /// Every attack on the fetch of a policy was felt by the daemon that had it cached.
    fn fetches_failed(&mut self) {
        let log = self.senders.environment().log(Server::Enforce).unwrap();
        for Attacked { attacks, victim, .. } in &*ATTACKED {
            let is_felt = |line: &str| line.contains("failed to fetch") && line.ends_with(victim);
            if attacks.iter().any(|attack| ON_THE_FETCH.contains(attack))
                && !log.lines().any(is_felt)
            {
                self.differ(&format!("{victim}: no fetch has failed under {attacks:?}"));
            }
        }
    }

    /// Two domains with one host.
    fn attack_sessions(&mut self) {
        self.begin(&[SESSIONS_ATTACK]);
        let sessions = sessions();
        let first = sessions.rows.first().unwrap().domain;
        for number in 0..3 {
            let much = |route: &Route| {
                Message::new(*route, Memory::Cached, &format!("much-{number}"), first)
            };
            self.send_messages(&sessions.routes.iter().map(much).collect::<Vec<_>>());
        }
        for (number, row) in sessions.rows.iter().enumerate() {
            self.send_messages(&row_messages(&sessions, number, row));
            std::thread::sleep(GRUDGE);
        }
        for route in [Route::Postfix3_10, Route::Postfix3_7] {
            let log = self.senders.log(route, Memory::Cached).unwrap();
            let is_reuse = |line: &str| line.contains(".much-") && line.contains(", conn_use=");
            assert!(log.lines().any(is_reuse), "{route:?} did not use a connection twice");
        }
        self.control().cease_all().unwrap();
    }

    /// The daemons start again under attack.
    fn restart(&mut self) {
        self.begin(&RESTART_ATTACKS);
        self.senders.restart(&[Server::Enforce, Server::DaneEnforce, Server::Peer]).unwrap();
        self.send(&[&restarted()]);
        self.control().cease_all().unwrap();
        std::thread::sleep(REMEMBERED);
    }

    /// Begins attacks; the daemons that shall know nothing begin anew, and the resolver too.
    fn begin(&mut self, attacks: &[(&str, &str)]) {
        let mut control = self.control();
        for (attack, victim) in attacks {
            control.attack(attack, victim).unwrap();
        }
        let fresh = [Server::FreshEnforce, Server::FreshDaneEnforce, Server::FreshPeer];
        self.senders.restart(&[&[Server::Unbound], &fresh[..]].concat()).unwrap();
        std::thread::sleep(REMEMBERED);
    }

    /// What was deferred under attack, with a policy of ours.
    fn waiting(&self) -> Vec<Message> {
        let mut waiting = Vec::new();
        for table in [table(Memory::Cached), sessions()] {
            for (number, row) in table.rows.iter().enumerate() {
                let ours = table.routes.iter().filter(|route| is_ours(**route));
                waiting.extend(ours.filter_map(|route| {
                    let mut message = message(&table, *route, number, row)?;
                    let last = message.recipients.pop()?;
                    let outcome = self.outcomes.get(&last)?;
                    message.recipients = vec![last];
                    matches!(outcome, Outcome::Deferred(_)).then_some(message)
                }));
            }
        }
        waiting
    }

    /// Whatever the tables say: with a cached policy that is enforced, nothing reaches the attacker,
    /// but where an authority has given him a certificate and no TLSA record says better. And where
    /// DANE holds, nothing does with no policy known either.
    fn nothing_was_stolen(&mut self) {
        let deliveries = Deliveries::read(&self.senders);
        let stolen: HashSet<_> = deliveries.to_the_attacker().into_iter().collect();
        let mut protected = HashSet::new();
        for table in [table(Memory::Cached), table(Memory::Fresh), sessions(), restarted()] {
            for (number, row) in table.rows.iter().enumerate() {
                let is_authentic = row.about.ends_with("certificate-mis-issued");
                let is_open = table.memory == Memory::Fresh || is_authentic;
                if row.about == "no policy" || is_open && ![DANE, PARTIAL].contains(&row.domain) {
                    continue;
                }
                for route in table.routes {
                    if is_ours(*route) {
                        let message = message(&table, *route, number, row).unwrap();
                        protected.extend(message.recipients.last().cloned());
                    }
                }
            }
        }
        assert!(protected.len() > 100, "only {} messages were protected", protected.len());
        for recipient in protected.iter().filter(|recipient| stolen.contains(recipient.as_str())) {
            self.differ(&format!("{recipient}: the attacker has it"));
        }
    }

    fn control(&self) -> Control {
        let lab = self.senders.environment().directory().join("lab");
        Control::connect(Some(&lab)).unwrap()
    }
}

fn is_one_of(number: usize, names: &[&str]) -> bool {
    ATTACKED
        .get(number)
        .is_some_and(|attacked| attacked.attacks.iter().any(|attack| names.contains(attack)))
}

/// As few rounds as there must be for each domain to be attacked in one way at a time, and those that
/// are slow alone.
fn rounds(numbers: &[usize]) -> Vec<Vec<usize>> {
    let victim = |number: &usize| ATTACKED.get(*number).map(|attacked| attacked.victim);
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for number in numbers {
        let is_alone = is_one_of(*number, &SLOW);
        let is_free = |round: &&mut Vec<usize>| {
            round.iter().all(|other| {
                !is_alone && !is_one_of(*other, &SLOW) && victim(other) != victim(number)
            })
        };
        match rounds.iter_mut().find(is_free) {
            Some(round) => round.push(*number),
            None => rounds.push(vec![*number]),
        }
    }
    rounds
}
