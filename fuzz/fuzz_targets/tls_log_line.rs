//! Hands octets to `sealpost_fuzz::tls_log_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::tls_log_line(octets));
