//! Requirements, citations and exceptions side by side.

use std::ops::Range;
use std::path::PathBuf;

use crate::citation::{Citation, Fault, Kind, Place};
use crate::exceptions::Exception;
use crate::requirement::Requirement;
use crate::specification::Specification;

/// The sections whose every requirement must be cited or excepted: RFC and section.
pub const COVERED_SECTIONS: &[(u32, &str)] =
    &[(8461, "3"), (8461, "4"), (8461, "5"), (8460, "3"), (8460, "4")];

/// What the tree claims about the RFCs.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    /// Citations in the sources.
    pub citations: Vec<Citation>,
    /// The list of requirements that are not met.
    pub exceptions: Vec<Exception>,
    /// The file that the exceptions are from, for messages.
    pub exceptions_file: PathBuf,
}

/// The outcome for one requirement.
#[derive(Debug, Clone)]
pub struct Row {
    /// The requirement.
    pub requirement: Requirement,
    /// Where code cites it.
    pub code: Vec<Place>,
    /// Where tests cite it.
    pub tests: Vec<Place>,
    /// Why it is not met, if it is excepted.
    pub exception: Option<String>,
}

/// The outcome for the whole tree.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// The requirements of the covered sections, in the order of the RFCs.
    pub rows: Vec<Row>,
    /// Everything that has to be mended; none when the citations can be trusted.
    pub faults: Vec<Fault>,
    /// How many citations there are.
    pub citations: usize,
}

/// Compares what is claimed with what the RFCs say.
pub fn compare(
    specifications: &[Specification],
    covered: &[(u32, &str)],
    claims: &Claims,
) -> Coverage {
    let mut coverage = Coverage { citations: claims.citations.len(), ..Coverage::default() };
    let cited: Vec<(&Citation, Vec<Range<usize>>)> = claims
        .citations
        .iter()
        .map(|citation| {
            let place = &citation.place;
            let found =
                locate(specifications, citation.rfc, &citation.section, &citation.quotation)
                    .unwrap_or_else(|message| {
                        coverage.faults.push(Fault { place: place.clone(), message });
                        Vec::new()
                    });
            (citation, found)
        })
        .collect();
    let excepted: Vec<(&Exception, Vec<Range<usize>>)> = claims
        .exceptions
        .iter()
        .enumerate()
        .map(|(index, exception)| {
            let found = locate(specifications, exception.rfc, &exception.section, &exception.quote)
                .unwrap_or_else(|message| {
                    coverage.faults.push(exception_fault(claims, index, &message));
                    Vec::new()
                });
            (exception, found)
        })
        .collect();

    let mut used = vec![false; excepted.len()];
    for requirement in requirements(specifications, covered, &mut coverage.faults) {
        let places = |kind| {
            cited
                .iter()
                .filter(|(citation, found)| {
                    citation.kind == kind
                        && citation.rfc == requirement.rfc
                        && holds(found, &requirement.range)
                })
                .map(|(citation, _)| citation.place.clone())
                .collect::<Vec<_>>()
        };
        let (code, tests) = (places(Kind::Code), places(Kind::Test));
        let mut reason = None;
        for (index, (exception, found)) in excepted.iter().enumerate() {
            if exception.rfc != requirement.rfc || !holds(found, &requirement.range) {
                continue;
            }
            if let Some(used) = used.get_mut(index) {
                *used = true;
            }
            if let Some(place) = code.first().or_else(|| tests.first()) {
                let message = format!("stale: this {} is cited at {place}", requirement.keyword);
                coverage.faults.push(exception_fault(claims, index, &message));
            } else if reason.replace(exception.reason.clone()).is_some() {
                coverage.faults.push(exception_fault(claims, index, "excepted twice"));
            }
        }
        if code.is_empty() && tests.is_empty() && reason.is_none() {
            coverage.faults.push(uncited(claims, &requirement));
        }
        coverage.rows.push(Row { requirement, code, tests, exception: reason });
    }
    for (index, (_, found)) in excepted.iter().enumerate() {
        if !found.is_empty() && used.get(index) == Some(&false) {
            let message = "holds no binding key word of a covered section";
            coverage.faults.push(exception_fault(claims, index, message));
        }
        if claims.exceptions.get(index).is_some_and(|entry| entry.reason.trim().is_empty()) {
            coverage.faults.push(exception_fault(claims, index, "no reason given"));
        }
    }
    coverage
}

/// Where the RFC says these words, within the section.
fn locate(
    specifications: &[Specification],
    rfc: u32,
    section: &str,
    quotation: &str,
) -> Result<Vec<Range<usize>>, String> {
    let specification = specifications
        .iter()
        .find(|specification| specification.number() == rfc)
        .ok_or_else(|| format!("specs/rfc{rfc}.txt is missing"))?;
    let section = specification
        .section(section)
        .ok_or_else(|| format!("RFC {rfc} has no section {section}"))?;
    let found = specification.find(quotation, section);
    if found.is_empty() {
        let words = crate::normalise(quotation);
        return Err(format!("RFC {rfc} section {} does not say \"{words}\"", section.number));
    }
    Ok(found)
}

fn requirements(
    specifications: &[Specification],
    covered: &[(u32, &str)],
    faults: &mut Vec<Fault>,
) -> Vec<Requirement> {
    let mut requirements = Vec::new();
    for &(rfc, number) in covered {
        let specification = specifications.iter().find(|known| known.number() == rfc);
        match specification.and_then(|known| known.section(number).map(|section| (known, section)))
        {
            Some((specification, section)) => {
                requirements.extend(Requirement::all(specification, section));
            }
            None => faults.push(Fault {
                place: Place { file: PathBuf::from(format!("specs/rfc{rfc}.txt")), line: 1 },
                message: format!("section {number} is to be covered, but is not there"),
            }),
        }
    }
    requirements
}

fn holds(found: &[Range<usize>], wanted: &Range<usize>) -> bool {
    found.iter().any(|range| range.start <= wanted.start && wanted.end <= range.end)
}

fn uncited(claims: &Claims, requirement: &Requirement) -> Fault {
    Fault {
        place: Place { file: claims.exceptions_file.clone(), line: 1 },
        message: format!(
            "RFC {} section {}: {} neither cited nor excepted: \"{}\"",
            requirement.rfc, requirement.section, requirement.keyword, requirement.sentence
        ),
    }
}

/// A fault of the exception at this index, named by its number: TOML keeps no line of a value.
fn exception_fault(claims: &Claims, index: usize, message: &str) -> Fault {
    let quote = claims.exceptions.get(index).map_or("", |exception| exception.quote.as_str());
    Fault {
        place: Place { file: claims.exceptions_file.clone(), line: 1 },
        message: format!("exception {} (\"{quote}\"): {message}", index + 1),
    }
}

#[cfg(test)]
mod tests;
