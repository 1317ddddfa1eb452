//! `sealpost alert ack`

use sealpost_runtime::Clock;
use sealpost_store::incidents::Acknowledgement;
use sealpost_store::{Act, ActKind, Settings, Store};

use super::{store_failure, time};
use crate::arguments::AlertAckArguments;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// The longest reason, in characters, and the longest name.
const LONGEST: (usize, usize) = (500, 200);

/// The longest time for which nobody is told, in seconds: as on the page.
const LONGEST_SILENCE: i64 = 8_760 * 3_600;

pub(super) async fn run(
    arguments: &AlertAckArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let now = Clock::system().now().as_second();
    let (reason, by) = (arguments.reason.trim(), arguments.by.trim());
    let is_fit = |text: &str, longest: usize| {
        !text.is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
    };
    for (what, flag, text, longest) in
        [("reason", "--reason", reason, LONGEST.0), ("name", "--by", by, LONGEST.1)]
    {
        if !is_fit(text, longest) {
            let failure = format!("take an incident in hand: that is no {what}");
            return Err(Failure::new(failure)
                .hint(format!("give one line of at most {longest} characters with {flag}")));
        }
    }
    let until = arguments.until.as_second();
    if until <= now {
        return Err(Failure::new("take an incident in hand: the end is over already"));
    }
    if until.saturating_sub(now) > LONGEST_SILENCE {
        return Err(Failure::new("take an incident in hand for more than a year")
            .hint("give an earlier end with --until, and take it in hand again then"));
    }
    let path = arguments.configuration.store_file()?;
    if !path.exists() {
        return Err(Failure::new(format!("find the store {}", path.display()))
            .hint("give the store of the daemon with --store or --config"));
    }
    let store = Store::open(Settings::at(&path)).await;
    let store = store.map_err(|error| store_failure(&path, &error))?;
    let word = Acknowledgement { by: by.to_owned(), at: now, until, reason: reason.to_owned() };
    let taken = store.incidents().acknowledge(arguments.id.clone(), word).await;
    let taken = taken.map_err(|error| store_failure(&path, &error))?;
    let said = match taken {
        true => format!("nobody is told of {} until {}", arguments.id, time(until)),
        false => format!("there is no open incident {}", arguments.id),
    };
    let act = Act {
        kind: ActKind::Change,
        at: now,
        who: by.to_owned(),
        source: "command line".to_owned(),
        what: "acknowledge".to_owned(),
        about: format!("incident {}: {reason}", arguments.id),
        outcome: said.clone(),
    };
    store.audit().note(act).await.map_err(|error| store_failure(&path, &error))?;
    store.close().await;
    output.say(&said);
    Ok(if taken { Outcome::Clean } else { Outcome::Findings })
}
