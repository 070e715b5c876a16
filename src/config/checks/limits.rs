//! Limits beside each other.

use crate::config::findings::Findings;
use crate::config::settings::Config;
use crate::config::values::Flaw;

/// Streams stay open, and must leave connections for everything else.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    let limits = &config.server.limits;
    if let Some(streams) = limits.streams
        && streams > limits.connections / 2
    {
        let most = limits.connections / 2;
        let flaw = Flaw::new(format!("must be at most {most}, half of `connections`, which is {}", limits.connections));
        findings.add("server.limits.streams", flaw.hint("lower it, or raise `connections`"));
    }
}
