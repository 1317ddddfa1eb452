//! Hands octets to `sealpost_fuzz::bounced_mail`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::bounced_mail(octets));
