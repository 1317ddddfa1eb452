//! Sessions per day as a picture: stacked bars, as SVG inside the page.
//!
//! Dates stand below it as text of the page, which is as large on a phone as elsewhere. What failed
//! is hatched as well as coloured, and the same numbers stand in a table behind it.

use std::fmt::Write as _;

use sealpost_evidence::traffic::{Day, DayTraffic};

use crate::format::{bounds, count};

/// In the units of the picture.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 160;
const LEFT: u64 = 8;
const FOOT: u64 = 2;

/// The days from the first to the last; of those that are not there nothing was reported.
pub(crate) fn sessions(first: Day, last: Day, days: &[DayTraffic]) -> String {
    let length = u64::try_from(last.number() - first.number() + 1).unwrap_or(1).clamp(1, 400);
    let highest = days.iter().map(|day| day.successful.upper.saturating_add(day.failed.upper));
    let highest = highest.max().unwrap_or(0).max(1);
    let step = (WIDTH - LEFT) / length;
    let bar = (step * 4 / 5).max(1);
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\" \
         aria-label=\"Sessions per day from {first} to {last}, at most {} a day; the table below has the numbers\">\
         <defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
         patternTransform=\"rotate(45)\"><rect class=\"failed\" width=\"6\" height=\"6\"/>\
         <rect class=\"stripe\" width=\"2\" height=\"6\"/></pattern></defs>",
        HEIGHT + FOOT,
        count(highest),
    );
    for day in days {
        let Ok(place) = u64::try_from(day.day.number() - first.number()) else { continue };
        if place >= length {
            continue;
        }
        let left = LEFT + place * step;
        // What is there is seen.
        let tall = |number: u64| match number {
            0 => 0,
            number => scaled(number, highest).max(1),
        };
        let (well, failed) = (tall(day.successful.upper), tall(day.failed.upper));
        let (well_top, failed_top) =
            (HEIGHT - well.min(HEIGHT), HEIGHT.saturating_sub(well + failed));
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<g><title>{}: {} well, {} failed</title>\
             <rect class=\"well\" x=\"{left}\" y=\"{well_top}\" width=\"{bar}\" height=\"{well}\"/>\
             <rect fill=\"url(#hatch)\" x=\"{left}\" y=\"{failed_top}\" width=\"{bar}\" height=\"{failed}\"/></g>",
            day.day,
            bounds(day.successful),
            bounds(day.failed),
        );
    }
    let _ = write!(svg, "<line x1=\"0\" y1=\"{HEIGHT}\" x2=\"{WIDTH}\" y2=\"{HEIGHT}\"/></svg>",);
    svg
}

/// A share of the height.
fn scaled(number: u64, highest: u64) -> u64 {
    let tall = u128::from(number) * u128::from(HEIGHT) / u128::from(highest.max(1));
    u64::try_from(tall).unwrap_or(HEIGHT)
}

#[cfg(test)]
mod tests {
    use sealpost_evidence::traffic::Bounds;

    use super::*;

    fn day(day: i64, well: u64, failed: u64) -> DayTraffic {
        let (successful, failed) = (Bounds::exactly(well), Bounds::exactly(failed));
        DayTraffic { day: Day::new(day), reports: 1, successful, failed }
    }

    #[test]
    fn every_day_with_sessions_has_a_bar_within_the_picture() {
        let days = [day(100, 1_000_000, 1), day(129, u64::MAX, u64::MAX), day(130, 5, 5)];
        let svg = sessions(Day::new(100), Day::new(129), &days);
        assert_eq!(svg.matches("<g>").count(), 2, "the third lies outside");
        assert!(svg.contains("1 failed"));
        let heights = svg.split("height=\"").skip(1).filter_map(|rest| rest.split('"').next());
        assert!(heights.filter_map(|text| text.parse::<u64>().ok()).all(|height| height <= HEIGHT));
    }

    #[test]
    fn no_days_are_an_empty_picture() {
        let svg = sessions(Day::new(100), Day::new(90), &[]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>"));
        assert!(!svg.contains("<g>"));
    }
}
