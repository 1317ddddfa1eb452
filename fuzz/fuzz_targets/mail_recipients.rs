//! Hands octets to `sealpost_fuzz::mail_recipients`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::mail_recipients(octets));
