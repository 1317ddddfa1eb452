//! What each result type means to the receiver, and what to do about it.

use tls_rpt::ResultType;

/// What to say of a result type.
pub(super) struct Advice {
    /// In a few words.
    pub(super) title: &'static str,
    /// What it means.
    pub(super) meaning: &'static str,
    /// What to do; `{policy host}` stands for the name of the policy host.
    pub(super) action: &'static str,
    /// Where it is laid down.
    pub(super) source: &'static str,
}

impl Advice {
    /// That on a result type; on one that is not registered, what can be said of any.
    pub(super) fn of(result: Option<&ResultType>) -> Self {
        let Some(result) = result else { return UNNAMED };
        match result {
            ResultType::StartTlsNotSupported => Self {
                title: "no STARTTLS offered",
                meaning: "The mail host did not offer STARTTLS, so there was no encryption.",
                action: "Switch STARTTLS on at that host. If it is on, suspect a firewall or an \
                         attacker between the reporter and you who strips it.",
                source: "RFC 8460 §4.3.1",
            },
            ResultType::CertificateHostMismatch => Self {
                title: "certificate for another name",
                meaning: "The certificate of the mail host does not hold the host's name.",
                action: "Have it reissued for the name in the MX record.",
                source: "RFC 8460 §4.3.1",
            },
            ResultType::CertificateExpired => Self {
                title: "certificate expired",
                meaning: "The certificate of the mail host has run out.",
                action: "Renew it now, have renewal done automatically, and check every mail host \
                         on every address.",
                source: "RFC 8460 §4.3.1",
            },
            ResultType::CertificateNotTrusted => Self {
                title: "certificate not trusted",
                meaning: "The certificate comes from an unknown authority or from the host itself, \
                          or the chain is not complete.",
                action: "Use a certificate of a public authority, and serve the whole chain.",
                source: "RFC 8460 §4.3.1",
            },
            ResultType::ValidationFailure => Self {
                title: "some other failure of TLS",
                meaning: "TLS failed for a reason that has no name of its own; the reason below \
                          says more, if there is one.",
                action: "Look at the certificate chain first, then whether the policy's patterns \
                         cover the mail host, then at protocol versions.",
                source: "RFC 8460 §4.3.3",
            },
            ResultType::StsPolicyFetchError => Self {
                title: "policy could not be fetched",
                meaning: "The record says that there is an MTA-STS policy, and the policy host did \
                          not give it. Senders that know an older one go on with that.",
                action: "Check DNS, firewall and web server of {policy host}: status 200, no \
                         redirect, on every address.",
                source: "RFC 8460 §4.3.2.2",
            },
            ResultType::StsPolicyInvalid => Self {
                title: "policy not valid",
                meaning: "The MTA-STS policy was fetched and cannot be used.",
                action: "Mend its text: `sealpost policy lint` shows what is wrong.",
                source: "RFC 8460 §4.3.2.2",
            },
            ResultType::StsWebpkiInvalid => Self {
                title: "policy host's certificate wrong",
                meaning: "The certificate of the policy host is expired, not trusted or for another \
                          name, so the policy was not taken.",
                action: "Have a certificate issued for {policy host}, and renew it automatically.",
                source: "RFC 8460 §4.3.2.2",
            },
            ResultType::TlsaInvalid => Self {
                title: "TLSA records do not match",
                meaning: "No TLSA record of the mail host matches its certificate (DANE).",
                action: "Publish the TLSA record of the key in use; in a change of keys publish the \
                         new one first.",
                source: "RFC 8460 §4.3.2.1",
            },
            ResultType::DnssecInvalid => Self {
                title: "DNSSEC does not validate",
                meaning: "The reporter's resolver could not validate the DNS of the domain or of \
                          the mail host.",
                action: "Check the signatures of the zone, the DS records and the clock of the \
                         signer.",
                source: "RFC 8460 §4.3.2.1",
            },
            ResultType::DaneRequired => Self {
                title: "DANE demanded, none found",
                meaning: "The sender insists on DANE for this domain and found no TLSA records.",
                action: "Publish signed TLSA records as agreed, or end the agreement.",
                source: "RFC 8460 §4.3.2.1",
            },
            ResultType::Other(name) if name == "dns-error" => Self {
                title: "DNS failed",
                meaning: "A DNS look-up failed on the reporter's side. The name is not registered, \
                          and occurs.",
                action: "Check that all name servers of the domain answer, and answer alike.",
                source: "RFC 8460 §4.3",
            },
            _ => Self {
                title: "a result type that is not registered",
                meaning: "RFC 8460 does not know this name, so only the reporter can say what it \
                          means.",
                action: "Read the reason, and ask the contact of the report.",
                source: "RFC 8460 §4.3",
            },
        }
    }
}

const UNNAMED: Advice = Advice {
    title: "the report does not say what failed",
    meaning: "These failures have no result type.",
    action: "Read the reason, and ask the contact of the report.",
    source: "RFC 8460 §4.4",
};
