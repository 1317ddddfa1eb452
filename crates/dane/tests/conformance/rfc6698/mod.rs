//! RFC 6698: the record.

mod section_2_1;
mod section_2_2;
