//! `mq-gateway embedded-mq topics`, `peek` and `purge`: what is in the queues of an embedded endpoint that runs, and emptying them.

mod arguments;
mod peek;
mod purge;
mod topics;

use std::time::Duration;

pub(super) use arguments::{PeekArguments, PurgeArguments, TopicsArguments};
pub(super) use peek::peek;
pub(super) use purge::purge;
pub(super) use topics::topics;

/// Of one request.
const LIMIT: Duration = Duration::from_secs(60);
