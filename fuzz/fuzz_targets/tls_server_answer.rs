//! Hands octets to `sealpost_fuzz::tls_server_answer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::tls_server_answer(octets));
