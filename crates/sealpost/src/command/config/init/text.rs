//! The text of a configuration.

use super::Wishes;
use crate::arguments::{PublishingName, ReceivingName, SendingName};

/// The file beside the configuration in which the password of the mailbox lies.
pub(super) const PASSWORD_FILE: &str = "imap-password";

/// Writes it. Everything in it was parsed before, but for the user of a mailbox.
pub(super) fn of(wishes: &Wishes) -> String {
    let mut text = TOP.to_owned();
    if wishes.sending == SendingName::Postfix {
        text.push_str(ENFORCE);
    }
    if wishes.receive != ReceivingName::None {
        receive(wishes, &mut text);
    }
    if wishes.publish != PublishingName::None {
        publish(wishes, &mut text);
    }
    text
}

const TOP: &str = r#"# What sealpost does here. `sealpost config schema` describes every key.
# After a change: sealpost config check --config FILE, and then systemctl reload sealpost.

# Everything is kept in this file. It need not be named: root and systemd have it in
# /var/lib/sealpost, others in ~/.local/state/sealpost.
# store = "/var/lib/sealpost/store.sqlite"

[serve]
# Pages for people, and /metrics for Prometheus: on this machine only.
http = ["127.0.0.1:8460"]
"#;

const ENFORCE: &str = r#"
# Tells Postfix which mail must be encrypted, and to whom. Postfix has to ask:
# `sealpost enforce setup postfix` shows how, and the keys below that fit it.
[enforce]
listen = ["127.0.0.1:8461"]
# default_level = "may"            # smtp_tls_security_level of Postfix
# dane = "on"                      # if its resolvers validate
# mta_resolvers = ["127.0.0.1:53"]

# Counts the TLS sessions of Postfix 3.10 and later, to report them to other domains. Postfix must
# reach the socket; without [report.delivery] nothing is sent.
# [report]
# socket = ["unix:/var/spool/postfix/run/tlsrpt/tlsrpt.sock"]
# socket_owner = ":postfix"
# contact = "tls-reports@example.com"
"#;

fn receive(wishes: &Wishes, text: &mut String) {
    let domains = list(wishes.domains.iter());
    text.push_str(&format!(
        "\n# Takes in the TLS reports of others and explains them. Only those about these domains count.\n\
         # MX hosts in other domains have to be named too.\n\
         [receive]\n\
         domains = [{domains}]\n"
    ));
    let Some((host, user)) = &wishes.mailbox else {
        text.push_str(
            "\n# A mail server hands on here what comes for tls-reports@ each domain.\n\
             [receive.listen]\n\
             smtp = [\"127.0.0.1:8464\"]\n\
             lmtp = [\"127.0.0.1:8465\"]\n",
        );
        return;
    };
    text.push_str(&format!(
        "\n# Mail comes by the mailbox alone.\n\
         [receive.listen]\n\
         smtp = []\n\
         lmtp = []\n\
         \n\
         [[receive.imap]]\n\
         host = \"{host}\"\n\
         user = {}\n\
         password_file = \"{PASSWORD_FILE}\"    # beside this file, chmod 600\n\
         # after = \"seen\"                    # by default no mail is changed\n",
        serde_json::Value::from(user.as_str())
    ));
}

fn publish(wishes: &Wishes, text: &mut String) {
    text.push_str(
        "\n# Leads each domain from testing to enforce. Nothing moves on without being asked, unless\n\
         # `rollout.autonomy` is \"auto\".\n\
         [publish]\n",
    );
    let is_own = wishes.publish == PublishingName::Own;
    if is_own {
        text.push_str(
            "\n# Policies are served here. The port wants CAP_NET_BIND_SERVICE, which the unit of the\n\
             # Debian package has.\n\
             [publish.host]\n\
             https = [\"[::]:443\"]\n\
             # The addresses of this machine as the DNS has them. A certificate is ordered only for a\n\
             # policy host that has them; without them, or `target` of the domain, for none.\n\
             # addresses = [\"192.0.2.80\"]\n\
             \n\
             # Certificates come from Let's Encrypt, once you agree to its terms. Without this section\n\
             # they come from files: `certificates` in [publish.host].\n\
             [publish.acme]\n\
             agree_to_terms = false\n\
             # contact = [\"mailto:postmaster@example.com\"]\n",
        );
    }
    for domain in &wishes.domains {
        text.push_str(&format!("\n[publish.domains.\"{domain}\"]\n"));
        if !wishes.providers.is_empty() {
            let names = wishes.providers.iter().map(|provider| provider.as_str());
            text.push_str(&format!("providers = [{}]\n", list(names)));
        }
        if !wishes.mx.is_empty() {
            text.push_str(&format!("mx = [{}]\n", list(wishes.mx.iter())));
        }
        text.push_str(&format!("rua = [\"mailto:tls-reports@{domain}\"]\n"));
        if is_own {
            text.push_str(
                "host = \"own\"\n\
                 # target = [\"192.0.2.80\"]          # the addresses of this machine\n",
            );
        }
    }
}

/// Strings of TOML, none of which has to be escaped.
fn list(words: impl Iterator<Item = impl std::fmt::Display>) -> String {
    words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
