//! How long a publish is waited for.

use std::time::Duration;

/// More than a gateway takes by default: it is the one that knows what became of the messages.
pub(super) const LIMIT: Duration = Duration::from_secs(60);
