//! Hands octets to `sealpost_fuzz::tlsa_text`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::tlsa_text(octets));
