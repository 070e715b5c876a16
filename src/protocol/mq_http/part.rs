//! What documents are made of, whoever reads them, and how much of it they may have.

use std::borrow::Cow;

/// Deepest nesting. The protocol needs three levels; elements that it does not have may have children.
pub(super) const MAX_DEPTH: usize = 8;
/// Most elements in one document: a full consume has fewer than 200.
pub(super) const MAX_ELEMENTS: usize = 1024;

/// What a document is made of, without what means nothing.
#[derive(Debug, PartialEq)]
pub(super) enum Part<'a> {
    Open(&'static str),
    Text(Cow<'a, str>),
    Character(char),
    Close,
}
