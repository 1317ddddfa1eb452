//! Settings of the network, from a file and from flags.

use std::time::Duration;

use sealpost_net::{Network, Settings, TrustRoots};
use sealpost_runtime::Clock;

use crate::arguments::NetworkArguments;
use crate::outcome::Failure;

impl NetworkArguments {
    /// The network as the flags and the settings file want it.
    pub(crate) fn open(&self) -> Result<Network, Failure> {
        self.open_over(Settings::default())
    }

    /// The same over the settings of a configuration, which a settings file replaces.
    pub(crate) fn open_over(&self, configured: Settings) -> Result<Network, Failure> {
        Network::new(self.settings_over(configured)?, self.clock()).map_err(Failure::new)
    }

    /// The settings as the flags and the settings file want them.
    pub(crate) fn settings(&self) -> Result<Settings, Failure> {
        self.settings_over(Settings::default())
    }

    /// The same over the settings of a configuration.
    pub(crate) fn settings_over(&self, configured: Settings) -> Result<Settings, Failure> {
        // An empty variable of the environment is one that is not set.
        let file = self.network.as_ref().filter(|file| !file.as_os_str().is_empty());
        let mut settings = match file {
            Some(file) => Settings::from_toml(file).map_err(Failure::new)?,
            None => configured,
        };
        if !self.resolvers.is_empty() {
            settings.resolvers.clone_from(&self.resolvers);
        }
        if let Some(port) = self.https_port {
            settings.https_port = port;
        }
        if let Some(port) = self.smtp_port {
            settings.smtp_port = port;
        }
        if let Some(file) = &self.trust_roots {
            settings.trust_roots = TrustRoots::File(file.clone());
        }
        settings.allowed_networks.extend(&self.allowed_networks);
        if let Some(name) = &self.ehlo_name {
            settings.ehlo_name.clone_from(name);
        }
        if let Some(seconds) = self.timeout {
            let reply = Duration::from_secs(seconds.into());
            let deadlines = &mut settings.deadlines;
            deadlines.dns = reply;
            deadlines.connect = reply;
            deadlines.tls = reply;
            deadlines.https = reply;
            deadlines.smtp_reply = reply;
            deadlines.smtp = reply * 3;
            deadlines.domain = reply * 6;
        }
        Ok(settings)
    }

    /// The clock that the flags want.
    pub(crate) fn clock(&self) -> Clock {
        match self.at {
            Some(time) => Clock::simulated(time),
            None => Clock::system(),
        }
    }
}
