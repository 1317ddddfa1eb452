//! One mail or report on standard input, from a mail server or a person.

use std::path::Path;

use sealpost_receive::{Arrived, is_mbox};
use sealpost_runtime::Clock;
use sealpost_store::{Arrival, Incoming, Origin};

use super::{account::Account, show};
use crate::arguments::ReceiveImportArguments;
use crate::command::receive::stored::Stored;
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

pub(super) async fn run(
    arguments: &ReceiveImportArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    if arguments.paths.len() > 1 {
        return Err(Failure::new("import standard input and files together: give one of them"));
    }
    // It is read before the store is opened: a mail server waits for nothing but its mail to be taken.
    let section = arguments.store.section_of_intake().map_err(Failure::temporary)?;
    let most_octets = section.reading_limits().most_octets();
    let octets = input::read(Path::new("-"), u64::try_from(most_octets).unwrap_or(u64::MAX));
    let mut octets = octets.map_err(Failure::temporary)?;
    if octets.len() > most_octets {
        let what = format!("import a mail that is longer than {} MiB", most_octets >> 20);
        return Err(Failure::new(what).for_good());
    }
    // A mail server may put it before the mail; it is not part of it.
    if is_mbox(&octets)
        && let Some(end) = octets.iter().position(|octet| *octet == b'\n')
    {
        octets.drain(..=end);
    }
    let stored = Stored::open_or_make(&arguments.store).await.map_err(Failure::temporary)?;
    let intake = stored.intake(&arguments.judgement).map_err(Failure::temporary)?;
    let at = Clock::system().now().as_second();
    let arrival = Arrival { origin: Origin::Pipe, at, peer: None, recipient: None };
    let incoming = Incoming { octets: std::sync::Arc::new(octets), arrival };
    let put = intake.put_all(vec![incoming]).await;
    let put = put.map_err(|error| stored.failure(&error).temporary())?;
    // It is on the disk. Whatever happens now is no reason to send it again.
    let mut account = Account::default();
    for (stored_one, unread) in put {
        let taken = match unread {
            None => None,
            Some(unread) => match intake.read_all(vec![unread]).await {
                Ok(mut taken) => taken.pop(),
                Err(error) => {
                    let failure = stored.failure(&error);
                    output.say(&format!("{failure}; it is stored, `reparse` reads it"));
                    return Ok(Outcome::Clean);
                }
            },
        };
        account.add(&Arrived { stored: stored_one, taken }, "standard input", output);
    }
    stored.close().await;
    show(&account, arguments.format, output)?;
    Ok(Outcome::Clean)
}
