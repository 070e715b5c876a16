//! Looks after one profile's endpoints in the background: names, reachability, preference.
//!
//! Service never waits for it: the start does not depend on the MQ being there.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::time::{Instant, sleep, timeout};

use super::profile::Profile;
use crate::outbound::{Candidate, Endpoint, Endpoints, probe};

/// Failed connects ask for a look at once, yet not more often than this.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// The pause before the next look at an MQ that could not be reached, so that service resumes soon after it is back.
const PAUSE_WHILE_AWAY: Duration = Duration::from_secs(2);

/// What a look needs.
#[derive(Debug)]
pub(super) struct Lookout<'a> {
    pub(super) profile: &'a Profile,
    pub(super) endpoints: &'a Endpoints,
    pub(super) tls: &'a Arc<ClientConfig>,
    pub(super) connect_timeout: Duration,
    /// Time between looks while all is well.
    pub(super) refresh: Duration,
}

impl Lookout<'_> {
    /// Resolves, connects, shakes hands; then again after the profile's refresh time or as soon as a request failed to
    /// connect. Runs until it is dropped.
    pub(super) async fn keep(self) {
        let profile = self.profile.name.as_str();
        let mut was_up = None;
        loop {
            self.endpoints.resolve().await;
            let reached = self.reach(was_up == Some(false)).await;
            let up = reached.is_ok();
            self.profile.up.set(i64::from(up));
            if was_up != Some(up) {
                match reached {
                    Ok(()) => tracing::info!(profile, "the MQ can be reached"),
                    Err(reason) => tracing::warn!(profile, reason, "the MQ could not be reached"),
                }
                was_up = Some(up);
            }
            if up {
                sleep(SHORTEST_PAUSE).await;
                // Whichever comes first; both mean the same.
                drop(timeout(self.refresh, self.endpoints.until_stale()).await);
            } else {
                sleep(PAUSE_WHILE_AWAY.min(self.refresh)).await;
            }
        }
    }

    /// Prefers the first address that can be reached. One that was away before is asked by the next request, whatever the pause
    /// of its circuit.
    async fn reach(&self, was_away: bool) -> Result<(), String> {
        let (candidate, endpoint) = first_reached(self.endpoints, self.tls, self.connect_timeout).await?;
        self.endpoints.prefer(candidate);
        if was_away {
            endpoint.breaker.reachable(Instant::now());
        }
        Ok(())
    }
}

/// The first address that takes a connection and, for https, shakes hands; `limit` holds for each of the two.
///
/// # Errors
/// Why the last one could not be reached, for people.
pub(super) async fn first_reached<'a>(
    endpoints: &'a Endpoints,
    tls: &Arc<ClientConfig>,
    limit: Duration,
) -> Result<(Candidate, &'a Endpoint), String> {
    let mut reason = "no address".to_owned();
    for candidate in endpoints.all() {
        let Some(endpoint) = endpoints.endpoint(candidate) else { continue };
        match probe(&endpoint.origin.address, candidate.address, tls, limit).await {
            Ok(()) => return Ok((candidate, endpoint)),
            Err(failure) => reason = failure,
        }
    }
    Err(reason)
}
