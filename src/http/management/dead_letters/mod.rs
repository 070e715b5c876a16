//! Operators' verbs for dead letters: which topics hold some, what they are, and sending them again or dropping them.

mod topics;

pub(super) use topics::topics;
