//! Hands octets to `sealpost_fuzz::imap_response`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::imap_response(octets));
