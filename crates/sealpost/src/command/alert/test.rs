//! `sealpost alert test`

use sealpost_alert::{Delivered, Told};
use sealpost_net::Network;

use crate::arguments::AlertTestArguments;
use crate::daemon::messengers;
use crate::outcome::{Failure, Outcome, without_controls};
use crate::output::Output;

pub(super) async fn run(
    arguments: &AlertTestArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let configuration = arguments.configuration.load()?;
    let section = configuration.alert;
    if section.receiver.is_empty() {
        return Err(Failure::new("send a test: the configuration names no receiver")
            .hint("write one into it: [[alert.receiver]]"));
    }
    for name in &arguments.receivers {
        if !section.receiver.iter().any(|receiver| receiver.name == *name) {
            let names: Vec<&str> =
                section.receiver.iter().map(|receiver| receiver.name.as_str()).collect();
            return Err(Failure::new(format!("find a receiver with the name {name:?} in [alert]"))
                .hint(format!("there is {}", names.join(", "))));
        }
    }
    let settings = arguments.network.settings_over(configuration.network)?;
    let host = settings.ehlo_name.clone();
    let clock = arguments.network.clock();
    let network = Network::new(settings, clock.clone()).map_err(Failure::new)?;
    let mut outcome = Outcome::Clean;
    for messenger in messengers(&section, &host, &network)? {
        let name = &messenger.receiver().name;
        if !arguments.receivers.is_empty() && !arguments.receivers.contains(name) {
            continue;
        }
        let now = clock.now();
        let told = [Told::test(now.as_second())];
        let key = format!("test.{}", now.as_millisecond());
        let line = match messenger.tell(&key, &told, now.as_second()).await {
            Delivered::Yes(answer) => format!("{name}: took it: {answer}"),
            Delivered::Not(why) => {
                outcome = Outcome::Findings;
                format!("{name}: did not take it: {why}")
            }
        };
        output.line(&without_controls(&line))?;
    }
    Ok(outcome)
}
