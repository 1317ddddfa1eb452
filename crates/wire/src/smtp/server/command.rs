//! Command lines (RFC 5321 section 4.1.1).

use super::{
    envelope::Hello,
    path,
    reply::{self, Line},
};

/// A command, its arguments not yet judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Hello {
        by: Hello,
        name: &'a str,
    },
    Mail {
        path: &'a str,
        parameters: &'a str,
    },
    Recipient {
        path: &'a str,
        parameters: &'a str,
    },
    Data,
    Reset,
    Nothing,
    Quit,
    Verify,
    Expand,
    Help,
    StartTls,
    /// BDAT, which is not offered: octets of a message would follow.
    Chunk,
    /// The beginning of a request of another protocol: a browser that was led here, say.
    Foreign,
    Unknown,
}

impl<'a> Command<'a> {
    /// Reads a line without its end.
    pub(super) fn parse(line: &'a [u8]) -> Result<Self, Line> {
        let text = core::str::from_utf8(line).map_err(|_| reply::NOT_TEXT)?;
        //= https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1
        //# (In the interest of improved interoperability, SMTP
        //# receivers SHOULD tolerate trailing white space before the terminating
        //# <CRLF>.)
        let text = text.trim_end_matches([' ', '\t']);
        if text.contains(char::is_control) {
            return Err(reply::NOT_TEXT);
        }
        let (verb, arguments) = text.split_once(' ').unwrap_or((text, ""));
        //= https://www.rfc-editor.org/rfc/rfc5321#section-2.4
        //# Verbs and argument values (e.g., "TO:" or "to:" in the RCPT command
        //# and extension name keywords) are not case sensitive, with the sole
        //# exception in this specification of a mailbox local-part
        match verb.to_ascii_uppercase().as_str() {
            "HELO" => Self::hello(Hello::Helo, arguments),
            "EHLO" => Self::hello(Hello::Ehlo, arguments),
            "LHLO" => Self::hello(Hello::Lhlo, arguments),
            "MAIL" => {
                let (path, parameters) =
                    path_behind("FROM:", arguments).ok_or(reply::BAD_SENDER)?;
                Ok(Self::Mail { path, parameters })
            }
            "RCPT" => {
                let (path, parameters) =
                    path_behind("TO:", arguments).ok_or(reply::BAD_RECIPIENT)?;
                Ok(Self::Recipient { path, parameters })
            }
            "DATA" => alone(Self::Data, arguments),
            "RSET" => alone(Self::Reset, arguments),
            "QUIT" => alone(Self::Quit, arguments),
            "STARTTLS" => alone(Self::StartTls, arguments),
            "NOOP" => Ok(Self::Nothing),
            "HELP" => Ok(Self::Help),
            "VRFY" => with_argument(Self::Verify, arguments),
            "EXPN" => with_argument(Self::Expand, arguments),
            "BDAT" => Ok(Self::Chunk),
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "OPTIONS" | "CONNECT" | "PRI" => {
                Ok(Self::Foreign)
            }
            _ => Ok(Self::Unknown),
        }
    }

    fn hello(by: Hello, name: &'a str) -> Result<Self, Line> {
        // RFC 2034 section 4: no enhanced code in the answers to these.
        match name.trim_start_matches(' ') {
            "" => Err(reply::NO_NAME),
            name => Ok(Self::Hello { by, name }),
        }
    }
}

/// `FROM:<path> parameters`, in any case.
///
/// Spaces before the bracket are not allowed by RFC 5321 section 4.1.1.2, are "a common source of
/// errors" by the same, and do no harm.
fn path_behind<'a>(word: &str, arguments: &'a str) -> Option<(&'a str, &'a str)> {
    let (head, rest) = arguments.trim_start_matches(' ').split_at_checked(word.len())?;
    if !head.eq_ignore_ascii_case(word) {
        return None;
    }
    path::split_path(rest.trim_start_matches(' '))
}

fn alone<'a>(command: Command<'a>, arguments: &str) -> Result<Command<'a>, Line> {
    if arguments.is_empty() { Ok(command) } else { Err(reply::NO_ARGUMENTS) }
}

fn with_argument<'a>(command: Command<'a>, arguments: &str) -> Result<Command<'a>, Line> {
    if arguments.is_empty() { Err(reply::ARGUMENT_WANTED) } else { Ok(command) }
}
