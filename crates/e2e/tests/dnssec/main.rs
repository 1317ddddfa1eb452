//! What is secure, as Unbound, BIND's `delv` and `sealpost` see it.

mod oracle;
mod sealpost;
mod world;

use sealpost_e2e::{Dnssec, Environment, Question};

/// What each says differently from what it ought to.
fn none(differences: &[String], what: &str) {
    assert!(differences.is_empty(), "{what}:\n{}", differences.join("\n"));
}

#[test]
fn unbound_and_delv_see_the_zones_as_they_are_meant() {
    let environment = Environment::start(&world::world()).unwrap();
    let questions: Vec<_> =
        world::EXPECTED.iter().map(|(name, kind, _)| Question::new(name, kind)).collect();
    let unbound = oracle::unbound(&environment, &questions);
    let mut differences = Vec::new();
    for ((name, kind, expected), question) in world::EXPECTED.iter().zip(&questions) {
        let delv = oracle::delv(&environment, question);
        let unbound = unbound.get(question).map_or("nothing", String::as_str);
        let delv_expected = if *name == world::DELV_CALLS_SECURE {
            expected.replace("insecure", "secure")
        } else {
            (*expected).to_owned()
        };
        if unbound != *expected || delv != delv_expected {
            differences.push(format!(
                "{name} {kind}: expected {expected}, Unbound says {unbound}, delv says {delv}"
            ));
        }
    }
    none(&differences, "the zones are not what they are meant to be");
}

#[test]
fn sealpost_agrees_with_unbound_on_what_is_secure() {
    let environment = Environment::start(&world::world()).unwrap();
    let mut differences = Vec::new();
    for dnssec in Dnssec::ALL {
        let setting = dnssec.as_str();
        let sealpost = sealpost::lookups(&environment, dnssec, &world::DOMAINS);
        assert!(sealpost.len() >= 150, "only {} questions", sealpost.len());
        let questions: Vec<_> = sealpost.keys().cloned().collect();
        let unbound = oracle::unbound(&environment, &questions);
        for (Question { name, record_type }, answer) in &sealpost {
            let unbound = unbound.get(&Question::new(name, record_type));
            let unbound = unbound.map_or("nothing", String::as_str);
            if !agrees(dnssec, name, answer, unbound) {
                differences.push(format!(
                    "{setting}: {name} {record_type}: {answer}, but Unbound says {unbound}"
                ));
            }
        }
        for (name, record_type, expected) in world::EXPECTED {
            let answer = sealpost.get(&Question::new(name, record_type));
            let answer = answer.map_or("nothing", String::as_str);
            if !agrees(dnssec, name, answer, expected) {
                differences.push(format!(
                    "{setting}: {name} {record_type}: {answer}, but expected {expected}"
                ));
            }
        }
    }
    none(&differences, "sealpost and Unbound differ");
}

/// Is that the answer that is due, or less for a reason that is known?
fn agrees(dnssec: Dnssec, name: &str, answer: &str, due: &str) -> bool {
    let is_below_dname = world::BELOW_DNAME.iter().any(|end| name.ends_with(end));
    let is_left_open = dnssec == Dnssec::Validate
        && is_below_dname
        && due.split_once(", ").is_some_and(|(_, content)| {
            answer.strip_prefix("indeterminate, ").is_some_and(|rest| rest == content)
        });
    answer == due || is_left_open
}
