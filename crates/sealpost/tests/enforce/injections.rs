//! Text of a policy that would mean something to a mail server never reaches it.
//!
//! postfix-mta-sts-resolver 1.5.1 copies all three into its answers.

use crate::daemon::World;

#[test]
fn nothing_of_a_policy_is_copied_into_an_answer() {
    let world = World::new();
    let daemon = world.daemon("20");
    let mut client = daemon.client();
    for domain in ["policy-injection-mx.test", "policy-injection-field.test"] {
        let host = format!("mx1.{domain}");
        let secure = format!("OK secure match={host} servername=hostname");
        // Before 3.6 Postfix knows no `>=`.
        let old = "protocols=!SSLv2:!SSLv3:!TLSv1:!TLSv1.1";
        let reported = format!(
            "policy_type=sts policy_domain={domain} mx_host_pattern={host} \
             {{ policy_string = version: STSv1 }} {{ policy_string = mode: enforce }} \
             {{ policy_string = mx: {host} }} {{ policy_string = max_age: 604800 }}"
        );
        for (map, expected) in [
            ("postfix", format!("{secure} protocols=>=TLSv1.2 {reported}")),
            ("QUERYwithTLSRPT", format!("{secure} protocols=>=TLSv1.2 {reported}")),
            ("postfix-3.10", format!("{secure} protocols=>=TLSv1.2 {reported}")),
            ("postfix-3.9", format!("{secure} {old}")),
            ("QUERY", format!("{secure} {old}")),
            ("postfix-3.3", format!("OK secure match={host} {old}")),
            ("exim", format!("OK secure match={host}")),
        ] {
            assert_eq!(client.ask(map, domain), expected, "{map}");
        }
    }
    // A policy that names no host cannot be enforced: as without one.
    for domain in ["policy-injection-mx-only.test", "policy-mx-all-invalid.test"] {
        for map in [
            "postfix",
            "postfix-3.10",
            "postfix-3.9",
            "postfix-3.3",
            "exim",
            "QUERY",
            "QUERYwithTLSRPT",
        ] {
            assert_eq!(client.ask(map, domain), "NOTFOUND", "{map} {domain}");
        }
    }
    // Nor can a key do what the text of a policy cannot.
    for key in ["good.test match=nexthop", "good.test\n OK may", "{ policy_string = a }", "*"] {
        assert_eq!(client.ask("postfix", key), "NOTFOUND", "{key:?}");
    }
}
