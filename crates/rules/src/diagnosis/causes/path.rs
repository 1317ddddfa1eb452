//! The way of the mail, and what can't be told.

causes! { PATH:
FAIL401 Error Interference "receiving-address-not-ours"
    "mail went to an address that is none of our MX hosts"
    why "The sender connected to a stranger: forged DNS, redirected traffic, or a relay of ours that is not known here. Under an enforced policy the failed sessions did not deliver; in mode testing or without a policy the mail was handed over."
    source "RFC 8461 §10.1, RFC 8460 §4.4"
    fix "Find out whose address it is. If it is a relay or an earlier host of ours, tell sealpost; if not, take it for an attack on the way of mail to us: keep or begin enforcing, and tell the reporter."
FAIL402 Error Interference "receiving-host-not-ours"
    "the sender was led to a host that is none of our MX records"
    why "Its MX look-up gave a name that we do not publish: forged DNS, or MX records that were ours earlier."
    source "RFC 8461 §10.1, RFC 8461 §4.1"
    fix "Compare with the history of the MX records. If the name was never ours, keep the policy enforced, sign the zone with DNSSEC, and tell the reporter."
FAIL403 Warning Sender "receiving-address-private"
    "the sender connected to an address that is not on the public Internet"
    why "Inside the sender's network a proxy or a rewritten address takes the place of our host."
    source "RFC 8460 §4.4, RFC 8461 §10.1"
    fix "Tell the sender's postmaster that a proxy on its side takes its mail to us; keep the policy as it is."
}

causes! { OPEN:
FAIL501 Warning Unclear "unknown-result-type"
    "the report names a result type that is not registered"
    why "Such names are allowed to come up and are kept as written; what the reporter means by it is not known here."
    source "RFC 8460 §4.3, RFC 8460 §6.6"
    fix "Read the reason code and ask the reporter; then check the domain with `sealpost check`."
FAIL502 Warning Unclear "not-said-how"
    "sessions failed, and the report does not say how"
    why "The report counts failed sessions and gives no details of them, or of some only. All that is sure is that they failed."
    source "RFC 8460 §4.4"
    fix "Check the domain with `sealpost check`, compare with other reports of these days, and ask the reporter for details."
}
