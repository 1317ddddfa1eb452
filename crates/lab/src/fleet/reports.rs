//! Where TLS reports go. A destination that fails harms nobody's mail.

use crate::{
    Domain,
    host::{Address, Certificate, Handshake, Manner, Reply, Server, WebHost},
};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = by_mail();
    domains.extend(by_https());
    domains
}

fn by_mail() -> Vec<Domain> {
    let to = |name, about, rua: &str| {
        Domain::good(name, about).tls_rpt(&[&format!("v=TLSRPTv1; rua=mailto:{rua}")])
    };
    vec![
        to(
            "good-rua-implicit-mx.test",
            "reports go to a domain without MX record, which takes mail",
            "tls@implicit-mx.test",
        )
        .near_miss_of(&["RPT115"]),
        to("rua-null-mx.test", "reports go to a domain that takes no mail", "tls@null-mx.test")
            .expect("enforced", &["RPT115"])
            .near_miss_of(&["RPT108", "RPT116"]),
        to(
            "rua-no-domain.test",
            "reports go to a domain that does not exist",
            "tls@domain-missing.test",
        )
        .expect("enforced", &["RPT115"])
        .near_miss_of(&["RPT108", "RPT116"]),
        to(
            "rua-no-mail-host.test",
            "reports go to a domain with neither MX nor address",
            "tls@no-mail-host.test",
        )
        .expect("enforced", &["RPT115"])
        .near_miss_of(&["RPT116"]),
        to(
            "rua-mx-servfail.test",
            "the look-up of the MX records of the reports' domain fails",
            "tls@mx-servfail.test",
        )
        .expect("enforced", &["RPT116"])
        .near_miss_of(&["RPT115"]),
    ]
}

fn by_https() -> Vec<Domain> {
    let to = |name, about, host: Option<WebHost>| {
        let domain =
            Domain::good(name, about).tls_rpt(&["v=TLSRPTv1; rua=https://reports.{domain}/tls"]);
        match host {
            Some(host) => domain.web_host("reports", host),
            None => domain,
        }
    };
    let server = || Server::good(Reply::not_allowed());
    vec![
        to("good-rua-https.test", "reports go to an HTTPS server", Some(WebHost::taking_reports()))
            .near_miss_of(&["RPT116", "RPT117", "RPT118"]),
        to("rua-https-no-address.test", "the HTTPS server for reports has no address", None)
            .expect("enforced", &["RPT117"])
            .near_miss_of(&["RPT115", "RPT116"]),
        to(
            "rua-https-refused.test",
            "nobody listens at the HTTPS server for reports",
            Some(WebHost::at(vec![Address::Closed])),
        )
        .expect("enforced", &["RPT117"])
        .near_miss_of(&["RPT116"]),
        to(
            "rua-https-alert.test",
            "the HTTPS server for reports answers the handshake with an alert",
            Some(WebHost::new(Server { handshake: Handshake::Alert(40), ..server() })),
        )
        .expect("enforced", &["RPT117"])
        .near_miss_of(&["RPT116", "RPT118"]),
        to(
            "rua-https-untrusted.test",
            "the HTTPS server for reports has a certificate of an unknown authority",
            Some(WebHost::new(Server { certificate: Certificate::UntrustedRoot, ..server() })),
        )
        .expect("enforced", &["RPT118"])
        .near_miss_of(&["RPT117"]),
        to(
            "rua-https-silent.test",
            "the HTTPS server for reports never replies",
            Some(WebHost::replying(Reply { manner: Manner::Silence, ..Reply::not_allowed() })),
        )
        .expect("enforced", &["RPT116"])
        .near_miss_of(&["RPT117"]),
    ]
}
