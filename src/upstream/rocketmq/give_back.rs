//! Gives deliveries back that nobody took: others get them soon, which counts as one more delivery.

use std::time::Duration;

use tokio::time::Instant;

use super::link::Link;
use super::poll::Subject;
use super::session::InUse;
use crate::protocol::rocketmq::wire::ChangeInvisibleDurationResponse;
use crate::protocol::rocketmq::{Code, Handle, Method};

pub(super) const PATIENCE: Duration = Duration::from_secs(3);

/// Gives one back, in the name of a client that is known where it came from. What fails comes again when its visibility timeout is
/// over.
pub(super) async fn give_back(link: &Link, client: &InUse, subject: &Subject, handle: &Handle) {
    let Ok(ready) = client.session().ready(Instant::now() + PATIENCE).await else { return };
    let request = link.change_of(&subject.topic, &subject.group, handle, Duration::ZERO);
    let deadline = Instant::now() + PATIENCE;
    let client_id = &client.session().client_id;
    let answer = link.call_at(&ready.spot, client_id, Method::ChangeInvisibleDuration, request, deadline);
    let answer: Result<ChangeInvisibleDurationResponse, _> = answer.await;
    let code = answer.ok().and_then(|answer| answer.status).map(|status| Code::of(status.code));
    if code != Some(Code::Ok) {
        let (profile, topic) = (link.profile.name.as_str(), subject.topic.as_str());
        tracing::debug!(profile, topic, "a delivery that nobody took could not be given back");
    }
}
