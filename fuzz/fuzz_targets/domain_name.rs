//! Hands octets to `sealpost_fuzz::domain_name`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::domain_name(octets));
