//! RFC 7672: SMTP security through opportunistic DANE TLS.

mod section_2_2;
mod section_3_1;
mod section_3_2;
