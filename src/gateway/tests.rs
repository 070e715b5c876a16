//! What the tests of this part share.

use std::collections::BTreeMap;

use super::{GroupRoute, Routes};
use crate::config::{Overrides, Source, load};
use crate::telemetry::Metrics;

/// The way to a group: `billing` or `audit` of `orders` or `refunds`. One operation may take five seconds.
pub(super) fn route(topic: &str, group: &str) -> GroupRoute {
    let text = "[embedded]\nenabled = true\n[profiles.main]\nprotocol = 'ons-http'\nendpoints = ['embedded']\n\
                credentials = 'embedded'\nproducer_group = 'P'\n\
                [[topics]]\nname = 'orders'\nprofile = 'main'\ngroups = ['billing', 'audit']\ndeadline = '5s'\n\
                [[topics]]\nname = 'refunds'\nprofile = 'main'\ngroups = ['billing', 'audit']\ndeadline = '5s'\n";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mq.toml");
    std::fs::write(&path, text).unwrap();
    let config = load(&Source::File(path), &Overrides::default(), &BTreeMap::new()).unwrap();
    Routes::new(&config, &Metrics::new().unwrap()).topic(topic).unwrap().group(group).unwrap()
}
