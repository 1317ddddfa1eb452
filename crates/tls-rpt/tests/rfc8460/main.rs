//! What RFC 8460 asks for, by its sections.

mod section_3;
mod section_4_3;
