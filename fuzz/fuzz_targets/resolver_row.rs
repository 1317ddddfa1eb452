//! Hands octets to `sealpost_fuzz::resolver_row`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::resolver_row(octets));
