//! Hands octets to `sealpost_fuzz::authentication_results`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::authentication_results(octets));
