//! The table.

use std::{fs, time::Duration};

use crate::{load::Outcome, measure::median};

/// What one measurement gave.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    per_second: f64,
    /// Microseconds of processor time for each reply.
    cost: f64,
    p50: f64,
    p99: f64,
}

impl Figures {
    pub fn of(outcome: &Outcome, cost: f64) -> Self {
        Self {
            per_second: outcome.per_second(),
            cost,
            p50: microseconds(outcome.quantile(0.5)),
            p99: microseconds(outcome.quantile(0.99)),
        }
    }
}

/// What one measurement of unknown domains gave: answers in a second, and microseconds of processor
/// time for each.
#[derive(Clone, Copy, Debug)]
pub struct Cold {
    pub per_second: f64,
    /// Answers that say `TEMP`, which are not among those.
    pub temporary: u64,
    /// Of the server.
    pub cost: f64,
    /// Of the DNS that it asks.
    pub resolver: f64,
    /// Of the client.
    pub client: f64,
}

/// The lines of the table, printed as they come.
#[derive(Debug, Default)]
pub struct Report {
    has_head: bool,
}

impl Report {
    /// A way to ask, with the figures of each server in all rounds. Ratios are to the echo server
    /// with replies of the same length.
    pub fn case(&mut self, title: &str, all: Vec<(&'static str, Vec<Figures>)>) {
        if !self.has_head {
            println!(
                "\n| load | server | req/s | × echo | CPU µs/req | × echo | p50 µs | p99 µs | × echo | \
                 least p99 | × echo |\n|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
            );
            self.has_head = true;
        }
        for (name, rounds) in &all {
            let yardstick = if name.contains("negative") { "echo, short reply" } else { "echo" };
            let echo = all.iter().find(|(other, _)| *other == yardstick);
            let echo = echo.map(|(_, rounds)| rounds.as_slice()).unwrap_or_default();
            let figure =
                |of: fn(&Figures) -> f64| median(&mut rounds.iter().map(of).collect::<Vec<_>>());
            // Of the medians: one busy moment of the machine makes a p99 a hundred times longer.
            let ratio = |of: fn(&Figures) -> f64| {
                figure(of) / median(&mut echo.iter().map(of).collect::<Vec<_>>())
            };
            let least = |rounds: &[Figures]| {
                rounds.iter().map(|one| one.p99).min_by(f64::total_cmp).unwrap_or_default()
            };
            println!(
                "| {title} | {name} | {:.0} | {:.2} | {:.2} | {:.2} | {:.0} | {:.0} | {:.2} | {:.0} | \
                 {:.2} |",
                figure(|one| one.per_second),
                ratio(|one| one.per_second),
                figure(|one| one.cost),
                ratio(|one| one.cost),
                figure(|one| one.p50),
                figure(|one| one.p99),
                ratio(|one| one.p99),
                least(rounds),
                least(rounds) / least(echo),
            );
        }
    }

    /// Unknown domains: answers in a second beside the most there can be.
    pub fn cold(&mut self, name: &str, round_trips: u32, most: f64, rounds: &[Cold]) {
        let figure = |of: fn(&Cold) -> f64| median(&mut rounds.iter().map(of).collect::<Vec<_>>());
        let rate = figure(|one| one.per_second);
        self.note(&format!(
            "{name}, unknown domains, 512 in flight, DNS {round_trips} × 20 ms: {rate:.0} answers/s, \
             {:.1} % of {most:.0}; not known in time: {}; CPU µs each: {:.1}, the DNS {:.1}, the client \
             {:.1}",
            rate / most * 100.0,
            rounds.iter().map(|one| one.temporary).sum::<u64>(),
            figure(|one| one.cost),
            figure(|one| one.resolver),
            figure(|one| one.client),
        ));
    }

    /// The times of the domains that the DNS answers about.
    pub fn slow(&mut self, title: &str, outcome: &Outcome) {
        let millisecond = |share| outcome.quantile(share).as_secs_f64() * 1e3;
        self.note(&format!(
            "{title}: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            millisecond(0.5),
            millisecond(0.99),
            millisecond(1.0)
        ));
    }

    pub fn memory(&mut self, title: &str, kibibytes: u64) {
        self.note(&format!("memory: {title}: {:.1} MB", kibibytes as f64 * 1024.0 / 1e6));
    }

    pub fn note(&mut self, text: &str) {
        if self.has_head {
            println!();
        }
        self.has_head = false;
        println!("- {text}");
    }
}

/// How busy the machine is: processes that run or want to, over 1, 5 and 15 minutes.
pub fn machine_load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
