//! Summaries of failures that go on.

use std::sync::Arc;
use std::time::Instant;

use tokio::time::{MissedTickBehavior, interval};

use crate::tasks::StopSignal;
use crate::telemetry::FailureLog;

/// Logs a summary now and then, and what is left at the end.
pub(super) async fn log(failures: Arc<FailureLog>, stop: StopSignal) {
    let each = async {
        let mut ticks = interval(FailureLog::SUMMARY_PAUSE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            failures.summarize(Instant::now());
        }
    };
    stop.interrupts(each).await;
    failures.summarize(Instant::now());
}
