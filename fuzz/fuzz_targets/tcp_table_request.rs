//! Hands octets to `sealpost_fuzz::tcp_table_request`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| sealpost_fuzz::tcp_table_request(octets));
