//! One file about an installation, for a report of a bug: nothing in it is secret.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::management_page::{self, PageFailure};
use super::report::Report;
use crate::cli::failure::Failure;
use crate::cli::new_files;
use crate::config::{Config, ConfigErrors};
use crate::model::UnixMillis;

/// Every gateway of ours shows it.
const BUILD_INFO: &str = "mq_gateway_build_info";

/// What the file is made of.
pub(super) struct Bundle<'a> {
    pub(super) now: UnixMillis,
    /// As it would be read now; the running gateway's may be an older one.
    pub(super) config: Result<&'a Config, &'a ConfigErrors>,
    pub(super) report: &'a Report,
}

impl Bundle<'_> {
    /// Writes it for its owner only, and never over another file.
    ///
    /// # Errors
    /// The file is there already, or cannot be written.
    pub(super) async fn write(&self, path: &Path) -> Result<(), Failure> {
        let made_at = i64::try_from(self.now.0).ok().and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
        let gateway = match self.config {
            Ok(config) => running(config.management.listen).await,
            Err(_) => json!({ "asked": false, "reason": "the configuration cannot be used" }),
        };
        let bundle = json!({
            "what": "mq-gateway doctor --bundle: no keys, no messages",
            "made_at": made_at.map(|time| format!("{time:.0}")),
            "program": program(),
            "system": system(),
            "configuration": match self.config {
                Ok(config) => config.redacted(),
                Err(_) => json!({ "unusable": "see doctor" }),
            },
            "doctor": self.report.to_json(),
            "gateway": gateway,
        });
        let text = serde_json::to_string_pretty(&bundle).unwrap_or_default();
        new_files::write(&[(path.to_owned(), &text)])
    }
}

fn program() -> Value {
    let features = [("rocketmq", cfg!(feature = "rocketmq")), ("traces", cfg!(feature = "traces"))];
    let features: Vec<&str> = features.into_iter().filter(|(_, is_in)| *is_in).map(|(name, _)| name).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "features": features,
        "debug_build": cfg!(debug_assertions),
    })
}

fn system() -> Value {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    json!({
        "os": std::env::consts::OS,
        "arch": std::env::consts::ARCH,
        "kernel": release.map(|release| release.trim().to_owned()),
        "cpus": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
    })
}

/// What the gateway at `listen` tells of itself. It has redacted its own configuration; its metrics have no content.
async fn running(listen: SocketAddr) -> Value {
    if listen.port() == 0 {
        return json!({ "asked": false, "reason": "`management.listen` takes a free port, which is not known here" });
    }
    let metrics = match page(listen, "/metrics").await {
        Ok(metrics) if metrics.lines().any(|line| line.starts_with(BUILD_INFO)) => metrics,
        // Whoever answers may write anything.
        Ok(_) => return json!({ "asked": true, "reason": "something else than a gateway answers there" }),
        Err(reason) => return json!({ "asked": true, "reason": reason }),
    };
    let config = page(listen, "/config").await.ok().and_then(|config| serde_json::from_str::<Value>(&config).ok());
    json!({
        "asked": true,
        "readyz": page(listen, "/readyz?verbose").await.unwrap_or_else(|reason| reason),
        "configuration": config,
        "metrics": metrics.lines().collect::<Vec<_>>(),
    })
}

async fn page(listen: SocketAddr, target: &str) -> Result<String, String> {
    match management_page::get(listen, target).await {
        Ok((_, page)) => Ok(String::from_utf8_lossy(&page).into_owned()),
        Err(PageFailure::NobodyThere(reason)) => Err(format!("nobody listens there: {reason}")),
        Err(PageFailure::NoAnswer(reason)) => Err(reason),
    }
}
