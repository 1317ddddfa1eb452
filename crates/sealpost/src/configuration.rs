//! `sealpost.toml`.

use std::io::Read as _;
use std::path::Path;

use sealpost_enforce::Section;
use sealpost_net::Settings;
use serde::Deserialize;

use crate::outcome::Failure;

/// The largest file that is read, in octets.
const LARGEST_FILE: u64 = 256 * 1024;

/// The configuration of everything that runs for long: a section for each role, and one for the
/// network that they share.
///
/// Unknown keys are refused. Relative paths start from the file's folder.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Configuration {
    pub(crate) network: Settings,
    pub(crate) enforce: Section,
    pub(crate) receive: sealpost_receive::Section,
    pub(crate) report: sealpost_report::Section,
    pub(crate) publish: sealpost_publish::Section,
}

impl Configuration {
    /// Reads a file; without one, everything is as by default.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Failure> {
        Ok(Self::load_with_text(path)?.0)
    }

    /// The same, with the text of the file, for messages that name a line of it.
    pub(crate) fn load_with_text(path: Option<&Path>) -> Result<(Self, String), Failure> {
        let Some(path) = path else { return Ok((Self::default(), String::new())) };
        let mut octets = Vec::new();
        fs_err::File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut octets)?;
        let text = String::from_utf8(octets)
            .ok()
            .filter(|text| text.len() as u64 <= LARGEST_FILE)
            .ok_or_else(|| {
                let path = path.display();
                Failure::new(format!("read {path}: it is not a text of at most 256 KiB"))
            })?;
        let mut configuration: Self = toml::from_str(&text).map_err(|error| {
            Failure::new(format!("read the configuration in {}: {error}", path.display()))
        })?;
        if let Some(folder) = path.parent() {
            configuration.network.relative_to(folder);
            configuration.enforce.relative_to(folder);
            configuration.receive.relative_to(folder);
            configuration.report.relative_to(folder);
            configuration.publish.relative_to(folder);
        }
        Ok((configuration, text))
    }
}
