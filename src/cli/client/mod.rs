//! How commands talk to a running gateway: over HTTP like anybody else, never through its files.
//!
//! [`GatewayClient`] sends a request and reads a whole answer, with a deadline and a bound; it follows no redirect, so that its
//! token goes nowhere else. Whatever is no success is a [`ClientError`], whose text is one line for a person. Nothing is sent
//! twice here: whether that is right, only the command knows.

mod arguments;
mod base_url;
mod error;
mod gateway_client;
mod problem;
mod reply;

pub(super) use arguments::{DataArguments, ManagementArguments};
pub(super) use error::ClientError;
pub(super) use gateway_client::{Asked, GatewayClient, segment};
pub(super) use problem::Problem;
pub(super) use reply::Reply;
