//! Hands octets to `sealpost_fuzz::dkim_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::dkim_message(octets));
