//! Targets for what is taken over from others: whatever comes out is a policy that a sender can
//! use, with a life that nobody has prolonged.

use sealpost_enforce::import::{
    Found, Recipients, RowError, Seen, Source, What, read_dump_line,
    read_postfix_mta_sts_resolver_row, read_postfix_tlspol_cache, read_postfix_tlspol_line,
    read_unpacked_postfix_tlspol_cache, write_dump_line,
};
use sealpost_store::{PeerRow, Remembered};

use crate::names::assert_is_message;

/// The time at which everything is read.
const NOW: i64 = 1_795_600_000;

/// A line of our own dump.
pub fn dump_line(octets: &[u8]) {
    let read = read_dump_line(octets, NOW);
    assert_is_sound(&read);
    let Ok(Found { what: What::Policy(adoption), .. }) = read else { return };
    let remembered = Remembered {
        domain: adoption.domain.clone(),
        policy: Some(adoption.policy.clone()),
        backoff: None,
        last_used: adoption.last_used,
    };
    let again = read_dump_line(write_dump_line(&remembered).as_bytes(), NOW);
    assert_eq!(again.map(|found| found.what), Ok(What::Policy(adoption)));
}

/// A row of postfix-mta-sts-resolver: domain, time, id and body, each on a line.
pub fn resolver_row(octets: &[u8]) {
    let mut parts = octets.splitn(4, |octet| *octet == b'\n').map(<[u8]>::to_vec);
    let mut part = || parts.next().unwrap_or_default();
    let (domain, time, id, body) = (part(), part(), part(), part());
    let renewed_at = std::str::from_utf8(&time).ok().and_then(|text| text.parse().ok());
    let row = PeerRow { number: 1, domain, renewed_at, id, body };
    assert_is_sound(&read_postfix_mta_sts_resolver_row(&row, NOW));
}

/// The cache file of postfix-tlspol, packed and unpacked.
pub fn postfix_tlspol_cache(octets: &[u8]) {
    for read in [
        read_postfix_tlspol_cache(octets, NOW, |_, row| assert_is_sound(&row)),
        read_unpacked_postfix_tlspol_cache(octets, NOW, |_, row| assert_is_sound(&row)),
    ] {
        if let Err(error) = read {
            assert_is_message(&error.to_string());
        }
    }
}

/// What postfix-tlspol prints.
pub fn postfix_tlspol_line(octets: &[u8]) {
    let _ = Source::detect(octets);
    match read_postfix_tlspol_line(octets) {
        Ok(found) => assert!(found.is_none_or(|found| found.what == What::Name)),
        Err(error) => assert_is_message(&error.to_string()),
    }
}

/// Lists of domains and mail logs.
pub fn mail_recipients(octets: &[u8]) {
    const LIMIT: usize = 3;

    let mut recipients = Recipients::new(LIMIT);
    let mut new = 0_usize;
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        match recipients.read_line(line) {
            Ok(Seen::New(domain)) => {
                new += 1;
                assert_eq!(recipients.read_line(domain.as_str().as_bytes()), Ok(Seen::Known));
            }
            Ok(Seen::TooMany) => assert_eq!(recipients.count(), LIMIT),
            Ok(Seen::Known | Seen::Nothing) => {}
            Err(error) => assert_is_message(&error.to_string()),
        }
    }
    assert_eq!(recipients.count(), new);
    assert!(new <= LIMIT);
}

fn assert_is_sound(read: &Result<Found, RowError>) {
    match read {
        Ok(Found { domain, what: What::Policy(adoption) }) => {
            assert_eq!(&adoption.domain, domain);
            let policy = mta_sts::Policy::parse(&adoption.policy.text);
            let life = policy.map(|policy| i64::from(policy.max_age().as_secs()));
            let fetched = adoption.policy.fetched_at;
            assert!(fetched <= NOW && adoption.last_used <= NOW);
            assert!(life.is_ok_and(|life| fetched.saturating_add(life) >= NOW));
        }
        Ok(_) => {}
        Err(error) => {
            assert_is_message(&error.to_string());
            assert!(!error.hint().is_empty());
        }
    }
}
