//! DNS: three-valued answers from a few upstream resolvers.
//!
//! Messages are hickory's; the exchange is our own. The resolver and the pool of hickory drop what
//! an auditor needs: the AD bit and the CNAME chain of an answer that says "there is none", and a
//! second opinion after SERVFAIL.
//!
//! There is no cache, no hosts file and no search list: an auditor asks what it means, and asks
//! now.

// From answers to look-ups.
mod lookup;
pub(crate) use lookup::Dns;

// From questions to answers.
mod exchange;
mod message;

// Whom to ask.
mod system;
pub(crate) use system::system_resolvers;

#[cfg(test)]
mod tests;
