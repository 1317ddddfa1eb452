//! `DNS1xx`: DNSSEC; `CAA1xx`: who may issue certificates.

use crate::Rule;

rules! { DNS:
DNS101 Error "dns-bogus"
    "an answer of the DNS fails DNSSEC validation"
    why "Senders that validate get no answer at all: they find no policy, or can't deliver."
    source "RFC 4035 §4.3, §5.5"
    fix "Sign the zone anew, and compare its keys with the DS record at the parent."
}

rules! { CAA:
CAA101 Warning "caa-forbids-issuer"
    "the CAA records do not allow the authority in use"
    why "The present certificate holds until its end, and can't be renewed."
    source "RFC 8659 §4.2"
    fix "Add an issue record for the authority, or change the authority."
CAA102 Warning "caa-unknown-critical"
    "a critical CAA property is unknown"
    why "No authority may issue a certificate while such a record stands."
    source "RFC 8659 §4.1, §4.5"
    fix "Remove the record, or clear its critical flag."
CAA103 Unknown "caa-unknown"
    "the CAA records could not be looked up"
    why "Authorities that see the same do not issue a certificate."
    source "RFC 8659 §6.2"
    fix "Look at the name servers of the zone: they must answer for CAA too, even if there is none."
}
