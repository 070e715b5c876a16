//! Calls to other servers over HTTP and gRPC: the clients, the addresses to call, and what protects a server in trouble. Nothing
//! here knows what a request is for or what an answer means.

mod breaker;
mod endpoints;
#[cfg(feature = "grpc")]
mod grpc;
mod http;
mod look_up;
mod probe;
mod retry_budget;
mod self_test;
mod tls;
mod tls_fault;

pub use breaker::{Breaker, BreakerSettings, CircuitChange, CircuitOpen, Permit, Verdict};
pub use endpoints::{Candidate, Candidates, Endpoint, Endpoints, NoAddress};
#[cfg(feature = "grpc")]
pub use grpc::{GrpcCall, GrpcChannel, GrpcError, GrpcStatus, GrpcStream};
pub use http::{
    Answer, Call, CallError, EndpointAddress, HttpClient, InvalidHost, Limits, NoStatus, Origin, StatusCall,
    StatusClient,
};
pub use look_up::{Resolver, look_up};
pub use probe::probe;
pub use retry_budget::RetryBudget;
pub use self_test::{SelfTestError, self_test};
#[cfg(feature = "grpc")]
pub use tls::http2_client_config;
pub use tls::{TlsError, TlsRoots, client_config};
pub use tls_fault::{connect_fault, late_refusal};
