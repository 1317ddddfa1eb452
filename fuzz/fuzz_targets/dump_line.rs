//! Hands octets to `sealpost_fuzz::dump_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::dump_line(octets));
