//! The embedded endpoint with a client of one of the vendors' protocols.

use std::net::SocketAddr;
use std::ops::Deref;

use super::ons::Credentials;
use super::{Launch, Settings, TestApp};

/// Polls do not wait by default, and errors are not held.
const BASE: &str = "[server]\ndrain_delay = \"0s\"\nshutdown_timeout = \"5s\"\n[embedded]\nenabled = true\ndefault_wait = \"0s\"\nerror_hold = \"0s\"\n";

/// The application, and a client of its endpoint with the endpoint's own keys.
pub struct EmbeddedMq<C> {
    pub app: TestApp,
    client: C,
}

impl<C: From<(SocketAddr, Credentials)>> EmbeddedMq<C> {
    pub fn start() -> Self {
        Self::with("")
    }

    /// With more lines of `[embedded]`.
    pub fn with(more: &str) -> Self {
        let app = Launch::embedded_with(&format!("{BASE}{more}")).start();
        let client = C::from((app.embedded_address(), app.embedded_credentials()));
        Self { app, client }
    }
}

/// The application with its embedded endpoint as the MQ, over MQ HTTP, with any topic and group.
pub fn on_embedded_mq_http() -> TestApp {
    on_embedded_mq_http_with("2s")
}

/// As [`on_embedded_mq_http`], with this visibility timeout.
pub fn on_embedded_mq_http_with(visibility_timeout: &str) -> TestApp {
    let settings = Settings::new().profile("protocol = \"mq-http\"").profile("binary_bodies = \"base64\"");
    Launch::on_embedded(&format!("visibility_timeout = \"{visibility_timeout}\"\n"), &settings).start()
}

impl<C> Deref for EmbeddedMq<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.client
    }
}
