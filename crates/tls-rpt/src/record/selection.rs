//! Which of several TXT records is the TLS-RPT record.

/// Which TXT record at `_smtp._tls.` counts. The numbers are places in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// This one. Whether it can be used, [`Record::parse`](crate::Record::parse) says.
    One(usize),
    /// None: the domain asks for no reports.
    None {
        /// Records that look like an attempt, worth reading for what is wrong with them.
        near_misses: Vec<usize>,
    },
    /// More than one, and so none: the domain asks for no reports.
    Several(Vec<usize>),
}

/// Finds the TLS-RPT record among the TXT records at `_smtp._tls.` of a domain.
///
/// Each item is the data of one TXT record, its strings joined without anything between them. Among
/// several records only those that begin with the literal `v=TLSRPTv1;` count. A record that stands
/// alone is held against the grammar instead, which allows white space before the semicolon.
pub fn select_record<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Selection {
    let mut count: usize = 0;
    let mut literal = Vec::new();
    let mut grammatical = Vec::new();
    let mut near_misses = Vec::new();
    for (index, text) in records.into_iter().enumerate() {
        count = count.saturating_add(1);
        match Likeness::of(text) {
            Likeness::Literal => literal.push(index),
            Likeness::Grammatical => grammatical.push(index),
            Likeness::NearMiss => near_misses.push(index),
            Likeness::Other => {}
        }
    }

    //= https://www.rfc-editor.org/rfc/rfc8460#section-3
    //# If multiple TXT records for "_smtp._tls" are returned by the
    //# resolver, records that do not begin with "v=TLSRPTv1;" are discarded.
    //# If the number of resulting records is not one, senders MUST assume
    //# the recipient domain does not implement TLSRPT.
    match (literal.as_slice(), grammatical.as_slice()) {
        ([index], _) => Selection::One(*index),
        ([], [index]) if count == 1 => Selection::One(*index),
        ([], _) => {
            near_misses.extend(grammatical);
            near_misses.sort_unstable();
            Selection::None { near_misses }
        }
        (_, _) => Selection::Several(literal),
    }
}

/// How much a TXT record is like a TLS-RPT record.
enum Likeness {
    /// It begins with `v=TLSRPTv1;`.
    Literal,
    /// It begins as the grammar allows: with white space before the semicolon.
    Grammatical,
    /// Someone seems to have meant it.
    NearMiss,
    Other,
}

impl Likeness {
    fn of(text: &[u8]) -> Self {
        if text.starts_with(b"v=TLSRPTv1;") {
            return Self::Literal;
        }
        let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t');
        if let Some(rest) = text.strip_prefix(b"v=TLSRPTv1")
            && rest.iter().find(|byte| !is_space(byte)) == Some(&b';')
        {
            return Self::Grammatical;
        }
        // Records are short; a name this late in a long text is no attempt.
        const LOOKED_AT: usize = 512;
        let head = text.get(..LOOKED_AT).unwrap_or(text);
        if head.windows(NAME.len()).any(|window| window.eq_ignore_ascii_case(NAME)) {
            return Self::NearMiss;
        }
        Self::Other
    }
}

const NAME: &[u8] = b"tlsrpt";
