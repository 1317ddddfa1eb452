//! On which thread a look-up runs.

use sealpost_net::Network;
use tokio::runtime::Handle;

/// Mail servers are answered on a thread of their own, which nothing may hold up for long.
///
/// Where others say what is secure, a look-up is a datagram out and one in. It runs where it is asked
/// for: to hand it to another thread and its answer back takes longer than all the rest of it. Where we
/// validate ourselves, it computes signatures. It runs elsewhere.
#[derive(Clone, Debug)]
pub(crate) struct LookUpPlace {
    network: Network,
    elsewhere: Handle,
}

impl LookUpPlace {
    /// Call this in the runtime in which look-ups run that would hold others up.
    pub(crate) fn new(network: Network) -> Self {
        Self { network, elsewhere: Handle::current() }
    }

    /// The runtime for the next look-up.
    pub(crate) fn runtime(&self) -> Handle {
        let here = Handle::try_current().ok().filter(|_| !self.network.validates());
        here.unwrap_or_else(|| self.elsewhere.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use sealpost_net::{DnssecMode, Settings};
    use sealpost_runtime::Clock;
    use tokio::runtime::Builder;

    use super::*;

    #[test]
    fn only_look_ups_that_compute_go_elsewhere() {
        let elsewhere = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let here = Builder::new_current_thread().enable_all().build().unwrap();
        for (dnssec, is_here) in [(DnssecMode::Off, true), (DnssecMode::Validate, false)] {
            let resolvers = vec!["127.0.0.1:53".parse().unwrap()];
            let settings = Settings { resolvers, dnssec, ..Settings::default() };
            let network = Network::new(settings, Clock::system()).unwrap();
            let place = elsewhere.block_on(async { LookUpPlace::new(network) });
            let thread = async { place.runtime().spawn(async { thread::current().id() }).await };
            let thread = here.block_on(thread).unwrap();
            assert_eq!(thread == thread::current().id(), is_here, "{dnssec:?}");
        }
    }
}
