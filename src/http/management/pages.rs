//! The pages that are open to all who reach the listener: probes, metrics, the redacted configuration.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_TYPE;
use tokio::time::Instant;

use super::Readiness;
use super::degraded::{subscription_reasons, upstream_reasons};
use crate::embedded::{DEAD_LETTER_PREFIX, Engine, EngineStats, Fault, FaultKind};
use crate::http::problem::{Code, Problem};
use crate::memory::MemoryBudget;
use crate::push::Subscriptions;
use crate::telemetry::{EmbeddedTotals, Metrics};
use crate::upstream::UpstreamHealth;

/// What the pages show.
#[derive(Debug, Clone)]
pub struct ManagementPages {
    /// Started and draining.
    pub readiness: Readiness,
    /// What `/metrics` shows.
    pub metrics: Arc<Metrics>,
    /// What requests hold.
    pub memory: MemoryBudget,
    /// What is known of each profile's MQ.
    pub upstreams: Vec<UpstreamHealth>,
    /// Asked for its numbers at each scrape.
    pub engine: Option<Engine>,
    /// What the embedded endpoint does wrong on purpose.
    pub chaos: Option<String>,
    /// The subscriptions of this process.
    pub subscriptions: Subscriptions,
    /// What `/config` shows: redacted when it was made.
    pub config: Arc<str>,
}

impl ManagementPages {
    /// The paths, in the order of the contract.
    pub(super) const PATHS: [&str; 5] = ["/livez", "/readyz", "/startupz", "/metrics", "/config"];

    /// The page at `path`; `None` where there is none.
    pub(super) async fn at(&self, path: &str, query: Option<&str>, id: &str) -> Option<HttpResponse> {
        Some(match path {
            // Liveness depends on nothing else: a restart fixes nothing outside this process.
            "/livez" => HttpResponse::Ok().body("ok\n"),
            "/startupz" => probe(self.readiness.started(), "starting\n"),
            "/readyz" => self.ready(query == Some("verbose")),
            "/config" => {
                HttpResponse::Ok().insert_header((CONTENT_TYPE, "application/json")).body(self.config.to_string())
            }
            "/metrics" => self.scrape(id).await,
            _ => return None,
        })
    }

    fn ready(&self, verbose: bool) -> HttpResponse {
        let (started, draining) = (self.readiness.started(), self.readiness.draining());
        let ready = started && !draining;
        if !verbose {
            return probe(ready, if draining { "draining\n" } else { "starting\n" });
        }
        let mut text = String::new();
        let mut line = |good: bool, bad: &str, name: &str| {
            let (mark, word) = if good { ("+", "ok") } else { ("-", bad) };
            text.push_str(&format!("[{mark}]{name} {word}\n"));
        };
        line(started, "starting", "started");
        line(!draining, "draining", "not-draining");
        for upstream in &self.upstreams {
            // Degraded, not unready: the gateway answers, with problems that say so.
            let reasons = upstream_reasons(upstream, &self.metrics);
            line(
                reasons.is_empty(),
                &format!("degraded: {}", reasons.join("; ")),
                &format!("upstream {}", upstream.name()),
            );
        }
        if let Some(engine) = &self.engine {
            let faults = engine.health();
            let reasons: Vec<String> = faults.iter().map(describe).collect();
            line(faults.is_empty(), &format!("degraded: {}", reasons.join("; ")), "embedded store");
        }
        if let Some(chaos) = &self.chaos {
            line(false, &format!("degraded: {chaos}"), "embedded chaos");
        }
        for subscription in self.subscriptions.statuses() {
            // Neither is this process unready for it: another would push to the same target.
            let reasons = subscription_reasons(&subscription);
            let name = format!("subscription {}", subscription.name);
            line(reasons.is_empty(), &format!("degraded: {}", reasons.join("; ")), &name);
        }
        let mut response = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
        response.insert_header((CONTENT_TYPE, "text/plain; charset=utf-8")).body(text)
    }

    async fn scrape(&self, id: &str) -> HttpResponse {
        self.metrics.process.set_memory(self.memory.usage());
        for upstream in &self.upstreams {
            upstream.refresh(Instant::now());
        }
        if let Some(engine) = &self.engine {
            let kinds: Vec<_> = engine.health().into_iter().map(|fault| fault.kind).collect();
            for kind in FaultKind::ALL {
                self.metrics.embedded.set_store_degraded(kind.label(), kinds.contains(&kind));
            }
            match engine.stats().await {
                Ok(stats) => self.show(&stats),
                Err(error) => {
                    tracing::warn!(request_id = id, %error, "the embedded endpoint could not tell its numbers");
                }
            }
        }
        match self.metrics.render() {
            Ok(page) => HttpResponse::Ok().insert_header((CONTENT_TYPE, Metrics::CONTENT_TYPE)).body(page),
            Err(error) => {
                tracing::error!(request_id = id, %error, "the metrics could not be written");
                Problem::new(Code::InternalError, "the metrics could not be written").response(id)
            }
        }
    }
}

impl ManagementPages {
    /// Puts the embedded endpoint's numbers into the metrics.
    fn show(&self, stats: &EngineStats) {
        self.metrics.embedded.set_groups(&stats.groups.iter().map(into_sample).collect::<Vec<_>>());
        let totals = EmbeddedTotals {
            dropped: stats.totals.dropped_by_retention,
            dead_lettered: stats.totals.dead_lettered,
            stale_acknowledgements: stats.totals.stale_acknowledgements,
        };
        let dead_letters = stats.topics.iter().filter(|topic| topic.topic.as_str().starts_with(DEAD_LETTER_PREFIX));
        let dead_letters: Vec<_> =
            dead_letters.map(|topic| (topic.topic.as_str().to_owned(), topic.messages)).collect();
        self.metrics.embedded.set_totals(totals, &dead_letters);
        self.metrics.embedded.set_set_aside(stats.set_aside);
    }
}

/// A fault for people.
fn describe(fault: &Fault) -> String {
    let since = i64::try_from(fault.since.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    since.map_or_else(|| fault.reason.clone(), |since| format!("{} (since {since:.0})", fault.reason))
}

fn probe(good: bool, reason: &'static str) -> HttpResponse {
    if good { HttpResponse::Ok().body("ok\n") } else { HttpResponse::ServiceUnavailable().body(reason) }
}

fn into_sample(group: &crate::embedded::GroupStats) -> crate::telemetry::EmbeddedSample {
    crate::telemetry::EmbeddedSample {
        topic: group.topic.as_str().to_owned(),
        group: group.group.as_str().to_owned(),
        ready: group.ready,
        in_flight: group.in_flight,
        delayed: group.delayed,
        filtered_out: group.filtered_out,
        oldest_age: group.oldest_unacknowledged_age,
    }
}
