//! What the tests of this part share.

use std::collections::BTreeMap;

use crate::config::{Overrides, Source, SubscriptionConfig, load};

/// A subscription with further lines.
pub(super) fn subscription(lines: &str) -> SubscriptionConfig {
    let text = format!(
        "[embedded]\nenabled = true\n[profiles.main]\nprotocol = 'ons-http'\nendpoints = ['embedded']\n\
         credentials = 'embedded'\nproducer_group = 'P'\n[[topics]]\nname = 'orders'\nprofile = 'main'\ngroups = ['G']\n\
         [subscriptions.billing]\ntopic = 'orders'\ngroup = 'G'\nurl = 'http://billing/hooks'\n{lines}"
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mq.toml");
    std::fs::write(&path, text).unwrap();
    let config = load(&Source::File(path), &Overrides::default(), &BTreeMap::new()).unwrap();
    config.subscriptions["billing"].clone()
}
