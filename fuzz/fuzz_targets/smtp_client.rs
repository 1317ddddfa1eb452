//! Hands octets to `sealpost_fuzz::smtp_client`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::smtp_client(octets));
