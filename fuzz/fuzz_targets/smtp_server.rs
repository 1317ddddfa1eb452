//! Hands octets to `sealpost_fuzz::smtp_server`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::smtp_server(octets));
