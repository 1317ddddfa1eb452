//! Whose memory a file is.

/// In which form a memory comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// What `sealpost enforce dump` prints.
    Dump,
    /// The SQLite file of postfix-mta-sts-resolver.
    PostfixMtaStsResolver,
    /// The cache file of postfix-tlspol.
    PostfixTlspolCache,
    /// What postfix-tlspol prints with `-dump` or `-export`.
    PostfixTlspolDump,
}

impl Source {
    /// How many octets of a file tell what it is.
    pub const ENOUGH: usize = 4_096;

    /// What a file is that begins so; `None` if it is none of these.
    pub fn detect(beginning: &[u8]) -> Option<Self> {
        if beginning.starts_with(b"SQLite format 3\0") {
            return Some(Self::PostfixMtaStsResolver);
        }
        if beginning.starts_with(&[0x1f, 0x8b]) {
            return Some(Self::PostfixTlspolCache);
        }
        let mut lines = beginning.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
        let line = lines.find(|line| !line.is_empty())?;
        if line.starts_with(b"{") {
            return Some(Self::Dump);
        }
        let is_dump = super::postfix_tlspol::read_line(line).is_ok();
        is_dump.then_some(Self::PostfixTlspolDump)
    }
}
