//! Which listeners run.

/// Which listeners run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunMode {
    /// The gateway, with the embedded endpoint where the configuration has it.
    Gateway,
    /// The embedded endpoint alone, with the management listener on request.
    EmbeddedOnly {
        /// Whether the management listener runs too.
        management: bool,
    },
}

impl RunMode {
    /// Whether the management listener runs.
    pub(super) fn has_management(self) -> bool {
        match self {
            Self::Gateway => true,
            Self::EmbeddedOnly { management } => management,
        }
    }
}
