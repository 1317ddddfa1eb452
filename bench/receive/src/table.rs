//! What is printed.

use std::{fmt::Write, fs};

use crate::{
    measure::{Measured, Series, median},
    process::Run,
    set::Set,
};

const MEBI: f64 = 1_048_576.0;

/// Two tables: what each program took, printed as it comes, and the comparison, at the end.
#[derive(Debug, Default)]
pub struct Table {
    has_head: bool,
    comparison: String,
}

impl Table {
    pub fn set(&mut self, set: Set, measured: &Measured) {
        if !self.has_head {
            println!(
                "\n| set | program | files | seconds | files/s | without the start | CPU µs/file | peak MiB |\n\
                 |---|---|--:|--:|--:|--:|--:|--:|"
            );
            self.has_head = true;
        }
        let [ours_single, ours_sample, ours_all] = &measured.sealpost;
        let [theirs_single, theirs_sample] = &measured.parsedmarc;
        row(set, "parsedmarc", theirs_sample, theirs_single);
        row(set, "sealpost", ours_sample, ours_single);
        row(set, "sealpost", ours_all, ours_single);

        let theirs = theirs_sample.steady_rate(theirs_single);
        let ours = ours_all.steady_rate(ours_single);
        let processor =
            theirs_sample.steady_cost(theirs_single) / ours_all.steady_cost(ours_single);
        let bare = median(&mut measured.bare.clone());
        let _ = writeln!(
            self.comparison,
            "| {set} | {:.1} | {} | {:.1} | {} | {:.0} | {:.0} % | {:.0} % |",
            measured.octets as f64 / 1e3 / ours_all.files as f64,
            shown(ours / theirs, 1),
            ours_sample.rate() / theirs_sample.rate(),
            shown(processor, 1),
            bare * 1e6 / ours_all.files as f64,
            100.0 * bare / ours_all.seconds(),
            100.0 * bare / ours_all.processor(),
        );
    }

    pub fn end(&self) {
        println!(
            "\n| set | kB/file | × files/s | × with the starts, same files | × files per CPU second | bare µs/file | bare ÷ our time | bare ÷ our CPU time |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|\n{}",
            self.comparison.trim_end()
        );
    }
}

fn row(set: Set, program: &str, series: &Series, single: &Series) {
    println!(
        "| {set} | {program} | {} | {:.2} | {:.0} | {} | {:.0} | {:.0} |",
        series.files,
        series.seconds(),
        series.rate(),
        shown(series.steady_rate(single), 0),
        series.processor() * 1e6 / series.files as f64,
        series.of(|run| run.peak as f64) / MEBI,
    );
}

impl Series {
    fn of(&self, figure: fn(&Run) -> f64) -> f64 {
        median(&mut self.runs.iter().map(figure).collect::<Vec<_>>())
    }

    fn seconds(&self) -> f64 {
        self.of(|run| run.wall.as_secs_f64())
    }

    fn processor(&self) -> f64 {
        self.of(|run| run.processor.as_secs_f64())
    }

    /// Files a second, start and end of the program included.
    fn rate(&self) -> f64 {
        self.files as f64 / self.seconds()
    }

    /// Files a second, without what a run with a single file takes; not a number if that is most of
    /// it, because a difference of two such times says nothing.
    fn steady_rate(&self, single: &Self) -> f64 {
        (self.files - single.files) as f64 / difference(self.seconds(), single.seconds())
    }

    /// Processor seconds a file, without what a run with a single file takes; not a number as above.
    fn steady_cost(&self, single: &Self) -> f64 {
        difference(self.processor(), single.processor()) / (self.files - single.files) as f64
    }
}

fn difference(whole: f64, start: f64) -> f64 {
    if whole > 2.0 * start { whole - start } else { f64::NAN }
}

/// A number for people; a dash where there is none.
fn shown(number: f64, decimals: usize) -> String {
    if number.is_nan() { "–".to_owned() } else { format!("{number:.decimals$}") }
}

pub fn machine_load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
