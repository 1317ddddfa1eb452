//! Defects of a text, with their places and a bound on their number.

use crate::span::Span;

/// More defects than this help nobody and would only cost memory.
const KEPT_DEFECTS: usize = 200;

/// One thing that is wrong with a text, or worth a remark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect<Kind> {
    /// What is wrong.
    pub kind: Kind,
    /// Where: the bytes at fault, or an empty span where something is missing.
    pub span: Span,
}

/// What the collector must know of a kind of defect.
pub(crate) trait DefectKind {
    /// Stands for all defects that were left out.
    const TOO_MANY: Self;

    fn is_fatal(&self) -> bool;
}

/// Gathers defects up to a bound, and past it the first fatal one, so that the verdict is never
/// lost.
#[derive(Debug)]
pub(crate) struct Defects<Kind> {
    kept: Vec<Defect<Kind>>,
    any_fatal: bool,
    first_left_out: Option<Span>,
}

impl<Kind: DefectKind> Defects<Kind> {
    pub(crate) fn new() -> Self {
        Self { kept: Vec::new(), any_fatal: false, first_left_out: None }
    }

    pub(crate) fn push(&mut self, kind: Kind, span: Span) {
        let first_fatal = kind.is_fatal() && !self.any_fatal;
        if self.kept.len() < KEPT_DEFECTS || first_fatal {
            self.any_fatal |= first_fatal;
            self.kept.push(Defect { kind, span });
        } else {
            self.first_left_out.get_or_insert(span);
        }
    }

    /// Pushes a defect that is never fatal, and is not even made past the bound.
    pub(crate) fn remark(&mut self, span: Span, kind: impl FnOnce() -> Kind) {
        if self.kept.len() < KEPT_DEFECTS {
            self.push(kind(), span);
        } else {
            self.first_left_out.get_or_insert(span);
        }
    }

    /// Whether reading on is useless: the text cannot be used, and no further defect is kept.
    pub(crate) fn is_full(&self) -> bool {
        self.any_fatal && self.kept.len() >= KEPT_DEFECTS
    }

    /// The defects, and a last one at `rest` if reading stopped there.
    pub(crate) fn finish(mut self, rest: Option<Span>) -> Vec<Defect<Kind>> {
        if let Some(span) = self.first_left_out.or(rest) {
            self.kept.push(Defect { kind: Kind::TOO_MANY, span });
        }
        self.kept
    }
}
