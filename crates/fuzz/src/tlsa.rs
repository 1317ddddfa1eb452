//! TLSA records, from rdata and from text.

use dane::{DaneOutcome, TlsaRecord, TlsaSet, expects, verify};

/// Rdata: what is read is written back as it was, and no certificate makes it panic.
pub fn tlsa_rdata(octets: &[u8]) {
    let Ok(record) = TlsaRecord::from_rdata(octets) else { return };
    assert_eq!(record.to_rdata(), octets);
    let again = TlsaRecord::parse(&record.to_string());
    assert_eq!(again.as_ref(), Ok(&record), "the text of a record is that record");

    // The same octets once more, as a certificate that a server sends.
    let set = TlsaSet::new([record]);
    let chain = [octets, octets];
    let outcome = verify(&set, &chain, &[], 0);
    let no_record_is_used = set.used().next().is_none();
    assert_eq!(outcome == DaneOutcome::NoUsableRecord, no_record_is_used);
    expects(&set, &chain);
}

/// Presentation text: what is read is a record that its own text gives again.
pub fn tlsa_text(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let Ok(record) = TlsaRecord::parse(text) else { return };
    assert_eq!(TlsaRecord::parse(&record.to_string()).as_ref(), Ok(&record));
    assert_eq!(TlsaRecord::from_rdata(&record.to_rdata()).as_ref(), Ok(&record));
}
