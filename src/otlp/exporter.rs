//! The service that exports spans: batch after batch, each tried again for a while, then dropped and counted.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::collector::Collector;
use super::encode::request;
use super::encoded::Encoded;
use crate::change_report::ChangeReport;
use crate::outbound::{GrpcError, GrpcStatus};
use crate::spans::{Batch, Queue};
use crate::tasks::StopSignal;
use crate::telemetry::TraceMetrics;

/// The pause before a batch is tried again; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// At the stop, what waits has so long to be exported. Less than what the process has for its end.
const FLUSH: Duration = Duration::from_secs(3);

/// How spans are exported.
#[derive(Debug)]
pub(super) struct Exporter {
    pub(super) queue: Arc<Queue>,
    pub(super) collector: Collector,
    pub(super) resource: Vec<(String, String)>,
    pub(super) metrics: TraceMetrics,
    /// How long a span waits for others.
    pub(super) schedule_delay: Duration,
    /// How long a batch is tried.
    pub(super) export_timeout: Duration,
    /// Whether the collector took the spans that were tried last.
    pub(super) works: ChangeReport,
    /// Once the process stops: until when all of it has to be done.
    pub(super) flush_by: Option<Instant>,
}

impl Exporter {
    /// Exports until `stop` is given, and then what is left.
    pub(super) async fn run(mut self, mut stop: StopSignal) {
        loop {
            if self.flush_by.is_none() && !self.queue.has_batch() {
                tokio::select! {
                    // Whichever comes first; both mean the same.
                    _ = timeout(self.schedule_delay, self.queue.filled()) => {}
                    () = stop.given() => self.begin_to_flush(),
                }
            }
            let batch = self.queue.take();
            if !batch.is_empty() {
                self.export(batch, &mut stop).await;
            } else if self.flush_by.is_some() {
                break;
            }
        }
    }

    /// Exports a batch, or drops it where that cannot be done before its time is over, or that of all of them.
    async fn export(&mut self, batch: Batch, stop: &mut StopSignal) {
        let end = Instant::now() + self.export_timeout;
        let spans = batch.len() as u64;
        // From here on the spans are there once, as bytes, which every attempt shares.
        let request = Encoded::of(&request(&self.resource, &batch));
        drop(batch);
        let mut pause = FIRST_PAUSE;
        let error = loop {
            let error = match self.attempt(&request, end, stop).await {
                Ok(rejected) => return self.exported(spans, rejected),
                Err(error) => error,
            };
            self.note_failure(&error);
            let end = self.flush_by.map_or(end, |flush_by| flush_by.min(end));
            if !is_passing(&error) || Instant::now() + pause >= end {
                break error;
            }
            if self.flush_by.is_some() {
                sleep(pause).await;
            } else if timeout(pause, stop.given()).await.is_ok() {
                self.begin_to_flush();
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        tracing::debug!(spans, %error, "spans were dropped");
        self.metrics.dropped_exporter.inc_by(spans);
    }

    /// One call. Where the process begins to stop meanwhile, there is less time for it.
    async fn attempt(
        &mut self,
        request: &Encoded,
        end: Instant,
        stop: &mut StopSignal,
    ) -> Result<Option<(u64, String)>, GrpcError> {
        let end = self.flush_by.map_or(end, |flush_by| flush_by.min(end));
        let call = self.collector.export(request, end);
        if self.flush_by.is_some() {
            return call.await;
        }
        let mut call = std::pin::pin!(call);
        let flush_by = tokio::select! {
            biased;
            answer = &mut call => return answer,
            () = stop.given() => Instant::now() + FLUSH,
        };
        let answer = timeout_at(flush_by, call).await;
        self.flush_by = Some(flush_by);
        answer.unwrap_or(Err(GrpcError::TimedOut { on_the_wire: FLUSH }))
    }

    fn begin_to_flush(&mut self) {
        self.flush_by = Some(Instant::now() + FLUSH);
    }

    fn exported(&mut self, spans: u64, rejected: Option<(u64, String)>) {
        let (count, reason) = rejected.unwrap_or_default();
        let count = count.min(spans);
        self.metrics.exported.inc_by(spans - count);
        self.metrics.dropped_exporter.inc_by(count);
        if count > 0 {
            if self.is_news(false) {
                tracing::warn!(reason, "the collector did not take all spans: the others are dropped");
            }
        } else if self.is_news(true) {
            tracing::info!("spans are exported");
        }
    }

    /// Whether it is to be said that the collector works, or does not.
    fn is_news(&mut self, works: bool) -> bool {
        self.works.is_due(works, Instant::now().into_std())
    }

    /// One line when it begins to fail.
    fn note_failure(&mut self, error: &GrpcError) {
        if self.is_news(false) {
            let reason = error.to_string();
            tracing::warn!(reason, "spans could not be exported: they are tried for a while, and then dropped");
        }
    }
}

/// Whether the same call may succeed later, as OTLP has it. RESOURCE_EXHAUSTED may only where the answer has a `RetryInfo`, which is
/// not read: it is taken as final, as without one.
fn is_passing(error: &GrpcError) -> bool {
    match error {
        GrpcError::NotConnected(_)
        | GrpcError::TimedOutUnsent
        | GrpcError::TimedOut { .. }
        | GrpcError::Broken(_)
        | GrpcError::Status {
            status: GrpcStatus::DeadlineExceeded | GrpcStatus::Unavailable | GrpcStatus::BrokenOff,
            ..
        } => true,
        GrpcError::Unwritable(_)
        | GrpcError::Status { status: GrpcStatus::Unimplemented | GrpcStatus::Denied | GrpcStatus::Other, .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_what_otlp_says() {
        let of = |status| is_passing(&GrpcError::Status { status, message: String::new() });
        for status in [GrpcStatus::DeadlineExceeded, GrpcStatus::Unavailable, GrpcStatus::BrokenOff] {
            assert!(of(status), "{status:?}");
        }
        for status in [GrpcStatus::Unimplemented, GrpcStatus::Denied, GrpcStatus::Other] {
            assert!(!of(status), "{status:?}");
        }
    }
}
