//! Hands octets to `sealpost_fuzz::postfix_tlspol_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::postfix_tlspol_line(octets));
