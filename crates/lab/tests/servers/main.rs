//! The lab as clients see it that share no code with it but the protocol crates.

mod attacks;
mod client;
mod dns;
mod hostile;
mod https;
mod life;
mod mail;
mod smtp;
