//! `sealpost report bounce`

use sealpost_report::{Bounced, take_bounce};
use sealpost_runtime::Clock;

use super::{open_to_write, store_failure};
use crate::arguments::BounceArguments;
use crate::input;
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

/// How much of a mail is read, in octets: what says why it came back stands at its beginning.
const MOST_OCTETS: u64 = 1 << 20;

pub(super) async fn run(
    arguments: &BounceArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let section = arguments.store.over(arguments.store.load().map_err(Failure::temporary)?.report);
    let mail = input::read(&arguments.file, MOST_OCTETS).map_err(Failure::temporary)?;
    if arguments.file.as_os_str() == "-" {
        // A mail server that writes on would take a closed pipe for a failure.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
    }
    let path = section.store_file();
    let store = open_to_write(&path).await.map_err(Failure::temporary)?;
    let now = Clock::system().now().as_second();
    let days = section.delivery.unwrap_or_default().suppress_days;
    let taken = take_bounce(&store.submissions(), &mail, now, days).await;
    let taken = taken.map_err(|error| store_failure(&path, &error).temporary())?;
    store.close().await;
    let line = match taken {
        Bounced::Suppressed { id, rua, reason } => {
            format!("{rua}: nothing is sent there for {days} days: {reason} (report {})", id.0)
        }
        Bounced::Known { id } => format!("it is known that report {} came back", id.0),
        Bounced::NotFinal => "it says nothing final".to_owned(),
        Bounced::NoNotification => "it is no delivery status notification".to_owned(),
        Bounced::NotOurs => "it is about no report of ours".to_owned(),
    };
    output.line(&without_controls(&line))?;
    Ok(Outcome::Clean)
}
