//! Settings of the gateway that the suite needs shorter than usual.

use super::support::Settings;

/// Endpoints that failed are tried again soon, so that a run is not one long open breaker.
pub fn with_quick_breaker(settings: Settings) -> Settings {
    settings.profile("breaker_open = \"200ms\"")
}
