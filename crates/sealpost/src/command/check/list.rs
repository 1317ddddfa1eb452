//! `sealpost check --from`, `--zone`, `--axfr`: many domains in one run.

mod feed;

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use sealpost_check::{Checker, MailNames, MasterFile, ZoneNames, ZoneRecord};
use sealpost_net::{Settings, TsigKey, transfer_zone};
use sealpost_runtime::{Clock, Stopwatch};

use self::feed::{Feed, Source};
use super::kept;
use super::seen::Seen;
use super::sink::Sink;
use crate::arguments::{CheckArguments, CheckFormat, ListArguments, Zone};
use crate::daemon::Signals;
use crate::input;
use crate::outcome::{Failure, Outcome};
use crate::output::Output;

/// How often the progress is shown.
const TICK: Duration = Duration::from_millis(200);
/// The largest file of a key, in octets.
const LARGEST_KEY: u64 = 64 * 1024;

pub(super) async fn run(
    arguments: &CheckArguments,
    output: &mut Output,
) -> Result<Outcome, Failure> {
    let list = &arguments.list;
    if list.resume && arguments.format != CheckFormat::Json {
        let failure =
            Failure::new("go on with an earlier run: only --format json can be read again");
        return Err(failure.hint("give --format json, and draw other forms from the file later"));
    }
    let source = source(arguments, output).await?;
    let checker = checker(arguments)?;
    let mut sink = Sink::new(arguments, output).for_list();
    let mut seen = Seen::default();
    if let Some(path) = &list.output {
        let file = kept::open(path, list.resume, &mut seen, |line| sink.count(line))?;
        sink.write_into(file);
    }
    let (domains, feed) = Feed::start(source, seen)?;
    let mut signals = Signals::new()?;
    sink.keep_evidence(arguments)?;
    let mut progress = Progress { since: Stopwatch::start(), shown: None, before: sink.shown() };
    let looking = checker.check_as_they_come(domains, |checked| {
        let flow = sink.take(&checked);
        progress.show(&feed, &mut sink);
        flow
    });
    let is_whole = tokio::select! {
        () = looking => true,
        () = signals.stop() => false,
    };
    sink.output.progress("");
    if !is_whole {
        return Err(stopped(list, sink.shown()));
    }
    if feed.tell_faults(sink.output) {
        sink.could_not_tell();
    }
    sink.finish()
}

/// Why there is no result for the list as a whole. What was found is there.
fn stopped(list: &ListArguments, shown: usize) -> Failure {
    let failure =
        Failure::new(format!("look at the whole list: it was stopped after {shown} domains"));
    match &list.output {
        Some(_) => failure.hint("the same command with --resume goes on"),
        None => failure.hint("with --format json --output FILE a run can be gone on with"),
    }
}

async fn source(arguments: &CheckArguments, output: &mut Output) -> Result<Source, Failure> {
    let list = &arguments.list;
    if let Some(file) = &list.from {
        return Source::open(file);
    }
    let names = match (&list.zone, &list.axfr) {
        (Some(file), _) => {
            let read = MasterFile::mail_names(input::open(file)?, list.origin.as_deref());
            read.map_err(|fault| Failure::new(format!("read {}: {fault}", file.display())))?
        }
        (None, Some(zone)) => {
            let key = list.tsig_key.as_deref().map(tsig_key).transpose()?;
            transferred(zone, key.as_ref()).await?
        }
        (None, None) => ZoneNames::default(),
    };
    for name in &names.passed_over {
        output.say(&format!("passed over {name}: nobody can write to it as it stands"));
    }
    if names.domains.is_empty() {
        return Err(Failure::new("find a name in the zone that takes mail: there is none"));
    }
    Ok(Source::Names(names.domains.into_iter().collect()))
}

async fn transferred(zone: &Zone, key: Option<&TsigKey>) -> Result<ZoneNames, Failure> {
    let mut names = MailNames::new(zone.name.as_str());
    // Signatures are of now, whatever `--at` says of certificates.
    transfer_zone(&zone.name, zone.server, key, &Clock::system(), |record| {
        names.add(&record.owner, ZoneRecord::of_type(&record.kind));
    })
    .await
    .map_err(Failure::new)?;
    Ok(names.finish())
}

fn tsig_key(file: &Path) -> Result<TsigKey, Failure> {
    let wrong = |what: &str| Failure::new(format!("read {}: {what}", file.display()));
    let octets = input::read(file, LARGEST_KEY)?;
    if octets.len() as u64 > LARGEST_KEY {
        return Err(wrong("it is too large for a key"));
    }
    let text = std::str::from_utf8(&octets).map_err(|_| wrong("it is not UTF-8"))?;
    TsigKey::parse(text).map_err(|error| wrong(&error.to_string()))
}

fn checker(arguments: &CheckArguments) -> Result<Checker, Failure> {
    let at_once = NonZeroUsize::new(arguments.list.at_once.into()).unwrap_or(NonZeroUsize::MIN);
    let settings = super::settings(arguments)?;
    let second = Settings { last_resolver_first: true, ..settings.clone() };
    let [first, second] = [settings, second].map(|settings| super::open(settings, arguments));
    let checker = Checker::new(first?, super::scope(&arguments.only), at_once);
    Ok(checker.with_second(second?))
}

/// Shows how far it has come.
struct Progress {
    since: Stopwatch,
    shown: Option<Stopwatch>,
    /// How many results there were before.
    before: usize,
}

impl Progress {
    fn show(&mut self, feed: &Feed, sink: &mut Sink<'_>) {
        if self.shown.as_ref().is_some_and(|shown| shown.elapsed() < TICK) {
            return;
        }
        self.shown = Some(Stopwatch::start());
        let seconds = self.since.elapsed().as_secs_f64().max(0.001);
        let done = sink.shown() - self.before;
        let rate = done as f64 / seconds;
        let left = match feed.part_done(done) {
            Some(part) if part > 0.0 && done > 0 => {
                let left = seconds * (1.0 - part) / part;
                format!(", {:.0} %, about {} left", part * 100.0, time(left))
            }
            _ => String::new(),
        };
        sink.output.progress(&format!("{} domains, {rate:.0}/s{left}", sink.shown()));
    }
}

fn time(seconds: f64) -> String {
    match seconds as u64 {
        seconds @ 0..90 => format!("{seconds} s"),
        seconds @ 90..5400 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}
