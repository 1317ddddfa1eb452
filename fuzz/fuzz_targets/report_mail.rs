//! Hands octets to `sealpost_fuzz::report_mail`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::report_mail(octets));
