//! Hands octets to `sealpost_fuzz::mailbox_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::mailbox_file(octets));
