//! Hands octets to `sealpost_fuzz::mx_pattern`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::mx_pattern(octets));
