//! Sessions per day as a picture: bars in which reporters stand on each other, as SVG inside the page.
//!
//! Up from the line goes what went well, down from it what failed, each on its own scale: else few
//! failures among many sessions would not be seen. Reporters differ by pattern; colour adds nothing
//! that is not said so. Dates and names stand outside, as text of the page, which is as large on a
//! phone as elsewhere; the same numbers stand in a table behind it.

use std::{collections::BTreeMap, fmt::Write as _};

use sealpost_evidence::traffic::{Bounds, Day, DayTraffic};

use crate::{
    format::{bounds, count},
    model::ReporterRow,
};

/// In the units of the picture.
const WIDTH: u64 = 720;
const LEFT: u64 = 8;
/// Of the part above the line, and of that below it.
const WELL: u64 = 140;
const FAILED: u64 = 60;
/// What is there is seen, be it ever so little, so a bar may be a little higher than its scale.
const SPARE: u64 = BANDS as u64 + 1;
/// Reporters that have a pattern of their own; the last one is that of all others.
const BANDS: usize = 6;

/// Rows of the table behind it that stand on the page: a month of twenty reporters.
pub(crate) const LISTED: usize = 600;

/// What is drawn in each pattern, on a ground of the colour.
const PATTERNS: [&str; BANDS + 1] = [
    "",
    "<rect class=\"stripe\" width=\"2\" height=\"6\"/>",
    "<rect class=\"stripe\" width=\"6\" height=\"2\"/>",
    "<circle class=\"stripe\" cx=\"3\" cy=\"3\" r=\"1.5\"/>",
    "<path class=\"line\" d=\"M0 6L6 0\"/>",
    "<path class=\"line\" d=\"M0 0L6 6\"/>",
    "<path class=\"line\" d=\"M0 6L6 0M0 0L6 6\"/>",
];

/// One layer of the bars: a reporter, or all that are left.
pub(crate) struct Band<'a> {
    /// `None` for all that are left.
    pub(crate) reporter: Option<&'a ReporterRow>,
    /// How many it stands for.
    pub(crate) reporters: usize,
    pub(crate) successful: Bounds,
    pub(crate) failed: Bounds,
    /// The days on which there is something, in their order.
    pub(crate) days: Vec<DayTraffic>,
}

/// The reporters with the most sessions, and all others as one.
pub(crate) fn bands<'a>(reporters: &'a [ReporterRow]) -> Vec<Band<'a>> {
    let mut rows: Vec<&ReporterRow> = reporters.iter().collect();
    rows.sort_by_key(|row| {
        std::cmp::Reverse(row.successful.upper.saturating_add(row.failed.upper))
    });
    let (most, others) = rows.split_at(rows.len().min(BANDS));
    let of_one = |row: &&'a ReporterRow| Band {
        reporter: Some(row),
        reporters: 1,
        successful: row.successful,
        failed: row.failed,
        days: row.days.clone(),
    };
    let mut bands: Vec<Band<'_>> = most.iter().map(of_one).collect();
    if !others.is_empty() {
        let mut left = Band {
            reporter: None,
            reporters: others.len(),
            successful: Bounds::exactly(0),
            failed: Bounds::exactly(0),
            days: Vec::new(),
        };
        let mut days: BTreeMap<Day, DayTraffic> = BTreeMap::new();
        for row in others {
            left.successful = left.successful.plus(row.successful);
            left.failed = left.failed.plus(row.failed);
            for day in &row.days {
                let nothing = DayTraffic {
                    reports: 0,
                    successful: Bounds::exactly(0),
                    failed: Bounds::exactly(0),
                    ..*day
                };
                let sum = days.entry(day.day).or_insert(nothing);
                sum.reports = sum.reports.saturating_add(day.reports);
                sum.successful = sum.successful.plus(day.successful);
                sum.failed = sum.failed.plus(day.failed);
            }
        }
        left.days = days.into_values().collect();
        bands.push(left);
    }
    bands
}

/// The most sessions of a day that went well, and that failed.
pub(crate) fn highest(bands: &[Band<'_>]) -> (u64, u64) {
    let mut days: BTreeMap<Day, (u64, u64)> = BTreeMap::new();
    for day in bands.iter().flat_map(|band| &band.days) {
        let sum = days.entry(day.day).or_default();
        sum.0 = sum.0.saturating_add(day.successful.upper);
        sum.1 = sum.1.saturating_add(day.failed.upper);
    }
    days.into_values().fold((0, 0), |most, day| (most.0.max(day.0), most.1.max(day.1)))
}

/// The days from the first to the last; of those that are not there nothing was reported.
pub(crate) fn sessions(first: Day, last: Day, bands: &[Band<'_>]) -> String {
    let length = u64::try_from(last.number() - first.number() + 1).unwrap_or(1).clamp(1, 400);
    let (most_well, most_failed) = highest(bands);
    let below = if most_failed == 0 { 0 } else { FAILED + SPARE };
    let step = (WIDTH - LEFT) / length;
    let width = (step * 4 / 5).max(1);
    // The last day ends with the picture, under which its date stands.
    let whole = LEFT + step * length;
    let line = WELL + SPARE;
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {whole} {}\" role=\"img\" \
         aria-label=\"Sessions per day and reporter from {first} to {last}: at most {} a day went well, \
         at most {} failed; the tables below have the numbers\"><defs>",
        line + below + 2,
        count(most_well),
        count(most_failed),
    );
    for (place, drawn) in PATTERNS.iter().enumerate().take(bands.len()) {
        for outcome in ["well", "failed"] {
            // Writing to a string cannot fail.
            let _ = write!(
                svg,
                "<pattern id=\"{outcome}-{place}\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
                 <rect class=\"{outcome}\" width=\"6\" height=\"6\"/>{drawn}</pattern>",
            );
        }
    }
    svg.push_str("</defs>");
    for (day, layers) in by_day(bands) {
        let Some(place) = u64::try_from(day.number() - first.number()).ok().filter(|p| *p < length)
        else {
            continue;
        };
        let left = LEFT + place * step;
        let _ = write!(svg, "<g><title>{day}");
        for (layer, traffic) in &layers {
            let (well, failed) = (bounds(traffic.successful), bounds(traffic.failed));
            let _ = write!(svg, "; {}: {well} well, {failed} failed", layer + 1);
        }
        svg.push_str("</title>");
        let (mut top, mut foot) = (line, line + 1);
        for (layer, traffic) in layers {
            let tall = height(traffic.successful.upper, most_well, WELL).min(top);
            top -= tall;
            bar(&mut svg, "well", layer, [left, top, width, tall]);
            let tall = height(traffic.failed.upper, most_failed, FAILED);
            bar(&mut svg, "failed", layer, [left, foot, width, tall]);
            foot += tall;
        }
        svg.push_str("</g>");
    }
    let _ = write!(svg, "<line x1=\"0\" y1=\"{line}\" x2=\"{whole}\" y2=\"{line}\"/></svg>");
    svg
}

/// A sample of a pattern of the picture above it, counted from 0.
pub(crate) fn sample(layer: usize) -> String {
    format!(
        "<svg class=\"sample\" viewBox=\"0 0 12 12\" aria-hidden=\"true\">\
         <rect fill=\"url(#well-{layer})\" width=\"12\" height=\"12\"/></svg>"
    )
}

/// What stands on each other on each day, the first layer nearest to the line.
fn by_day<'a>(bands: &'a [Band<'_>]) -> BTreeMap<Day, Vec<(usize, &'a DayTraffic)>> {
    let mut days: BTreeMap<Day, Vec<_>> = BTreeMap::new();
    for (layer, band) in bands.iter().enumerate() {
        for day in &band.days {
            days.entry(day.day).or_default().push((layer, day));
        }
    }
    days
}

fn bar(svg: &mut String, outcome: &str, layer: usize, [left, top, width, height]: [u64; 4]) {
    if height > 0 {
        let _ = write!(
            svg,
            "<rect fill=\"url(#{outcome}-{layer})\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>"
        );
    }
}

/// A share of a height; what is there is seen.
fn height(number: u64, highest: u64, height: u64) -> u64 {
    if number == 0 {
        return 0;
    }
    let tall = u128::from(number) * u128::from(height) / u128::from(highest.max(1));
    u64::try_from(tall).unwrap_or(height).clamp(1, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64, well: u64, failed: u64) -> DayTraffic {
        let (successful, failed) = (Bounds::exactly(well), Bounds::exactly(failed));
        DayTraffic { day: Day::new(day), reports: 1, successful, failed }
    }

    fn reporter(name: &str, days: &[DayTraffic]) -> ReporterRow {
        let sum = |of: fn(&DayTraffic) -> Bounds| {
            days.iter().map(of).fold(Bounds::exactly(0), Bounds::plus)
        };
        ReporterRow {
            organisation: name.to_owned(),
            signer: String::new(),
            reports: 1,
            successful: sum(|day| day.successful),
            failed: sum(|day| day.failed),
            last_day: Day::new(100),
            days: days.to_vec(),
        }
    }

    /// The rectangles of the bars: pattern, top and height.
    fn bars(svg: &str) -> Vec<(&str, u64, u64)> {
        let number = |bar: &str, name: &str| -> u64 {
            let rest = bar.split(&format!(" {name}=\"")).nth(1).unwrap();
            rest.split('"').next().unwrap().parse().unwrap()
        };
        let bars = svg.split("<rect fill=\"url(#").skip(1);
        bars.map(|bar| (bar.split(')').next().unwrap(), number(bar, "y"), number(bar, "height")))
            .collect()
    }

    #[test]
    fn every_day_with_sessions_has_a_bar_within_the_picture() {
        let days = [day(100, 1_000_000, 1), day(129, u64::MAX, u64::MAX), day(130, 5, 5)];
        let rows = [reporter("one", &days), reporter("two", &[day(100, 1, 0)])];
        let svg = sessions(Day::new(100), Day::new(129), &bands(&rows));
        assert_eq!(svg.matches("<g>").count(), 2, "the third lies outside");
        assert!(svg.contains("1 failed"));
        let (line, foot) = (WELL + SPARE, WELL + SPARE + FAILED + SPARE + 2);
        for (pattern, top, tall) in bars(&svg) {
            let (from, to) = if pattern.starts_with("well") { (0, line) } else { (line, foot) };
            assert!(from <= top && top + tall <= to && tall > 0, "{pattern} {top} {tall}");
        }
    }

    /// Each layer begins where the one before it ends, and what failed is on the other side.
    #[test]
    fn layers_stand_on_each_other_by_reporter() {
        let rows = [reporter("small", &[day(100, 30, 4)]), reporter("large", &[day(100, 70, 0)])];
        let svg = sessions(Day::new(100), Day::new(100), &bands(&rows));
        let line = WELL + SPARE;
        let (large, small) = (WELL * 70 / 100, WELL * 30 / 100);
        assert_eq!(
            bars(&svg),
            [
                ("well-0", line - large, large),
                ("well-1", line - large - small, small),
                ("failed-1", line + 1, FAILED),
            ]
        );
        assert!(svg.contains("; 1: 70 well, 0 failed; 2: 30 well, 4 failed"), "{svg}");
    }

    #[test]
    fn those_that_have_no_pattern_of_their_own_are_one_layer() {
        let rows: Vec<ReporterRow> =
            (1..=9).map(|place| reporter("r", &[day(100, place * 10, 1)])).collect();
        let bands = bands(&rows);
        assert_eq!(bands.len(), BANDS + 1);
        let last = bands.last().unwrap();
        assert_eq!((last.reporter.is_none(), last.reporters), (true, 3));
        assert_eq!((last.successful, last.failed), (Bounds::exactly(60), Bounds::exactly(3)));
        assert_eq!(last.days, [DayTraffic { reports: 3, ..day(100, 60, 3) }]);
        let all: u64 = bands.iter().map(|band| band.successful.upper).sum();
        assert_eq!(all, (1..=9).map(|place| place * 10).sum::<u64>(), "nothing is left out");
    }

    /// What passes unescaped has nothing in it that a stranger wrote.
    #[test]
    fn no_name_is_in_the_picture() {
        let rows = [reporter("<script>alert(1)</script>", &[day(100, 1, 1)])];
        assert!(!sessions(Day::new(100), Day::new(100), &bands(&rows)).contains("script"));
    }

    #[test]
    fn no_days_are_an_empty_picture() {
        let svg = sessions(Day::new(100), Day::new(90), &[]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        assert!(!svg.contains("<g>"));
    }
}
