//! Keys of zones, and signatures with them.

use hickory_proto::{
    ProtoError,
    dnssec::{
        Algorithm, DigestType, DnsSecError, SigningKey, TBS,
        crypto::EcdsaSigningKey,
        rdata::{DNSKEY, DNSSECRData, DS, RRSIG, sig::SigInput},
    },
    rr::{DNSClass, Name, RData, Record, SerialNumber},
};

use super::Flaw;

const DAY: u32 = 86_400;

/// The one key of a zone, which signs itself and all else (RFC 6781 §3.1).
pub(super) struct ZoneKey {
    apex: Name,
    key: EcdsaSigningKey,
    dnskey: DNSKEY,
    tag: u16,
}

impl ZoneKey {
    /// Makes a key of algorithm 13, ECDSA with P-256.
    pub(super) fn generate(apex: Name) -> Result<Self, DnsSecError> {
        let algorithm = Algorithm::ECDSAP256SHA256;
        let pkcs8 = EcdsaSigningKey::generate_pkcs8(algorithm)?;
        let key = EcdsaSigningKey::from_pkcs8(&pkcs8, algorithm)?;
        let dnskey = DNSKEY::from_key(&key.to_public_key()?);
        let tag = dnskey.calculate_key_tag()?;
        Ok(Self { apex, key, dnskey, tag })
    }

    pub(super) fn dnskey(&self) -> &DNSKEY {
        &self.dnskey
    }

    /// The DS record for the zone above.
    pub(super) fn delegation(&self) -> Result<DS, DnsSecError> {
        let digest = self.dnskey.to_digest(&self.apex, DigestType::SHA256)?;
        let algorithm = Algorithm::ECDSAP256SHA256;
        Ok(DS::new(self.tag, algorithm, DigestType::SHA256, digest.as_ref().to_vec()))
    }

    /// Signs a record set, all of whose records are of one type, at its name in the zone.
    pub(super) fn sign(
        &self,
        set: &[Record],
        now: u32,
        flaw: Option<Flaw>,
    ) -> Result<Option<Record>, ProtoError> {
        let Some(first) = set.first() else { return Ok(None) };
        let (inception, expiration) = match flaw {
            Some(Flaw::Expired) => (now.saturating_sub(30 * DAY), now.saturating_sub(DAY)),
            Some(Flaw::Altered) | None => (now.saturating_sub(DAY), now.saturating_add(14 * DAY)),
        };
        let input = SigInput {
            type_covered: first.record_type(),
            algorithm: Algorithm::ECDSAP256SHA256,
            num_labels: first.name.num_labels(),
            original_ttl: first.ttl,
            sig_expiration: SerialNumber::new(expiration),
            sig_inception: SerialNumber::new(inception),
            key_tag: self.tag,
            signer_name: self.apex.clone(),
        };
        let text = TBS::from_input(&first.name, DNSClass::IN, &input, set.iter())?;
        let mut signature =
            self.key.sign(&text).map_err(|error| ProtoError::from(error.to_string()))?;
        if flaw == Some(Flaw::Altered)
            && let Some(octet) = signature.last_mut()
        {
            *octet ^= 1;
        }
        let data = RData::DNSSEC(DNSSECRData::RRSIG(RRSIG::from_sig(input, signature)));
        Ok(Some(Record::from_rdata(first.name.clone(), first.ttl, data)))
    }
}
