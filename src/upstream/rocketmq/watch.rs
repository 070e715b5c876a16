//! The profile's service: looks names up, sees whether the MQ can be reached, does what outlives requests, and ends all of it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::link::Link;
use super::plan::RocketMqPlan;
use crate::outbound::probe;
use crate::tasks::StopSignal;

/// Failed connects ask for a look at once, yet not more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Works until `stop` is given; then polls under way end, what they bring is given back, and the sessions say goodbye.
pub(in crate::upstream) async fn watch(plan: Arc<RocketMqPlan>, mut stop: StopSignal) {
    let taken = plan.work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut work) = taken else {
        tracing::error!(profile = plan.link.profile.name, "a profile is watched twice");
        return stop.given().await;
    };
    tokio::select! {
        () = stop.given() => {}
        () = look_after(&plan.link) => {}
        () = work.work() => {}
    }
    let closing = Arc::clone(&plan.polls);
    tokio::select! {
        () = closing.close() => {}
        () = work.work() => {}
    }
    plan.stopping.send_replace(true);
    work.finish().await;
}

/// Resolves, connects, shakes hands; then again after the profile's refresh time or as soon as a request failed to connect.
async fn look_after(link: &Link) {
    let mut was_up = None;
    loop {
        link.endpoints.resolve().await;
        let reached = reach(link).await;
        let up = reached.is_ok();
        link.profile.up.set(i64::from(up));
        if was_up != Some(up) {
            let profile = link.profile.name.as_str();
            match reached {
                Ok(()) => tracing::info!(profile, "the MQ can be reached"),
                Err(reason) => tracing::warn!(profile, reason, "the MQ could not be reached"),
            }
            was_up = Some(up);
        }
        sleep(SHORTEST_PAUSE).await;
        // Whichever comes first; both mean the same.
        drop(timeout(link.refresh, link.endpoints.until_stale()).await);
    }
}

/// Prefers the first address that can be reached.
async fn reach(link: &Link) -> Result<(), String> {
    let mut reason = "no address".to_owned();
    for candidate in link.endpoints.all() {
        let Some(endpoint) = link.endpoints.endpoint(candidate) else { continue };
        match probe(&endpoint.origin.address, candidate.address, &link.tls, link.connect_timeout).await {
            Ok(()) => {
                link.endpoints.prefer(candidate);
                return Ok(());
            }
            Err(failure) => reason = failure,
        }
    }
    Err(reason)
}
