//! Hands octets to `sealpost_fuzz::tls_rpt_record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::tls_rpt_record(octets));
