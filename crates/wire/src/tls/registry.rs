//! Values of the IANA registries for TLS. Each type keeps values that it does not know.

use core::fmt;

/// A type for the values of one registry: constants, names, and `Display`, which writes the name or
/// the number in the given form.
macro_rules! registry {
    (
        $(#[$doc:meta])*
        $type:ident($number:ty), $unknown:literal {
            $($value:literal $constant:ident $name:literal)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type($number);

        impl $type {
            $(
                #[doc = concat!("`", $name, "`, ", stringify!($value), ".")]
                pub const $constant: Self = Self($value);
            )*

            /// The value of this number, known or not.
            pub const fn from_number(number: $number) -> Self {
                Self(number)
            }

            /// Its number on the wire.
            pub const fn number(self) -> $number {
                self.0
            }

            /// Its name; `None` if we do not know the value.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$constant => Some($name),)*
                    _ => None,
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, $unknown, self.0),
                }
            }
        }
    };
}

registry! {
    /// A version of the protocol, ordered by age (RFC 5246 section 6.2.1).
    ProtocolVersion(u16), "version {:#06x}" {
        0x0300 SSL_3_0 "SSL 3.0"
        0x0301 TLS_1_0 "TLS 1.0"
        0x0302 TLS_1_1 "TLS 1.1"
        0x0303 TLS_1_2 "TLS 1.2"
        0x0304 TLS_1_3 "TLS 1.3"
    }
}

registry! {
    /// How grave an alert is (RFC 5246 section 7.2). All but a warning end the connection.
    AlertLevel(u8), "level {}" {
        1 WARNING "warning"
        2 FATAL "fatal"
    }
}

registry! {
    /// What an alert says (RFC 5246 section 7.2, RFC 8446 section 6, and the registry).
    AlertDescription(u8), "alert {}" {
        0 CLOSE_NOTIFY "close_notify"
        10 UNEXPECTED_MESSAGE "unexpected_message"
        20 BAD_RECORD_MAC "bad_record_mac"
        21 DECRYPTION_FAILED "decryption_failed"
        22 RECORD_OVERFLOW "record_overflow"
        30 DECOMPRESSION_FAILURE "decompression_failure"
        40 HANDSHAKE_FAILURE "handshake_failure"
        41 NO_CERTIFICATE "no_certificate"
        42 BAD_CERTIFICATE "bad_certificate"
        43 UNSUPPORTED_CERTIFICATE "unsupported_certificate"
        44 CERTIFICATE_REVOKED "certificate_revoked"
        45 CERTIFICATE_EXPIRED "certificate_expired"
        46 CERTIFICATE_UNKNOWN "certificate_unknown"
        47 ILLEGAL_PARAMETER "illegal_parameter"
        48 UNKNOWN_CA "unknown_ca"
        49 ACCESS_DENIED "access_denied"
        50 DECODE_ERROR "decode_error"
        51 DECRYPT_ERROR "decrypt_error"
        60 EXPORT_RESTRICTION "export_restriction"
        70 PROTOCOL_VERSION "protocol_version"
        71 INSUFFICIENT_SECURITY "insufficient_security"
        80 INTERNAL_ERROR "internal_error"
        86 INAPPROPRIATE_FALLBACK "inappropriate_fallback"
        90 USER_CANCELED "user_canceled"
        100 NO_RENEGOTIATION "no_renegotiation"
        109 MISSING_EXTENSION "missing_extension"
        110 UNSUPPORTED_EXTENSION "unsupported_extension"
        111 CERTIFICATE_UNOBTAINABLE "certificate_unobtainable"
        112 UNRECOGNIZED_NAME "unrecognized_name"
        113 BAD_CERTIFICATE_STATUS_RESPONSE "bad_certificate_status_response"
        114 BAD_CERTIFICATE_HASH_VALUE "bad_certificate_hash_value"
        115 UNKNOWN_PSK_IDENTITY "unknown_psk_identity"
        116 CERTIFICATE_REQUIRED "certificate_required"
        120 NO_APPLICATION_PROTOCOL "no_application_protocol"
        121 ECH_REQUIRED "ech_required"
    }
}

registry! {
    /// A group for the key exchange (RFC 8422 section 5.1.1).
    NamedGroup(u16), "group {:#06x}" {
        0x0013 SECP192R1 "secp192r1"
        0x0015 SECP224R1 "secp224r1"
        0x0016 SECP256K1 "secp256k1"
        0x0017 SECP256R1 "secp256r1"
        0x0018 SECP384R1 "secp384r1"
        0x0019 SECP521R1 "secp521r1"
        0x001A BRAINPOOLP256R1 "brainpoolP256r1"
        0x001B BRAINPOOLP384R1 "brainpoolP384r1"
        0x001C BRAINPOOLP512R1 "brainpoolP512r1"
        0x001D X25519 "x25519"
        0x001E X448 "x448"
    }
}

impl NamedGroup {
    /// Every elliptic curve that an old server may want. No group of RFC 7919 is among them: a
    /// server that knows that RFC and none of the groups offered would have to refuse the suites
    /// with finite-field Diffie-Hellman which it otherwise accepts.
    pub const COMMON: &[Self] = &[
        Self::X25519,
        Self::SECP256R1,
        Self::SECP384R1,
        Self::SECP521R1,
        Self::X448,
        Self::BRAINPOOLP256R1,
        Self::BRAINPOOLP384R1,
        Self::BRAINPOOLP512R1,
        Self::SECP256K1,
        Self::SECP224R1,
        Self::SECP192R1,
    ];
}

registry! {
    /// A form of points on a curve (RFC 8422 section 5.1.2).
    PointFormat(u8), "point format {}" {
        0 UNCOMPRESSED "uncompressed"
        1 ANSIX962_COMPRESSED_PRIME "ansiX962_compressed_prime"
        2 ANSIX962_COMPRESSED_CHAR2 "ansiX962_compressed_char2"
    }
}

impl PointFormat {
    /// Every form.
    pub const COMMON: &[Self] =
        &[Self::UNCOMPRESSED, Self::ANSIX962_COMPRESSED_PRIME, Self::ANSIX962_COMPRESSED_CHAR2];
}

registry! {
    /// A way to sign, under the names of RFC 8446 section 4.2.3 where it has one; TLS 1.2 reads the
    /// same two octets as a hash and a signature algorithm.
    SignatureScheme(u16), "signature scheme {:#06x}" {
        0x0101 RSA_PKCS1_MD5 "rsa_pkcs1_md5"
        0x0201 RSA_PKCS1_SHA1 "rsa_pkcs1_sha1"
        0x0202 DSA_SHA1 "dsa_sha1"
        0x0203 ECDSA_SHA1 "ecdsa_sha1"
        0x0301 RSA_PKCS1_SHA224 "rsa_pkcs1_sha224"
        0x0302 DSA_SHA224 "dsa_sha224"
        0x0303 ECDSA_SHA224 "ecdsa_sha224"
        0x0401 RSA_PKCS1_SHA256 "rsa_pkcs1_sha256"
        0x0402 DSA_SHA256 "dsa_sha256"
        0x0403 ECDSA_SECP256R1_SHA256 "ecdsa_secp256r1_sha256"
        0x0501 RSA_PKCS1_SHA384 "rsa_pkcs1_sha384"
        0x0503 ECDSA_SECP384R1_SHA384 "ecdsa_secp384r1_sha384"
        0x0601 RSA_PKCS1_SHA512 "rsa_pkcs1_sha512"
        0x0603 ECDSA_SECP521R1_SHA512 "ecdsa_secp521r1_sha512"
        0x0804 RSA_PSS_RSAE_SHA256 "rsa_pss_rsae_sha256"
        0x0805 RSA_PSS_RSAE_SHA384 "rsa_pss_rsae_sha384"
        0x0806 RSA_PSS_RSAE_SHA512 "rsa_pss_rsae_sha512"
        0x0807 ED25519 "ed25519"
        0x0808 ED448 "ed448"
    }
}

impl SignatureScheme {
    /// Every way but MD5, SHA-1 included: how a server signs is not the question, so it shall not
    /// refuse for that.
    pub const COMMON: &[Self] = &[
        Self::ECDSA_SECP256R1_SHA256,
        Self::ECDSA_SECP384R1_SHA384,
        Self::ECDSA_SECP521R1_SHA512,
        Self::ED25519,
        Self::ED448,
        Self::RSA_PSS_RSAE_SHA256,
        Self::RSA_PSS_RSAE_SHA384,
        Self::RSA_PSS_RSAE_SHA512,
        Self::RSA_PKCS1_SHA256,
        Self::RSA_PKCS1_SHA384,
        Self::RSA_PKCS1_SHA512,
        Self::ECDSA_SHA224,
        Self::RSA_PKCS1_SHA224,
        Self::DSA_SHA256,
        Self::DSA_SHA224,
        Self::ECDSA_SHA1,
        Self::RSA_PKCS1_SHA1,
        Self::DSA_SHA1,
    ];
}
