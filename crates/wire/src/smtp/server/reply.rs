//! The replies of a server: each a code, an enhanced code (RFC 3463) and a fixed text.

/// One line of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) code: u16,
    /// Empty where RFC 2034 section 4 wants none: in the greeting and the answers to HELO and EHLO.
    pub(super) enhanced: &'static str,
    pub(super) text: &'static str,
}

const fn line(code: u16, enhanced: &'static str, text: &'static str) -> Line {
    Line { code, enhanced, text }
}

// All is well.
pub(super) const OK: Line = line(250, "2.0.0", "done");
pub(super) const SENDER_OK: Line = line(250, "2.1.0", "sender noted");
pub(super) const RECIPIENT_OK: Line = line(250, "2.1.5", "recipient accepted");
pub(super) const GO_AHEAD: Line = line(354, "", "send the message, end it with <CRLF>.<CRLF>");
pub(super) const BEGIN_TLS: Line = line(220, "2.0.0", "ready for TLS");
pub(super) const BYE: Line = line(221, "2.0.0", "good bye");
pub(super) const HELP: Line =
    line(214, "2.0.0", "this server takes in mail for few recipients, see RFC 5321");
//= https://www.rfc-editor.org/rfc/rfc5321#section-3.5.3
//# A server MUST NOT return a 250 code in response to a VRFY or EXPN
//# command unless it has actually verified the address.
pub(super) const NOT_VERIFIED: Line =
    line(252, "2.0.0", "not verified here, RCPT tells what is accepted");

// Commands that cannot be carried out.
pub(super) const UNKNOWN: Line = line(500, "5.5.1", "unknown command");
pub(super) const NOT_TEXT: Line = line(500, "5.5.2", "a command is one line of text");
pub(super) const TOO_LONG: Line = line(500, "5.5.2", "the line is too long");
pub(super) const BARE_LF: Line = line(500, "5.5.2", "a line ends with CR LF, not with LF alone");
pub(super) const NO_NAME: Line = line(501, "", "say your name behind the command");
pub(super) const NO_ARGUMENTS: Line = line(501, "5.5.4", "this command takes no argument");
pub(super) const ARGUMENT_WANTED: Line = line(501, "5.5.4", "this command wants an argument");
pub(super) const BAD_PARAMETER: Line = line(501, "5.5.4", "a parameter is malformed or repeated");
pub(super) const UNKNOWN_PARAMETER: Line = line(555, "5.5.4", "a parameter is not known here");
pub(super) const BAD_SENDER: Line = line(501, "5.1.7", "write MAIL FROM:<address> or MAIL FROM:<>");
pub(super) const BAD_RECIPIENT: Line = line(501, "5.1.3", "write RCPT TO:<address>");
//= https://www.rfc-editor.org/rfc/rfc5321#section-4.2.4
//# 502
//# SHOULD be used when the command is actually recognized by the SMTP
//# server, but not implemented.
pub(super) const NOT_OFFERED: Line = line(502, "5.5.1", "this command is not offered here");
pub(super) const OTHER_PROTOCOL: Line =
    line(500, "5.5.1", "this server speaks the other of SMTP and LMTP");
pub(super) const HELLO_FIRST: Line = line(503, "5.5.1", "say EHLO first, LHLO in LMTP");
pub(super) const NESTED_MAIL: Line = line(503, "5.5.1", "there is a sender already");
pub(super) const MAIL_FIRST: Line = line(503, "5.5.1", "say MAIL first");
pub(super) const NO_RECIPIENTS: Line = line(554, "5.5.1", "no valid recipients");
pub(super) const NO_RECIPIENTS_LMTP: Line = line(503, "5.5.1", "no valid recipients");
pub(super) const TLS_STANDS: Line = line(503, "5.5.1", "TLS is active already");
//= https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.10
//# If an SMTP server has an implementation limit on the number of RCPT
//# commands and this limit is exhausted, it MUST use a response code of
//# 452
pub(super) const TOO_MANY_RECIPIENTS: Line = line(452, "4.5.3", "too many recipients");
pub(super) const NEEDS_UTF8: Line =
    line(553, "5.6.7", "an address that is not ASCII needs the parameter SMTPUTF8");

// Messages that cannot be taken.
pub(super) const TOO_LARGE: Line = line(552, "5.3.4", "the message is larger than SIZE allows");
pub(super) const BARE_LINE_END: Line =
    line(550, "5.6.0", "the message has a bare CR or LF; RFC 5321 section 2.3.8 forbids it");
pub(super) const LONG_TEXT_LINE: Line =
    line(550, "5.6.0", "a line of the message is far longer than 998 octets");

// The end of the session.
pub(super) const TOO_MANY_ERRORS: &str = "4.7.0 too many errors";
pub(super) const TOO_MANY_COMMANDS: &str = "4.7.0 too many commands without a message";
pub(super) const TOO_MANY_MESSAGES: &str = "4.3.2 enough messages for one connection, come again";
pub(super) const TALKS_AHEAD: &str = "4.5.0 the message came before it was asked for";
