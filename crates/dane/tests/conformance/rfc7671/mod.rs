//! RFC 7671: updates and operational guidance.

mod section_5_1;
mod section_5_2;
mod section_8;
mod section_9;
