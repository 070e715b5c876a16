//! What the keys of `[tracing]` say of each other.

use crate::config::findings::Findings;
use crate::config::settings::Config;
use crate::config::values::{Endpoint, Flaw};

/// Refuses what would have no effect, and traces in a build without them.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    let tracing = &config.tracing;
    let Some(destination) = tracing.destination() else { return };
    if !cfg!(feature = "traces") {
        let flaw = Flaw::new("asks for traces, which are not part of this build");
        findings.add("tracing.endpoint", flaw.hint("build with the cargo feature `traces`, which is on by default"));
    }
    if tracing.ca_file.is_some() && !matches!(destination, Endpoint::Url { tls: true, .. }) {
        findings.add("tracing.ca_file", Flaw::new("has no effect, since the endpoint is not https"));
    }
}
