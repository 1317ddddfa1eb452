//! The commands.

mod alert;
mod check;
mod config;
mod enforce;
mod failure;
mod generate;
mod lab;
mod metrics;
mod policy;
mod policy_new;
mod publish;
mod receive;
mod record;
mod report;
mod rule;
mod serve;
mod store;
mod web;

use sealpost_listen::Inherited;
use serde::Serialize;

use crate::arguments::Command;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// Runs one command. The sockets that were passed to the process are for those that listen.
pub(crate) async fn run(
    command: Command,
    inherited: Inherited,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    match command {
        Command::Check(arguments) => check::run(*arguments, output).await,
        Command::Enforce(arguments) => enforce::run(*arguments, inherited, output).await,
        Command::Publish(arguments) => publish::run(arguments, inherited, output).await,
        Command::Receive(arguments) => receive::run(*arguments, inherited, output).await,
        Command::Report(arguments) => report::run(*arguments, inherited, output).await,
        Command::Alert(arguments) => alert::run(*arguments, inherited, output).await,
        Command::Serve(arguments) => serve::run(*arguments, inherited, output).await,
        Command::Config(command) => config::run(command, output),
        Command::Store(command) => store::run(command, output).await,
        Command::Web(command) => web::run(command, output).await,
        Command::Rule(arguments) => rule::run(&arguments, output),
        Command::Failure(arguments) => failure::run(&arguments, output),
        Command::Metrics(arguments) => metrics::run(&arguments, output),
        Command::Policy(command) => policy::run(command, output).await,
        Command::Record(command) => record::run(command, output),
        Command::Lab(arguments) => lab::run(&arguments, inherited, output).await,
        Command::Completions { shell } => generate::completions(shell, output),
        Command::Man { directory } => generate::man_pages(&directory, output),
    }
}

/// A finding on a text, as the lint commands print it in JSON.
#[derive(Debug, Serialize)]
struct LintFinding {
    code: &'static str,
    severity: &'static str,
    message: String,
    /// Octet offsets into the text; null for a finding that is not about the text.
    span: Option<[usize; 2]>,
    fix: String,
}

impl LintFinding {
    fn new(finding: &sealpost_rules::Finding) -> Self {
        Self {
            code: finding.rule.code,
            severity: finding.rule.severity.as_str(),
            message: finding.message.clone(),
            span: finding
                .excerpt
                .as_ref()
                .map(|excerpt| [excerpt.octets.start, excerpt.octets.end]),
            fix: finding.fix.clone(),
        }
    }
}
