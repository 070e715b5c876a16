//! The management listener: probes, metrics, the redacted configuration.

mod degraded;
mod readiness;
mod service;

pub use readiness::Readiness;
pub use service::ManagementService;
