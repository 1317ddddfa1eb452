//! The reason codes that reporters are known to write, and what they mean by them.
//!
//! `failure-reason-code` is free text (RFC 8460 §4.4). Google writes none. What Microsoft, Mail.ru,
//! Postfix with libtlsrpt, mox, Stalwart and Momentum write is listed here; other texts are shown
//! as they are, quoted.

use super::causes::*;

/// One reason code, or a family of them.
#[derive(Debug)]
pub struct Reason {
    /// The text, in lower case, with a blank for each run of blanks, hyphens and underscores.
    pub text: &'static str,
    /// Where in a reason code the text has to stand.
    pub matching: ReasonMatch,
    /// Who writes it.
    pub said_by: &'static str,
    /// What it means, as a fragment.
    pub means: &'static str,
    /// The cause that it stands for by itself.
    pub cause: &'static Cause,
}

/// Where a known text has to stand in a reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasonMatch {
    /// It is the whole of it.
    Is,
    /// It begins it.
    Begins,
    /// It stands anywhere in it.
    Holds,
}

/// Of a longer reason code only this many characters are read.
const READ: usize = 512;
/// At most this many parts of a reason code are read, which mox joins by `+`.
const MOST_PARTS: usize = 4;

/// Every known reason code, in the order in which they are tried.
pub fn reasons() -> &'static [Reason] {
    REASONS
}

/// What a reason code says: one entry for each of its parts that is known; none if it is unknown.
pub fn read_reason(text: &str) -> Vec<&'static Reason> {
    let plain = plain(text);
    // Only codes are joined; a sentence or a URL may hold a plus for other reasons.
    let is_code = !text.trim().contains([' ', '/']);
    let parts = plain.split('+').map(str::trim);
    let mut found: Vec<&Reason> = Vec::new();
    if is_code {
        for part in parts.filter(|part| !part.is_empty()).take(MOST_PARTS) {
            found.extend(
                find(part)
                    .filter(|reason| !found.iter().any(|earlier| std::ptr::eq(*earlier, *reason))),
            );
        }
    } else {
        found.extend(find(&plain));
    }
    found
}

fn find(plain: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| match reason.matching {
        ReasonMatch::Is => plain == reason.text,
        ReasonMatch::Begins => plain.starts_with(reason.text),
        ReasonMatch::Holds => plain.contains(reason.text),
    })
}

/// Lower case, one blank between words, no full stop at the end: `X509_V_ERR` and `x509-v-err` are
/// the same.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars().take(READ) {
        if character.is_whitespace() || character == '_' || character == '-' {
            if !plain.is_empty() && !plain.ends_with(' ') {
                plain.push(' ');
            }
        } else {
            plain.push(character.to_ascii_lowercase());
        }
    }
    plain.trim_end_matches([' ', '.']).to_owned()
}

macro_rules! reasons {
    ($($said_by:literal: $($matching:ident $text:literal $cause:ident $means:literal)*;)*) => {
        static REASONS: &[Reason] = &[$($(Reason {
            text: $text,
            matching: ReasonMatch::$matching,
            said_by: $said_by,
            means: $means,
            cause: &$cause,
        }),*),*];
    };
}

reasons! {
    "Microsoft":
        Is "mx hosts mismatch" FAIL201 "an MX host is not matched by the policy"
        Is "validation failure" FAIL131 "the host did not validate, and no more is said"
    ;
    "mox":
        Is "mtasts policy mx mismatch" FAIL201 "the MX host is not matched by the policy"
        Is "no mta sts dns txt record" FAIL214 "there is no STS record"
        Is "multiple mta sts records" FAIL214 "there are several STS records"
        Is "record syntax error" FAIL214 "the STS record can't be read"
        Is "dns lookup" FAIL331 "the look-up of the STS record failed"
        Is "no policy served" FAIL212 "the policy host does not exist, or answers 404"
        Is "cannot fetch policy" FAIL211 "the request for the policy failed"
        Is "policy syntax error" FAIL231 "the policy can't be read"
        Is "back off after recent fetch error" FAIL211 "a fetch failed a few minutes before, and was not tried again"
        Is "fallback to cached policy" FAIL211 "the sender went on with the policy that it held"
        Is "dane no match" FAIL301 "no TLSA record matches the certificate"
        Is "errors" FAIL301 "some TLSA records could not be evaluated"
        Begins "all unusable records" FAIL304 "none of the TLSA records can be used"
        Is "ignored" FAIL304 "it was delivered over TLS without verification"
        Begins "dns extended error" FAIL311 "the resolver says why DNSSEC validation failed (RFC 8914)"
        Begins "extended dns error" FAIL311 "the resolver says why DNSSEC validation failed (RFC 8914)"
        Begins "smtp starttls reply code" FAIL103 "STARTTLS was answered with this SMTP code"
        Is "not authorized to sign" FAIL114 "a certificate of the chain may not issue others"
        Is "ca not authorized for this name" FAIL114 "the authority may not issue for this name"
        Is "too many intermediates" FAIL114 "the chain is longer than its authority allows"
        Is "incompatible key usage" FAIL114 "the certificate is not meant for servers"
        Is "parent subject child issuer mismatch" FAIL114 "the chain is put together wrongly"
        Is "name constraint without sans" FAIL114 "the authority limits names, and the certificate has none"
        Is "unconstrained name" FAIL114 "the certificate has a kind of name that its authority does not limit"
        Is "too many constraints" FAIL114 "checking the name limits of the chain takes too long"
        Is "ca not authorized for ext key usage" FAIL114 "the authority may not issue for servers"
        Begins "go x509 invalid reason" FAIL114 "the chain is invalid for a reason that has only a number"
        Is "no system roots" FAIL118 "the sender found no trusted roots on its own machine"
        Is "unknown go certificate verification error" FAIL131 "the certificate did not verify, and no more is known"
        Begins "tls remote alert" FAIL121 "our host ended the handshake with this alert"
        Is "tls remote error" FAIL121 "our host ended the handshake"
        Begins "tls local alert" FAIL121 "the sender ended the handshake with this alert"
        Is "tls record header error" FAIL121 "the answer to the handshake was not TLS"
        Is "io timeout during handshake" FAIL122 "the handshake took too long"
        Is "connection closed during handshake" FAIL122 "the connection was closed during the handshake"
        Is "certificate expired" FAIL111 "the certificate has expired"
        Is "certificate host mismatch" FAIL113 "the certificate is for another name"
        Is "certificate not trusted" FAIL114 "the certificate is not trusted"
    ;
    "Postfix":
        Is "all tlsa records unusable" FAIL304 "none of the TLSA records can be used"
        Is "tls handshake failure" FAIL121 "the TLS handshake failed"
        Is "all trust anchors unusable" FAIL118 "the trust anchors in the sender's own settings can't be used"
        Is "all fingerprints unusable" FAIL118 "the fingerprints in the sender's own settings can't be used"
    ;
    "Postfix, OpenSSL":
        Is "self signed certificate" FAIL114 "the certificate is signed by itself"
        Is "self signed certificate in certificate chain" FAIL114 "the chain ends at a root that the sender does not trust"
        Is "unable to get local issuer certificate" FAIL115 "the issuer is not known: an intermediate is missing, or the root is not trusted"
        Is "unable to get issuer certificate" FAIL115 "the issuer of an intermediate is missing"
        Is "unable to verify the first certificate" FAIL115 "only the host's own certificate was sent"
        Is "certificate is not yet valid" FAIL116 "the certificate is not valid yet"
        Begins "format error in certificate's notbefore" FAIL116 "the begin of validity can't be read"
        Is "certificate has expired" FAIL111 "the certificate has expired"
        Is "unsupported certificate purpose" FAIL114 "the certificate is not meant for servers"
        Is "unsuitable certificate purpose" FAIL114 "the certificate is not meant for servers"
        Is "certificate chain too long" FAIL114 "the chain is longer than the sender accepts"
        Is "certificate rejected" FAIL114 "the certificate was rejected for this purpose"
        Is "certificate revoked" FAIL114 "the certificate was revoked"
        Is "invalid ca certificate" FAIL114 "a certificate of the chain is no authority"
        Is "path length constraint exceeded" FAIL114 "the chain is longer than its authority allows"
        Is "ee certificate key too weak" FAIL114 "the key is too short"
        Is "ca certificate key too weak" FAIL114 "the key of an authority is too short"
        Is "ca signature digest algorithm too weak" FAIL114 "the chain is signed with an outdated digest"
        Is "hostname mismatch" FAIL113 "the certificate is for another name"
        Is "no matching dane tlsa records" FAIL301 "no TLSA record matches the certificate"
        Is "x509 v err cert has expired" FAIL111 "the certificate has expired"
        Is "x509 v err cert not yet valid" FAIL116 "the certificate is not valid yet"
        Is "x509 v err depth zero self signed cert" FAIL114 "the certificate is signed by itself"
        Is "x509 v err self signed cert in chain" FAIL114 "the chain ends at a root that the sender does not trust"
        Begins "x509 v err unable to get issuer cert" FAIL115 "the issuer is not known: an intermediate is missing, or the root is not trusted"
        Is "x509 v err unable to verify leaf signature" FAIL115 "only the host's own certificate was sent"
        Is "x509 v err hostname mismatch" FAIL113 "the certificate is for another name"
        Is "x509 v err dane no match" FAIL301 "no TLSA record matches the certificate"
        Is "x509 v err proxy path length exceeded" FAIL114 "the chain of proxy certificates is too long (the example of RFC 8460)"
        Begins "x509 v err" FAIL114 "OpenSSL rejects the chain for the reason that is named"
    ;
    "Stalwart":
        Is "mx not authorized by policy" FAIL201 "the MX host is not matched by the policy"
        Is "invalid tlsa record" FAIL304 "the TLSA records can't be used"
        Is "bogus tlsa records were found" FAIL311 "the TLSA records did not validate"
        Is "bogus mx records were found" FAIL311 "the MX records did not validate"
        Is "no tlsa dnssec records found" FAIL321 "there are no signed TLSA records"
        Is "no tlsa records found for mx" FAIL321 "there are no TLSA records"
        Is "mx host is not in a dnssec signed zone" FAIL321 "the zone of the MX host is not signed"
        Is "no matching certificates found" FAIL301 "no TLSA record matches a certificate of the chain"
        Is "starttls was not advertised by host" FAIL102 "the host did not offer STARTTLS"
        Is "mta sts is required and no policy was found" FAIL241 "the sender insists on MTA-STS and found no policy"
        Begins "record not found" FAIL214 "there is no STS record"
        Is "failed to parse mta sts dns record" FAIL214 "the STS record can't be read"
        Begins "dns lookup error" FAIL331 "the look-up of the STS record failed"
        Begins "failed to parse policy" FAIL231 "the policy can't be read"
        Is "timeout fetching policy" FAIL211 "the policy host did not answer in time"
        Is "could not reach policy host" FAIL211 "no connection to the policy host came about, or its certificate is wrong"
        Is "policy not found" FAIL212 "the policy host answered with 404"
        Is "failed to fetch policy" FAIL211 "the request for the policy failed"
        Holds "invalid peer certificate: expired" FAIL111 "the certificate has expired"
        Holds "invalid peer certificate: certificate expired" FAIL111 "the certificate has expired"
        Holds "invalid peer certificate: notvalidyet" FAIL116 "the certificate is not valid yet"
        Holds "invalid peer certificate: notvalidforname" FAIL113 "the certificate is for another name"
        Holds "invalid peer certificate: certificate not valid for name" FAIL113 "the certificate is for another name"
        Holds "invalid peer certificate: unknownissuer" FAIL114 "the issuer is not known"
        Holds "invalid peer certificate" FAIL114 "the certificate did not verify"
    ;
    "Mail.ru":
        Begins "bad https response code" FAIL212 "the policy host answered with this HTTP status in place of 200"
    ;
    "Mail.ru, Go":
        Holds "x509: certificate has expired or is not yet valid" FAIL111 "the certificate has expired, or is not valid yet"
        Holds "x509: certificate signed by unknown authority" FAIL114 "the issuer is not known, or an intermediate is missing"
        Holds "x509: certificate is valid for" FAIL113 "the certificate is for another name"
        Holds "x509: certificate is not valid for any names" FAIL113 "the certificate names no host"
        Holds "x509: certificate relies on legacy common name" FAIL113 "only the common name fits, which does not count"
        Holds "x509: cannot validate certificate for" FAIL113 "the certificate does not hold this address or name"
        Holds "x509:" FAIL114 "the certificate did not verify"
        Holds "no such host" FAIL331 "the name has no address"
        Holds "server misbehaving" FAIL331 "the resolver answered with an error"
        Holds "remote error: tls" FAIL121 "the other side ended the handshake"
        Holds "tls: " FAIL121 "the TLS handshake failed"
        Holds "context deadline exceeded" FAIL122 "it took too long"
        Holds "i/o timeout" FAIL122 "it took too long"
        Holds "client.timeout" FAIL122 "it took too long"
        Holds "connection refused" FAIL122 "the connection was refused"
        Holds "connection reset" FAIL122 "the connection was reset"
        Holds "no route to host" FAIL122 "the network has no way to the host"
        Holds "network is unreachable" FAIL122 "the network has no way to the host"
        Begins "unable to do http request" FAIL211 "the request for the policy failed"
    ;
    "Momentum":
        Holds "ssl certificate subject does not match host" FAIL113 "the certificate is for another name"
    ;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> String {
        let codes: Vec<_> = read_reason(text).iter().map(|reason| reason.cause.code).collect();
        codes.join(" ")
    }

    #[test]
    fn reason_codes_as_they_occur() {
        for (text, expected) in [
            // seen in reports
            ("MX_HOSTS_MISMATCH", "FAIL201"),
            ("VALIDATION_FAILURE", "FAIL131"),
            ("bad https response code: 404", "FAIL212"),
            ("bad https response code: 500", "FAIL212"),
            (
                "unable to do http request: Get \"https://mta-sts.example.com/.well-known/mta-sts.txt\": context deadline exceeded",
                "FAIL122",
            ),
            ("X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED", "FAIL114"),
            ("X509_V_ERR_CERT_HAS_EXPIRED", "FAIL111"),
            // as the programs write them
            ("unable_to_get_local_issuer_certificate", "FAIL115"),
            ("self-signed_certificate", "FAIL114"),
            ("all-TLSA-records-unusable", "FAIL304"),
            ("tls-handshake-failure", "FAIL121"),
            ("all-trust-anchors-unusable", "FAIL118"),
            ("mtasts-policy-mx-mismatch", "FAIL201"),
            ("cannot-fetch-policy+fallback-to-cached-policy", "FAIL211 FAIL211"),
            ("+fallback-to-cached-policy", "FAIL211"),
            ("certificate-not-trusted+no-system-roots", "FAIL114 FAIL118"),
            ("dane-no-match+errors", "FAIL301 FAIL301"),
            ("all-unusable-records+ignored", "FAIL304 FAIL304"),
            ("dns-extended-error-6-DNSSEC-Bogus", "FAIL311"),
            ("smtp-starttls-reply-code-454", "FAIL103"),
            ("tls-remote-alert-40-handshake-failure", "FAIL121"),
            ("MX not authorized by policy.", "FAIL201"),
            ("STARTTLS was not advertised by host", "FAIL102"),
            ("Could not reach policy host.", "FAIL211"),
            ("Failed to parse policy: Policy too large", "FAIL231"),
            ("invalid peer certificate: UnknownIssuer", "FAIL114"),
            ("Get \"https://a/\": x509: certificate is valid for b, not a", "FAIL113"),
            ("lookup mta-sts.example.com on 192.0.2.1:53: no such host", "FAIL331"),
            ("4.7.5 [internal] SSL certificate subject does not match host", "FAIL113"),
            // unknown, or near misses
            ("123", ""),
            ("", ""),
            ("+", ""),
            ("MX_HOSTS_MISMATCHED", ""),
            ("not bad https response code", ""),
            ("mx hosts mismatch or not", ""),
        ] {
            assert_eq!(codes(text), expected, "{text}");
        }
    }

    #[test]
    fn the_table_is_in_the_form_that_is_compared() {
        for reason in reasons() {
            assert_eq!(plain(reason.text).trim_end(), reason.text.trim_end(), "{}", reason.text);
            assert!(!reason.means.ends_with('.') && !reason.said_by.is_empty());
            // None stands in the shadow of an earlier one.
            let found = find(reason.text).unwrap();
            assert!(std::ptr::eq(found, reason), "{} is hidden by {}", reason.text, found.text);
        }
    }

    #[test]
    fn long_texts_are_read_in_part() {
        assert_eq!(codes(&"+".repeat(1_000_000)), "");
        assert_eq!(codes(&format!("{}x509:", " a".repeat(1_000_000))), "");
    }
}
