//! What a RocketMQ 5 proxy says of keys, topics and groups.
//!
//! Asked for are the routes of topics, and what the server makes of the settings of a client that would receive for a group; the
//! client says goodbye at once. A receive would take messages from somebody, so there is none. A server that makes groups by itself
//! (`autoCreateSubscriptionGroup`) makes one that is asked for, as it does for every client.

mod answer;
mod asker;
mod findings;
mod questions;

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use super::report::{Check, Finding, Verdict};
use crate::clock::Clock;
use crate::config::{Config, ProfileConfig};
use crate::outbound::{EndpointAddress, GrpcChannel};
use crate::random::Random;
use crate::signature::{Credentials, Pair};
use asker::Asker;

/// The findings after those of the network; an error says why nothing can be asked. `credentials` is `None` where the profile
/// names none.
pub(super) async fn check(
    config: &Config,
    profile: &ProfileConfig,
    (endpoint, address, tls): (&EndpointAddress, SocketAddr, &Arc<ClientConfig>),
    credentials: Option<&Credentials>,
    clock: &Clock,
) -> Result<Vec<Finding>, String> {
    let channel =
        GrpcChannel::new(endpoint, move || vec![address], tls, asker::LIMIT).map_err(|error| error.to_string())?;
    let id = Random::system().letters_and_digits(16).map_err(|error| error.to_string())?;
    let asker = Asker {
        channel,
        pair: credentials.map(Pair::new),
        namespace: questions::namespace(profile),
        client_id: format!("mq-gateway-doctor@{id}"),
        clock: clock.clone(),
    };
    let questions = questions::of(config, profile);
    let answers = asker.ask(questions).await;
    let clock = "the proxies do not tell their time, and by themselves they do not check that of a request";
    let mut findings = vec![Finding::new(Check::ClockSkew, Verdict::Skipped, clock)];
    findings.extend(findings::of_answers(&answers, credentials.is_some()));
    Ok(findings)
}
