//! Calls to other servers over HTTP: the client, the addresses to call, and what protects a server in trouble. Nothing
//! here knows what a request is for or what an answer means.

mod breaker;
mod endpoints;
mod http;
mod look_up;
mod probe;
mod retry_budget;
mod self_test;
mod tls;
mod tls_fault;

pub use breaker::{Breaker, BreakerSettings, CircuitChange, CircuitOpen, Permit, Verdict};
pub use endpoints::{Candidate, Candidates, Endpoint, Endpoints, NoAddress};
pub use http::{Answer, Call, CallError, EndpointAddress, HttpClient, InvalidHost, Limits, Origin};
pub use look_up::look_up;
pub use probe::probe;
pub use retry_budget::RetryBudget;
pub use self_test::{SelfTestError, self_test};
pub use tls::{TlsError, TlsRoots, client_config};
pub use tls_fault::{connect_fault, late_refusal};
