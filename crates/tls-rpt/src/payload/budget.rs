//! How many octets may still come out.

use std::io::{self, Read};

use super::{PayloadErrorKind, PayloadLimits};

/// What is left of the limits on octets that come out, over all layers.
#[derive(Clone)]
pub(super) struct Budget {
    packed: usize,
    /// What came out before.
    before: usize,
    /// What came out since.
    unpacked: usize,
    limits: PayloadLimits,
}

/// Why reading ended early.
pub(super) enum Halt {
    /// A limit.
    Limit(PayloadErrorKind),
    /// The data.
    Data(io::Error),
}

impl Budget {
    /// Octets that are unpacked at a time: so much may pass a limit before it is noticed.
    const STEP: usize = 16 << 10;

    pub(super) fn new(packed: usize, before: usize, limits: &PayloadLimits) -> Self {
        Self { packed, before, unpacked: 0, limits: *limits }
    }

    /// All that came out, before and since.
    pub(super) fn unpacked(&self) -> usize {
        self.before.saturating_add(self.unpacked)
    }

    /// Reads all, unless a limit comes first.
    pub(super) fn read_all(&mut self, mut unpacker: impl Read) -> Result<Vec<u8>, Halt> {
        let mut octets = Vec::new();
        let mut step = [0; Self::STEP];
        loop {
            match unpacker.read(&mut step) {
                Ok(0) => return Ok(octets),
                Ok(length) => {
                    self.charge(length).map_err(Halt::Limit)?;
                    octets.extend_from_slice(step.get(..length).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Halt::Data(error)),
            }
        }
    }

    pub(super) fn charge(&mut self, octets: usize) -> Result<(), PayloadErrorKind> {
        self.unpacked = self.unpacked.saturating_add(octets);
        if self.unpacked() > self.limits.unpacked {
            return Err(PayloadErrorKind::TooLargeUnpacked { limit: self.limits.unpacked });
        }
        let most = self.packed.saturating_mul(self.limits.ratio);
        if self.unpacked > PayloadLimits::RATIO_FREE && self.unpacked > most {
            return Err(PayloadErrorKind::RatioTooHigh { limit: self.limits.ratio });
        }
        Ok(())
    }
}
