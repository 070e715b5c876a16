//! The drop-in relay's settings.
//!
//! Clients of the vendors' protocols are pointed at the gateway. A request is decoded by the codec whose encoder the
//! upstream uses, its caller is checked, and then the same gateway functions run as for `/v1`. The caller's own key and
//! producer group end here; receipt handles are the MQ's own. What a vendor's client gets is a vendor's answer, whatever
//! happened.

use std::time::Duration;

use super::callers::Callers;
use super::ons_http::edge::ClockWindow;
use crate::config::{ClientAuth, DropInConfig};

/// What the relay checks and waits.
#[derive(Debug, Clone)]
pub struct DropIn {
    enabled: bool,
    pub(super) client_auth: ClientAuth,
    pub(super) callers: Callers,
    /// Of the ONS HTTP protocol's `time`.
    pub(super) clock: ClockWindow,
    /// Of the MQ HTTP protocol's `Date`, both ways.
    pub(super) clock_window: Duration,
    /// How long a poll without `timeout` is held.
    pub(super) default_wait: Duration,
    /// How long an error answer to GET is held.
    pub(super) error_hold: Duration,
}

impl DropIn {
    /// Joins the settings with the pairs that `client_auth` speaks of: the virtual keys, or the embedded endpoint's own.
    #[must_use]
    pub fn new(config: &DropInConfig, callers: Callers) -> Self {
        Self {
            enabled: config.enabled,
            client_auth: config.client_auth,
            callers,
            clock: ClockWindow { past: config.clock_past, future: config.clock_future },
            clock_window: config.clock_window,
            default_wait: config.default_wait,
            error_hold: config.error_hold,
        }
    }

    /// Whether the relay answers at all.
    pub(super) fn enabled(&self) -> bool {
        self.enabled
    }

    /// Whether everybody may call, without a key.
    pub(super) fn is_open(&self) -> bool {
        self.client_auth == ClientAuth::None
    }
}
