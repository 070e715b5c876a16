//! Settings of the gateway that the suite needs shorter than usual.

use super::support::ons::Credentials;
use super::support::{Launch, Settings};

/// Endpoints that failed are tried again soon, so that a run is not one long open breaker.
pub fn soon_again(settings: Settings) -> Settings {
    if knows("breaker_open = \"200ms\"") { settings.profile("breaker_open = \"200ms\"") } else { settings }
}

/// Whether a profile may have this line. To go once every branch has it.
fn knows(line: &str) -> bool {
    let text = Settings::new().profile(line).text("http://127.0.0.1:1");
    let launch = Launch::bare().secrets(&Credentials::of("check")).file("gateway.toml", &text);
    launch.arguments(&["check", "{directory}/gateway.toml"]).run().code == Some(0)
}
