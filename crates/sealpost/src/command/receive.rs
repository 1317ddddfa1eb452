//! `sealpost receive`

mod export;
mod failures;
mod import;
mod lint;
mod list;
mod reparse;
mod show;
mod stored;
mod summary;
mod text;
mod trial;

use std::path::Path;

use sealpost_listen::Inherited;
use sealpost_receive::{Limits, Unreadable};

use crate::arguments::{ReceiveArguments, ReceiveCommand};
use crate::daemon::{self, Company, RoleName, Setup};
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: ReceiveArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match arguments.command {
        Some(ReceiveCommand::Show(arguments)) => show::run(*arguments, output).await,
        Some(ReceiveCommand::Lint(arguments)) => lint::run(&arguments, output),
        Some(ReceiveCommand::Import(arguments)) => import::run(&arguments, output).await,
        Some(ReceiveCommand::Reparse(arguments)) => reparse::run(&arguments, output).await,
        Some(ReceiveCommand::List(arguments)) => list::run(&arguments, output).await,
        Some(ReceiveCommand::Failures(arguments)) => failures::run(&arguments, output).await,
        Some(ReceiveCommand::Export(arguments)) => export::run(&arguments, output).await,
        Some(ReceiveCommand::Summary(arguments)) => summary::run(&arguments, output).await,
        Some(ReceiveCommand::Test(arguments)) => trial::run(&arguments, output).await,
        None => serve(&arguments, inherited, output).await,
    }
}

/// Runs the role alone.
async fn serve(
    arguments: &ReceiveArguments,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let load = || {
        let mut configuration = arguments.configuration.load()?;
        configuration.receive = arguments.over(configuration.receive);
        Ok(configuration)
    };
    let company = Company::Alone(RoleName::Receive);
    let network = &arguments.network;
    let setup = Setup { load: &load, network, clock: network.clock(), company };
    daemon::run(setup, inherited, output).await
}

/// Something that may hold reports.
struct Source {
    /// What people call it.
    name: String,
    octets: Vec<u8>,
}

impl Source {
    /// Reads a file whole; of one that is longer than any mail that is read, not even the beginning
    /// is judged.
    fn open(file: &Path, limits: &Limits) -> Result<Self, Failure> {
        let name = match file.display().to_string() {
            name if name == "-" => "standard input".to_owned(),
            name => name,
        };
        let limit = limits.mail.octets;
        let octets = input::read(file, u64::try_from(limit).unwrap_or(u64::MAX))?;
        if octets.len() > limit {
            return Err(Failure::new(format!("read {name}: it has more than {limit} octets"))
                .hint("a mailbox or an archive of many mails has to be taken apart first"));
        }
        Ok(Self { name, octets })
    }
}

/// What to do about something unreadable, where its own text does not say it.
fn remedy(unreadable: &Unreadable) -> &'static str {
    match unreadable.code() {
        "empty" => "nothing came in: name the file of the report, or pipe the whole mail into `-`",
        "no-report" | "not-a-report" | "not-json" | "no-mail" => {
            "give the whole mail (.eml), or its attachment as it is (.json.gz, .json); DMARC \
             reports are XML and something else"
        }
        "no-report-in-mail" => {
            "give the mail in its original form: some programs forward mails without attachments"
        }
        "broken-off" => "it was cut off on its way: take it out of the mail again",
        "gzip-truncated" | "gzip-corrupt" | "zip-truncated" | "zip-corrupt" => {
            "take the attachment out of the mail again, as a binary file"
        }
        "too-large"
        | "too-large-unpacked"
        | "ratio-too-high"
        | "too-many"
        | "too-deep"
        | "too-long"
        | "too-many-policies"
        | "too-many-details"
        | "mail-too-large"
        | "mail-header-too-long"
        | "parts-cut"
        | "depth-cut"
        | "messages-cut"
        | "header-cut" => {
            "no report of any known sender is so large; it may be made to harm who reads it"
        }
        "reports-cut" => "ask the sender for mails with one report each, as RFC 8460 has it",
        _ => "the report stays unread: ask its sender for one as RFC 8460 describes it",
    }
}
