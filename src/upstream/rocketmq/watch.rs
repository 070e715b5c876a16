//! The profile's service: looks names up, sees whether the MQ can be reached, does what outlives requests, and ends all of it.

use std::sync::{Arc, PoisonError};

use super::link::Link;
use super::plan::RocketMqPlan;
use crate::tasks::StopSignal;
use crate::upstream::reachability::Lookout;

/// Works until `stop` is given; then polls under way end, what they bring is given back, and the sessions say goodbye.
pub(in crate::upstream) async fn watch(plan: Arc<RocketMqPlan>, mut stop: StopSignal) {
    let taken = plan.work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(mut work) = taken else {
        tracing::error!(profile = plan.link.profile.name, "a profile is watched twice");
        return stop.given().await;
    };
    tokio::select! {
        () = stop.given() => {}
        () = lookout(&plan.link).keep() => {}
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

fn lookout(link: &Link) -> Lookout<'_> {
    Lookout {
        profile: &link.profile,
        endpoints: &link.endpoints,
        tls: &link.tls,
        connect_timeout: link.connect_timeout,
        refresh: link.refresh,
    }
}
