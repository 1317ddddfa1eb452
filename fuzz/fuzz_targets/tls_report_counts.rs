//! Hands octets to `sealpost_fuzz::tls_report_counts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::tls_report_counts(octets));
