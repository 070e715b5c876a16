//! The management listener: probes, metrics, the redacted configuration, and the operators' verbs behind their guard.

mod dead_letters;
mod degraded;
mod embedded;
mod guard;
mod operator;
mod options;
mod pages;
mod readiness;
mod routes;
mod service;
mod subscriptions;

pub use guard::OperatorGuard;
pub use operator::OperationsPlan;
pub use pages::ManagementPages;
pub use readiness::Readiness;
pub use service::ManagementService;
