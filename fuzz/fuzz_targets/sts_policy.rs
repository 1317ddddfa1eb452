//! Hands octets to `sealpost_fuzz::sts_policy`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::sts_policy(octets));
