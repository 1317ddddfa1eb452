//! The fuzz targets as plain functions: each takes any octets and panics when something that must
//! always hold does not.
//!
//! The fuzzer of the folder `fuzz/` and the smoke test of this crate, which runs on stable Rust,
//! call the same functions. The seeds lie in `corpus/`, a folder for each target.

// Names.
mod names;

pub use names::{domain_name, mx_pattern};

// Records and policies.
mod texts;

pub use texts::{sts_policy, sts_record, tls_rpt_record};

// Reports.
mod reports;

pub use reports::{tls_report, tls_report_counts};
// What mail servers tell of sessions.
mod sessions;

pub use sessions::{tls_log_line, tls_session};

// What reports come in, and who signed it.
mod dkim;
mod mailbox;
mod mails;
mod results;

pub use dkim::dkim_message;
pub use mailbox::mailbox_file;
pub use mails::{report_mail, report_payload};
pub use results::authentication_results;

// What comes back of the reports that are sent.
mod bounces;

pub use bounces::bounced_mail;

// What mail servers say.
mod smtp;
mod smtp_client;
mod smtp_server;

pub use smtp::{smtp_probe, smtp_reply};
pub use smtp_client::smtp_client;
pub use smtp_server::smtp_server;

// What IMAP servers say.
mod imap;

pub use imap::imap_response;

// TLSA records.
mod tlsa;

pub use tlsa::{tlsa_rdata, tlsa_text};

// What TLS servers answer.
mod tls;

pub use tls::tls_server_answer;

// What mail servers ask.
mod socketmap;

pub use socketmap::{socketmap_request, tcp_table_request};

// What other programs remember, and whom mail was sent to.
mod import;

pub use import::{
    dump_line, mail_recipients, postfix_tlspol_cache, postfix_tlspol_line, resolver_row,
};

/// A fuzz target: it takes any octets, and panics when what must hold does not.
pub type Target = fn(&[u8]);

/// Every target with its name, which is also that of its seed folder and its fuzzer binary.
pub const TARGETS: &[(&str, Target)] = &[
    ("authentication_results", authentication_results),
    ("bounced_mail", bounced_mail),
    ("dkim_message", dkim_message),
    ("domain_name", domain_name),
    ("dump_line", dump_line),
    ("imap_response", imap_response),
    ("mail_recipients", mail_recipients),
    ("mailbox_file", mailbox_file),
    ("mx_pattern", mx_pattern),
    ("postfix_tlspol_cache", postfix_tlspol_cache),
    ("postfix_tlspol_line", postfix_tlspol_line),
    ("report_mail", report_mail),
    ("report_payload", report_payload),
    ("resolver_row", resolver_row),
    ("smtp_client", smtp_client),
    ("smtp_probe", smtp_probe),
    ("smtp_reply", smtp_reply),
    ("smtp_server", smtp_server),
    ("socketmap_request", socketmap_request),
    ("sts_policy", sts_policy),
    ("sts_record", sts_record),
    ("tcp_table_request", tcp_table_request),
    ("tls_log_line", tls_log_line),
    ("tls_report", tls_report),
    ("tls_report_counts", tls_report_counts),
    ("tls_rpt_record", tls_rpt_record),
    ("tls_server_answer", tls_server_answer),
    ("tls_session", tls_session),
    ("tlsa_rdata", tlsa_rdata),
    ("tlsa_text", tlsa_text),
];
