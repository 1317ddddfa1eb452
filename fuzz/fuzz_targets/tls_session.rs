//! Hands octets to `sealpost_fuzz::tls_session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::tls_session(octets));
