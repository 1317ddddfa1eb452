//! What reports are packed in: plain JSON, gzip or zip, told apart by what the octets are and never
//! by what somebody says they are (RFC 8460 section 5.2).
//!
//! # Limitations
//! - Of zip, the methods *stored* and *deflated* are read; encryption, split archives and stored
//!   entries of undeclared length are refused. The central directory is not read: the entries say
//!   where they end.
//! - Whether JSON is valid, and a report, is not asked here.

mod budget;
mod error;
mod gzip;
mod note;
mod text;
mod zip;

use std::borrow::Cow;

use budget::Budget;

pub use error::{PayloadError, PayloadErrorKind, Resemblance};
pub use note::PayloadNote;

/// How much is unpacked. Every bound is looked at before or while octets are unpacked; no length
/// that the data itself declares is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct PayloadLimits {
    /// The most octets to be handed over, packed or not.
    pub packed: usize,
    /// The most octets that come out, those of all layers and of all reports together.
    pub unpacked: usize,
    /// How many octets may come out for each that went in. Looked at from
    /// [`PayloadLimits::RATIO_FREE`] octets on: small reports of many like failures pack very well.
    pub ratio: usize,
    /// The most members of gzip data, entries of a zip archive, and reports in all.
    pub entries: usize,
    /// The most layers, such as two for gzip in a zip archive.
    pub layers: usize,
}

impl PayloadLimits {
    /// Below this many octets of output the ratio does not matter.
    pub const RATIO_FREE: usize = 1 << 20;
}

impl Default for PayloadLimits {
    /// 10 MiB in, the limit that RFC 8460 section 5.2 calls common; 20 MiB out; 200 to 1; 64
    /// entries; 3 layers. Reports seen in the field have 1 to 60 kB and pack 2 to 15 to 1.
    fn default() -> Self {
        Self { packed: 10 << 20, unpacked: 20 << 20, ratio: 200, entries: 64, layers: 3 }
    }
}

/// Reports taken out of octets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payloads {
    /// The JSON of each report, in the order found; never empty.
    pub reports: Vec<Payload>,
    /// What was unusual, in the order found.
    pub notes: Vec<PayloadNote>,
}

/// The JSON of one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// What begins like a JSON object or array; UTF-8 if the sender wrote UTF-8 or UTF-16.
    pub json: Vec<u8>,
    /// What it was packed in, the outermost first; empty if it was plain.
    pub layers: Vec<Layer>,
    /// The file name in the innermost layer that gave one. Text from outside.
    pub name: Option<String>,
}

/// One layer of packing, and which part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Gzip data, and the number of the member, from 1.
    Gzip(usize),
    /// A zip archive, and the number of the entry, from 1.
    Zip(usize),
}

/// What octets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Medium {
    /// They begin like a JSON object or array, in UTF-8 or UTF-16.
    Json,
    /// Gzip data (RFC 1952).
    Gzip,
    /// A zip archive, perhaps with something before it.
    Zip,
}

impl Medium {
    /// What the octets begin like; `None` if no report can be in them.
    pub fn of(octets: &[u8]) -> Option<Self> {
        if octets.starts_with(&gzip::MAGIC) {
            Some(Self::Gzip)
        } else if text::is_json(octets) {
            Some(Self::Json)
        } else if zip::is_zip(octets) {
            Some(Self::Zip)
        } else {
            None
        }
    }
}

impl Payloads {
    /// Takes all reports out of the octets.
    ///
    /// A zip entry that cannot be read is passed over with a note as long as another one can.
    ///
    /// # Errors
    /// When a limit is passed, and when there is no report.
    pub fn read(octets: &[u8], limits: &PayloadLimits) -> Result<Self, PayloadError> {
        Self::read_on(octets, limits, &mut 0)
    }

    /// As [`Payloads::read`], with the octets that have come out of others before: those of this one
    /// are added, whether or not it is a report.
    pub(crate) fn read_on(
        octets: &[u8],
        limits: &PayloadLimits,
        unpacked: &mut usize,
    ) -> Result<Self, PayloadError> {
        if octets.is_empty() {
            return Err(PayloadErrorKind::Empty.at(0));
        }
        if octets.len() > limits.packed {
            let (size, limit) = (octets.len(), limits.packed);
            return Err(PayloadErrorKind::TooLarge { size, limit }.at(0));
        }
        let mut unpacking = Unpacking {
            limits,
            budget: Budget::new(octets.len(), *unpacked, limits),
            layers: Vec::new(),
            name: None,
            found: Self { reports: Vec::new(), notes: Vec::new() },
        };
        let result = unpacking.unpack(Cow::Borrowed(octets));
        let Unpacking { found, budget, .. } = unpacking;
        *unpacked = budget.unpacked();
        result?;
        // Each layer with nothing in it has been refused by its reader; this is for all of them.
        if found.reports.is_empty() {
            return Err(PayloadErrorKind::Empty.at(0));
        }
        Ok(found)
    }
}

/// The state while layers are taken off.
struct Unpacking<'a> {
    limits: &'a PayloadLimits,
    budget: Budget,
    layers: Vec<Layer>,
    name: Option<String>,
    found: Payloads,
}

impl Unpacking<'_> {
    /// Goes as deep as there are layers, which a limit bounds.
    fn unpack(&mut self, octets: Cow<'_, [u8]>) -> Result<(), PayloadError> {
        match Medium::of(&octets) {
            Some(Medium::Json) => self.keep(octets),
            Some(Medium::Gzip) => self.unpack_gzip(&octets),
            Some(Medium::Zip) => self.unpack_zip(&octets),
            None => {
                let resemblance = Resemblance::of(&octets);
                Err(self.error(PayloadErrorKind::NoReport { resemblance }, 0))
            }
        }
    }

    /// What was unpacked is kept as it is, without a copy: it may be large.
    fn keep(&mut self, octets: Cow<'_, [u8]>) -> Result<(), PayloadError> {
        if self.found.reports.len() >= self.limits.entries {
            return Err(self.error(PayloadErrorKind::TooMany { limit: self.limits.entries }, 0));
        }
        let (json, note) = text::to_utf8(octets);
        self.found.notes.extend(note);
        let (layers, name) = (self.layers.clone(), self.name.clone());
        self.found.reports.push(Payload { json, layers, name });
        Ok(())
    }

    fn unpack_gzip(&mut self, octets: &[u8]) -> Result<(), PayloadError> {
        if matches!(self.layers.last(), Some(Layer::Gzip(_))) {
            self.found.notes.push(PayloadNote::DoubleGzip);
        }
        self.enter(Layer::Gzip(1))?;
        let data = gzip::read(octets, self.limits.entries, &mut self.budget)
            .map_err(|(kind, offset)| self.error(kind, offset))?;
        if data.members > 1 {
            self.found.notes.push(PayloadNote::GzipMembers { members: data.members });
        }
        let trailers = data.bad_trailers.iter();
        self.found.notes.extend(trailers.map(|&member| PayloadNote::GzipTrailer { member }));
        match data.refused {
            Some(kind) => {
                let (member, code) = (data.members + 1, kind.code());
                self.found.notes.push(PayloadNote::GzipRefused { member, code });
            }
            None if data.trailing > 0 => {
                self.found.notes.push(PayloadNote::GzipTrailing { octets: data.trailing });
            }
            None => {}
        }
        let outer = self.name.clone();
        for (member, document) in data.documents {
            self.name = document.name.or_else(|| outer.clone());
            self.renumber(Layer::Gzip(member));
            self.unpack(Cow::Owned(document.octets))?;
        }
        self.name = outer;
        self.layers.pop();
        Ok(())
    }

    fn unpack_zip(&mut self, octets: &[u8]) -> Result<(), PayloadError> {
        self.found.notes.push(PayloadNote::Zip);
        self.enter(Layer::Zip(1))?;
        let depth = self.layers.len();
        let outer = self.name.clone();
        let before = self.found.reports.len();
        let mut first_error = None;
        let mut entries = zip::Entries::new(octets);
        if entries.offset() > 0 {
            self.found.notes.push(PayloadNote::ZipJunk { octets: entries.offset() });
        }
        let mut number = 0_usize;
        while let Some(entry) = entries.next() {
            number += 1;
            self.renumber(Layer::Zip(number));
            if number > self.limits.entries {
                return Err(self.error(
                    PayloadErrorKind::TooMany { limit: self.limits.entries },
                    entry.offset,
                ));
            }
            self.name = entry.name.clone().or_else(|| outer.clone());
            let mut result = Ok(());
            if entry.is_beside() {
                entries.skip(&entry);
                self.found.notes.push(PayloadNote::ZipPassedOver { entry: number });
            } else {
                let octets = entries.unpack(&entry, &mut self.budget);
                result = octets
                    .map_err(|kind| self.error(kind, entry.offset))
                    .and_then(|octets| self.unpack(Cow::Owned(octets)));
            }
            self.layers.truncate(depth);
            match result {
                Ok(()) => {}
                Err(error) if error.kind.is_limit() => return Err(error),
                Err(error) => {
                    let code = error.kind.code();
                    self.found.notes.push(PayloadNote::ZipRefused { entry: number, code });
                    first_error.get_or_insert(error);
                }
            }
        }
        self.name = outer;
        if self.found.reports.len() == before {
            let empty = self.error(PayloadErrorKind::ZipEmpty { entries: number }, 0);
            return Err(first_error.unwrap_or(empty));
        }
        self.layers.pop();
        Ok(())
    }

    fn enter(&mut self, layer: Layer) -> Result<(), PayloadError> {
        if self.layers.len() >= self.limits.layers {
            return Err(self.error(PayloadErrorKind::TooDeep { limit: self.limits.layers }, 0));
        }
        self.layers.push(layer);
        Ok(())
    }

    fn renumber(&mut self, layer: Layer) {
        if let Some(last) = self.layers.last_mut() {
            *last = layer;
        }
    }

    fn error(&self, kind: PayloadErrorKind, offset: usize) -> PayloadError {
        PayloadError { kind, layers: self.layers.clone(), offset }
    }
}
