//! Hands octets to `sealpost_fuzz::socketmap_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::socketmap_request(octets));
