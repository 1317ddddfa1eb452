//! Zones of every kind, and what must come of each question about them.

use sealpost_e2e::{Domain, Signing, World, Zone};

/// The mail domains, most of them the apex of a zone of their own.
pub(crate) const DOMAINS: [&str; 23] = [
    "good.test",
    "nsec3.test",
    "below.nsec3.test",
    "opt-out.test",
    "unsigned.opt-out.test",
    "unsigned.test",
    "other-key.test",
    "expired.test",
    "tampered.test",
    "stripped.test",
    "alias.test",
    "alias.nsec3.test",
    "alias-to-unsigned.test",
    "alias-to-bogus.test",
    "alias-to-nothing.test",
    "alias.unsigned.test",
    "dname.test",
    "dname-to-unsigned.test",
    "dname-to-bogus.test",
    "a.wildcard.test",
    "a.wildcard.nsec3.test",
    "absent.test",
    "absent.opt-out.test",
];

pub(crate) fn world() -> World {
    // A server stands behind the names of those that have one; the others are DNS alone.
    let is_served = |name: &&str| {
        !["alias", "dname", "wildcard", "absent"].into_iter().any(|part| name.contains(part))
    };
    let served = DOMAINS.into_iter().filter(is_served);
    World::new(served.map(Domain::good).collect())
        .zone(Zone::new("test", Signing::Nsec).records(
            "
_mta-sts.alias             CNAME _mta-sts.good
_smtp._tls.alias           CNAME _smtp._tls.nsec3
alias                      MX 10 mx1.alias
mx1.alias                  CNAME mx1.good
_mta-sts.alias-to-unsigned CNAME _mta-sts.unsigned
_smtp._tls.alias-to-unsigned CNAME absent.unsigned
alias-to-unsigned          MX 10 mx1.alias-to-unsigned
mx1.alias-to-unsigned      CNAME mx1.unsigned
_mta-sts.alias-to-bogus    CNAME _mta-sts.other-key
_smtp._tls.alias-to-bogus  CNAME _smtp._tls.expired
alias-to-bogus             MX 10 mx1.good
_mta-sts.alias-to-nothing  CNAME absent.nsec3
_smtp._tls.alias-to-nothing CNAME mx1.good
alias-to-nothing           MX 0 .
dname                      DNAME good
dname                      MX 10 mx1.dname
dname-to-unsigned          DNAME unsigned
dname-to-bogus             DNAME other-key
*.wildcard                 TXT \"v=STSv1; id=1;\"
*.wildcard                 MX 10 mx1.good
",
        ))
        .zone(Zone::new("nsec3.test", Signing::Nsec3).records(
            "
_mta-sts.alias             CNAME _mta-sts.good.test.
_smtp._tls.alias           CNAME _smtp._tls.alias.test.
alias                      MX 10 mx1.good.test.
*.wildcard                 TXT \"v=STSv1; id=1;\"
*.wildcard                 MX 10 mx1
",
        ))
        .zone(Zone::new("opt-out.test", Signing::Nsec3OptOut))
        .zone(Zone::new("unsigned.opt-out.test", Signing::Unsigned))
        .zone(Zone::new("unsigned.test", Signing::Unsigned).records(
            "
_mta-sts.alias             CNAME _mta-sts.good.test.
_smtp._tls.alias           CNAME _smtp._tls.expired.test.
alias                      MX 10 mx1.good.test.
",
        ))
        .zone(Zone::new("other-key.test", Signing::OtherKey))
        .zone(Zone::new("expired.test", Signing::Expired))
        .zone(Zone::new("tampered.test", Signing::Tampered))
        .zone(Zone::new("stripped.test", Signing::Stripped))
}

/// A denial whose NSEC3 record has the opt-out flag. RFC 5155 §9.2 forbids the AD bit there, since
/// an unsigned delegation may have the name; `delv` only says that the signature is right.
pub(crate) const DELV_CALLS_SECURE: &str = "absent.opt-out.test";

/// What is below these names a DNAME record makes, and then our own validation leaves it at "nobody
/// knows". It must not be called secure if it isn't, nor bogus.
pub(crate) const BELOW_DNAME: [&str; 2] = [".dname.test", ".dname-to-unsigned.test"];

/// Questions, and what must come of each: what a validator says, and what there is.
pub(crate) const EXPECTED: &[(&str, &str, &str)] = &[
    // NSEC.
    ("_mta-sts.good.test", "TXT", "secure, found"),
    ("_smtp._tls.good.test", "TXT", "secure, found"),
    ("good.test", "MX", "secure, found"),
    ("mx1.good.test", "A", "secure, found"),
    ("mx1.good.test", "AAAA", "secure, found"),
    ("mta-sts.nsec3.test", "AAAA", "secure, no data"),
    ("_25._tcp.mx1.good.test", "TLSA", "secure, no name"),
    ("_mta-sts.absent.test", "TXT", "secure, no name"),
    ("absent.test", "MX", "secure, no name"),
    // NSEC3.
    ("_mta-sts.nsec3.test", "TXT", "secure, found"),
    ("nsec3.test", "MX", "secure, found"),
    ("mx1.nsec3.test", "AAAA", "secure, no data"),
    ("_25._tcp.mx1.nsec3.test", "TLSA", "secure, no name"),
    ("_mta-sts.below.nsec3.test", "TXT", "secure, found"),
    // NSEC3 with opt-out: what is absent may be a delegation that was left out (RFC 5155 §9.2).
    ("_mta-sts.opt-out.test", "TXT", "secure, found"),
    ("mx1.opt-out.test", "AAAA", "secure, no data"),
    ("absent.opt-out.test", "MX", "insecure, no name"),
    ("_mta-sts.unsigned.opt-out.test", "TXT", "insecure, found"),
    ("mx1.unsigned.opt-out.test", "AAAA", "insecure, no data"),
    // An unsigned delegation.
    ("_mta-sts.unsigned.test", "TXT", "insecure, found"),
    ("unsigned.test", "MX", "insecure, found"),
    ("mx1.unsigned.test", "AAAA", "insecure, no data"),
    // Bogus.
    ("_mta-sts.other-key.test", "TXT", "bogus"),
    ("other-key.test", "MX", "bogus"),
    ("_mta-sts.expired.test", "TXT", "bogus"),
    ("expired.test", "MX", "bogus"),
    ("mta-sts.expired.test", "AAAA", "bogus"),
    ("_mta-sts.tampered.test", "TXT", "bogus"),
    ("tampered.test", "MX", "bogus"),
    ("mta-sts.tampered.test", "A", "secure, found"),
    ("mta-sts.tampered.test", "AAAA", "secure, no data"),
    ("_mta-sts.stripped.test", "TXT", "bogus"),
    ("stripped.test", "MX", "bogus"),
    ("mta-sts.stripped.test", "AAAA", "bogus"),
    // CNAME: the weakest link counts.
    ("_mta-sts.alias.test", "TXT", "secure, found"),
    ("_smtp._tls.alias.test", "TXT", "secure, found"),
    ("mx1.alias.test", "AAAA", "secure, found"),
    ("_smtp._tls.alias.nsec3.test", "TXT", "secure, found"),
    ("_mta-sts.alias-to-unsigned.test", "TXT", "insecure, found"),
    ("_smtp._tls.alias-to-unsigned.test", "TXT", "insecure, no name"),
    ("mx1.alias-to-unsigned.test", "A", "insecure, found"),
    ("mx1.alias-to-unsigned.test", "AAAA", "insecure, no data"),
    ("_mta-sts.alias-to-bogus.test", "TXT", "bogus"),
    ("_smtp._tls.alias-to-bogus.test", "TXT", "bogus"),
    ("_mta-sts.alias-to-nothing.test", "TXT", "secure, no name"),
    ("_smtp._tls.alias-to-nothing.test", "TXT", "secure, no data"),
    ("_mta-sts.alias.unsigned.test", "TXT", "insecure, found"),
    ("_smtp._tls.alias.unsigned.test", "TXT", "bogus"),
    // DNAME, and the CNAME records that follow from it.
    ("_mta-sts.dname.test", "TXT", "secure, found"),
    ("dname.test", "MX", "secure, found"),
    ("mx1.dname.test", "AAAA", "secure, found"),
    ("_25._tcp.mx1.good.test", "TLSA", "secure, no name"),
    ("_mta-sts.dname-to-unsigned.test", "TXT", "insecure, found"),
    ("mta-sts.dname-to-unsigned.test", "AAAA", "insecure, no data"),
    ("_mta-sts.dname-to-bogus.test", "TXT", "bogus"),
    // A wildcard's records under a name that it was expanded to.
    ("_mta-sts.a.wildcard.test", "TXT", "secure, found"),
    ("_smtp._tls.a.wildcard.test", "TXT", "secure, found"),
    ("a.wildcard.test", "MX", "secure, found"),
    ("mta-sts.a.wildcard.test", "A", "secure, no data"),
    ("_mta-sts.a.wildcard.nsec3.test", "TXT", "secure, found"),
    ("a.wildcard.nsec3.test", "MX", "secure, found"),
    ("mta-sts.a.wildcard.nsec3.test", "A", "secure, no data"),
];
