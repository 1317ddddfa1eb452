//! Faults of the policy host: addresses, handshake, HTTP.

use std::net::Ipv4Addr;

use super::good::padded;
use crate::{
    Domain,
    domain::policy,
    host::{Address, Handshake, Manner, Reply, Server, WebHost},
};

pub(super) fn domains() -> Vec<Domain> {
    let mut domains = addresses();
    domains.extend(handshakes());
    domains.extend(heads());
    domains.extend(bodies());
    domains
}

fn addresses() -> Vec<Domain> {
    let served = || Address::Served(Server::good(Reply::good()));
    let other =
        Reply { body: Some(policy("enforce", &["mx1.{domain}"], "1209600")), ..Reply::good() };
    vec![
        Domain::good("policy-host-missing.test", "the policy host has no address")
            .no_policy_host()
            .expect("broken", &["STS201"])
            .near_miss_of(&["STS202", "STS203"]),
        Domain::good("policy-host-refused.test", "nobody listens at the policy host")
            .policy_host(WebHost::at(vec![Address::Closed, Address::Closed]))
            .expect("broken", &["STS203"])
            .near_miss_of(&["STS201", "STS204", "STS205"]),
        Domain::good("policy-host-partly-refused.test", "nobody listens at one of two addresses")
            .policy_host(WebHost::at(vec![Address::Closed, served()]))
            .expect("enforced", &["STS204"])
            .near_miss_of(&["STS203", "STS220"]),
        Domain::good("policy-differs.test", "two addresses serve different policies")
            .policy_host(WebHost::at(vec![served(), Address::Served(Server::good(other))]))
            .expect("enforced", &["STS220"])
            .near_miss_of(&["STS204", "STS314"]),
        Domain::good("policy-host-private.test", "the policy host has a private address")
            .policy_host(WebHost::at(vec![Address::Elsewhere(Ipv4Addr::new(10, 0, 0, 1))]))
            .expect("broken", &["STS221"])
            .near_miss_of(&["STS201", "STS203"]),
    ]
}

fn handshakes() -> Vec<Domain> {
    let shaking = |name, about, handshake| {
        Domain::good(name, about).policy_host(WebHost::with_handshake(handshake))
    };
    vec![
        shaking(
            "policy-tls-alert.test",
            "the policy host answers the handshake with an alert",
            Handshake::Alert(40),
        )
        .expect("broken", &["STS205"])
        .near_miss_of(&["STS203", "STS209"]),
        shaking(
            "policy-tls-old-only.test",
            "the policy host speaks only TLS that is too old",
            Handshake::Alert(70),
        )
        .expect("broken", &["STS205"])
        .near_miss_of(&["STS211"]),
        shaking(
            "policy-tls-plain-http.test",
            "the policy host speaks plain HTTP on the HTTPS port",
            Handshake::PlainText("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"),
        )
        .expect("broken", &["STS205"])
        .near_miss_of(&["STS213", "STS219"]),
        shaking(
            "policy-tls-closed.test",
            "the policy host closes the connection in the handshake",
            Handshake::Close,
        )
        .expect("broken", &["STS205"])
        .near_miss_of(&["STS203", "STS219"]),
        shaking(
            "policy-tls-reset.test",
            "the policy host resets the connection in the handshake",
            Handshake::Reset,
        )
        .expect("broken", &["STS205"])
        .near_miss_of(&["STS203", "STS219"]),
        shaking(
            "policy-tls-silence.test",
            "the policy host never answers the handshake",
            Handshake::Silence,
        )
        .expect("broken", &["STS218"])
        .near_miss_of(&["STS203", "STS205"]),
    ]
}

fn heads() -> Vec<Domain> {
    let with_status = |name, about, status, header: Option<(&'static str, &'static str)>| {
        let mut reply = Reply { status, body: Some(b"sorry\n".to_vec()), ..Reply::good() };
        reply.headers.extend(header);
        Domain::good(name, about).policy_host(WebHost::replying(reply))
    };
    let with_headers = |name, about, headers| {
        let reply = Reply { headers, ..Reply::good() };
        Domain::good(name, about).policy_host(WebHost::replying(reply))
    };
    let sending =
        |name, about, manner| Domain::good(name, about).policy_host(WebHost::sending(manner));
    let to = Some(("Location", "https://www.good.test/.well-known/mta-sts.txt"));
    vec![
        with_status(
            "policy-redirect.test",
            "the policy host redirects to the website",
            "301 Moved Permanently",
            to,
        )
        .expect("broken", &["STS212"])
        .near_miss_of(&["STS213"]),
        with_status(
            "policy-redirect-302.test",
            "the policy host redirects for now",
            "302 Found",
            to,
        )
        .expect("broken", &["STS212"])
        .near_miss_of(&["STS213"]),
        with_status("policy-404.test", "the policy host knows no policy", "404 Not Found", None)
            .expect("broken", &["STS213"])
            .near_miss_of(&["STS212", "STS301"]),
        with_status(
            "policy-500.test",
            "the policy host has an internal error",
            "500 Internal Server Error",
            None,
        )
        .expect("broken", &["STS213"])
        .near_miss_of(&["STS219"]),
        Domain::good("policy-204.test", "a success without content")
            .policy_host(WebHost::replying(Reply {
                status: "204 No Content",
                body: Some(Vec::new()),
                manner: Manner::CloseNotify,
                ..Reply::good()
            }))
            .expect("broken", &["STS213"])
            .near_miss_of(&["STS217", "STS301"]),
        with_headers(
            "policy-as-html.test",
            "the policy is served as text/html",
            vec![("Content-Type", "text/html; charset=utf-8")],
        )
        .expect("broken", &["STS214"])
        .near_miss_of(&["STS309"]),
        with_headers("policy-without-type.test", "the policy is served without a type", Vec::new())
            .expect("broken", &["STS214"])
            .near_miss_of(&["STS219"]),
        sending("policy-gzip.test", "the policy is compressed, unasked", Manner::Gzip)
            .expect("broken", &["STS215"])
            .near_miss_of(&["STS214", "STS313"]),
        sending("policy-http-silence.test", "the policy host never replies", Manner::Silence)
            .expect("broken", &["STS218"])
            .near_miss_of(&["STS203", "STS219"]),
        sending(
            "policy-http-garbage.test",
            "the policy host replies, not in HTTP",
            Manner::Garbage,
        )
        .expect("broken", &["STS219"])
        .near_miss_of(&["STS205", "STS218"]),
        sending("policy-http-cut-head.test", "the reply ends within its head", Manner::CutInHead)
            .expect("broken", &["STS219"])
            .near_miss_of(&["STS214", "STS217"]),
    ]
}

fn bodies() -> Vec<Domain> {
    let sending =
        |name, about, manner| Domain::good(name, about).policy_host(WebHost::sending(manner));
    vec![
        Domain::good("policy-too-large.test", "a policy of 70,000 octets")
            .policy(padded("policy-too-large.test", 70_000))
            .expect("broken", &["STS216"])
            .near_miss_of(&["STS217", "STS315"]),
        Domain::good("policy-too-large-by-one.test", "a policy of 65,537 octets, without length")
            .policy_host(WebHost::sending(Manner::Chunked))
            .policy(padded("policy-too-large-by-one.test", 65_537))
            .expect("broken", &["STS216"])
            .near_miss_of(&["STS217", "STS315"]),
        sending("policy-cut.test", "the body ends before its length", Manner::CutShort)
            .expect("broken", &["STS217"])
            .near_miss_of(&["STS219", "STS305"]),
        sending(
            "policy-cut-without-length.test",
            "the connection breaks within a body of no announced length",
            Manner::CutAbruptly,
        )
        .expect("broken", &["STS217"])
        .near_miss_of(&["STS219", "STS305"]),
        sending("policy-slow-drip.test", "the body comes an octet at a time", Manner::Drip)
            .expect("broken", &["STS218"])
            .near_miss_of(&["STS217"]),
    ]
}
