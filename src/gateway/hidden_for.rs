//! How long a delivery is hidden from others, from now on.
//!
//! The MQ tells a time of its own clock. What is counted from the moment of receipt needs none: whoever keeps a delivery in this
//! process goes by this, and not by the difference between that time and our clock.

use std::rc::Rc;
use std::time::Duration;

use super::{Gateway, GroupRoute};
use crate::model::{Delivery, UnixMillis};
use crate::upstream::Upstream;

/// Where nothing is known.
const LEAST: Duration = Duration::from_secs(10);

impl Gateway {
    /// How long a delivery that has just come is hidden from others. `asked` is the visibility timeout of the receive, where it chose
    /// one.
    #[must_use]
    pub fn hidden_for(&self, route: &GroupRoute, asked: Option<Duration>, delivery: &Delivery) -> Duration {
        let asked = self.visibility_timeout(route, asked).ok().flatten();
        // A route that brought a message has a profile.
        let hidden_for = |upstream: &Rc<Upstream>| upstream.hidden_for(asked, route.ordered, delivery.visible_again_at);
        self.upstream(&route.topic).map_or(LEAST, hidden_for)
    }

    /// The time by the MQ's clock at which it made a delivery that has just come, as far as that is known: what its own times are
    /// compared with.
    #[must_use]
    pub fn delivered_at(&self, route: &GroupRoute, delivery: &Delivery) -> Option<UnixMillis> {
        self.upstream(&route.topic).ok()?.delivered_at(&delivery.handle)
    }
}
