//! Looks after one profile's endpoints in the background: names, reachability, preference.
//!
//! Service never waits for it: the start does not depend on the MQ being there.

use std::time::Duration;

use tokio::time::timeout;

use super::HttpPlan;
use crate::outbound::probe;
use crate::upstream::plan::Profile;

/// Failed connects ask for a look at once, yet not more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Resolves, connects, shakes hands; then again after the profile's refresh time or as soon as a request failed to
/// connect. Runs until it is dropped.
pub(in crate::upstream) async fn watch(profile: Profile, plan: HttpPlan) {
    let mut was_up = None;
    loop {
        plan.endpoints.resolve().await;
        let reached = reach(&plan).await;
        let up = reached.is_ok();
        profile.up.set(i64::from(up));
        if was_up != Some(up) {
            match reached {
                Ok(()) => tracing::info!(profile = profile.name, "the MQ can be reached"),
                Err(reason) => tracing::warn!(profile = profile.name, reason, "the MQ could not be reached"),
            }
            was_up = Some(up);
        }
        tokio::time::sleep(SHORTEST_PAUSE).await;
        // Whichever comes first; both mean the same.
        drop(timeout(plan.refresh, plan.endpoints.until_stale()).await);
    }
}

/// Prefers the first address that can be reached.
async fn reach(plan: &HttpPlan) -> Result<(), String> {
    let mut reason = "no address".to_owned();
    for candidate in plan.endpoints.all() {
        let Some(endpoint) = plan.endpoints.endpoint(candidate) else { continue };
        match probe(&endpoint.origin.address, candidate.address, &plan.tls, plan.limits.connect_timeout).await {
            Ok(()) => {
                plan.endpoints.prefer(candidate);
                return Ok(());
            }
            Err(failure) => reason = failure,
        }
    }
    Err(reason)
}
