//! What is wrong with a value.

/// What is wrong with a value, without the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) detail: String,
    pub(crate) hint: Option<String>,
}

impl Flaw {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
