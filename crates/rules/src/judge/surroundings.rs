//! Judges records that stand at the wrong place, and the life of the STS record.

use sealpost_evidence::{Lookup, TextRecord};

use super::{Context, Findings};
use crate::{Finding, Place, Subject, catalogue};

/// A day, in seconds.
const LONGEST_TTL: u32 = 86_400;

pub(super) fn judge(context: &Context<'_>, findings: &mut Findings) {
    let domain = context.domain;
    if let Some(found) = context.evidence.sts_records.as_ref().and_then(Lookup::found)
        && found.ttl > LONGEST_TTL
    {
        let name = format!("_mta-sts.{domain}");
        let message = format!("its time to live is {} seconds", found.ttl);
        let subject = Subject::new(Place::StsRecord, &name);
        let dig = context.commands.dig("TXT", &name);
        findings.push(Finding::new(&catalogue::STS116, subject, message).command(Some(dig)));
    }
    let texts = context.evidence.surroundings.as_ref().and_then(|around| around.texts.value());
    for (beginning, rule, place, owner) in [
        ("v=STSv1", &catalogue::STS115, Place::StsRecord, format!("_mta-sts.{domain}.")),
        ("v=TLSRPTv1", &catalogue::RPT120, Place::TlsRptRecord, format!("_smtp._tls.{domain}.")),
    ] {
        let misplaced = texts.into_iter().flatten().map(TextRecord::text);
        for text in misplaced.filter(|text| text.as_slice().starts_with(beginning.as_bytes())) {
            let subject = Subject::new(place, domain.as_str());
            let dig = context.commands.dig("TXT", domain);
            findings.push(
                Finding::new(rule, subject, format!("a TXT record begins with {beginning}"))
                    .publish(format!("{owner} IN TXT {}", character_strings(text.as_slice())))
                    .command(Some(dig)),
            );
        }
    }
}

/// The text as character strings of a zone file (RFC 1035 §5.1), each of at most 255 octets.
fn character_strings(text: &[u8]) -> String {
    let quoted = text.chunks(255).map(|chunk| {
        let mut string = String::from("\"");
        for octet in chunk {
            match octet {
                b'"' | b'\\' => string.extend(['\\', char::from(*octet)]),
                0x20..=0x7e => string.push(char::from(*octet)),
                _ => string.push_str(&format!("\\{octet:03}")),
            }
        }
        string.push('"');
        string
    });
    quoted.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_file_gets_what_it_can_read() {
        assert_eq!(character_strings(b"v=STSv1; id=1;"), r#""v=STSv1; id=1;""#);
        assert_eq!(character_strings(b"a\"b\\c\xff\n"), r#""a\"b\\c\255\010""#);
        assert_eq!(character_strings(&[b'x'; 256]), format!("\"{}\" \"x\"", "x".repeat(255)));
    }
}
