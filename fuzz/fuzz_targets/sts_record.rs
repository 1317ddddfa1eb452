//! Hands octets to `sealpost_fuzz::sts_record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::sts_record(octets));
