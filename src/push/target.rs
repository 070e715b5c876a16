//! Where a subscription's messages are sent to: its name looked up, its addresses held to the configuration's lists, and one request.
//!
//! A look-up is good for a few seconds; a connection that is kept longer went to an address that was checked when it was made.
//! There is no circuit here and no budget that others share: what a target does is its own subscription's matter.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use super::AttemptResult;
use super::addresses::AddressRules;
use super::live_files::ExtraHeaders;
use crate::config::{SubscriptionConfig, TargetUrl};
use crate::http_message::{Method, Request};
use crate::memory::MemoryBudget;
use crate::outbound::{
    Answer, Call, CallError, EndpointAddress, InvalidHost, Limits, NoStatus, Origin, Resolver, StatusCall,
    StatusClient, TlsError, TlsRoots, client_config,
};

/// Most of an answer's body that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// How long the body is waited for where nobody wants to know what is in it: as long as it takes to keep the connection.
const UNWANTED_BODY: Duration = Duration::from_millis(500);
/// Below the five seconds after which many servers close a connection, so that no request goes out on one that is being closed.
const KEEP_ALIVE: Duration = Duration::from_secs(4);
/// How long the addresses of a name are taken to be the same.
const ADDRESSES_LAST: Duration = Duration::from_secs(5);
/// Most addresses of a target that one attempt tries.
const MOST_ADDRESSES: usize = 3;

/// What is needed for a target's client, on any thread.
#[derive(Debug, Clone)]
pub(super) struct TargetPlan {
    origin: Origin,
    target: TargetUrl,
    tls: Arc<rustls::ClientConfig>,
    limits: Limits,
    timeout: Duration,
    wants_body: bool,
    rules: AddressRules,
}

/// Why a target cannot be called at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The URL's host.
    #[error(transparent)]
    Host(#[from] InvalidHost),
    /// The CA.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// One thread's client of a target.
#[derive(Debug)]
pub(super) struct Target {
    plan: TargetPlan,
    client: StatusClient,
    /// One look-up at a time; whoever comes meanwhile gets what it gives.
    looking_up: Mutex<()>,
    /// What DNS is asked by.
    resolver: Resolver,
    found: RefCell<Option<(Instant, Vec<SocketAddr>)>>,
}

/// What is sent. It has no `Debug`: a signature in a log can be replayed.
pub(super) struct Outgoing {
    pub(super) headers: Vec<(&'static str, String)>,
    /// Headers of the configuration.
    pub(super) more_headers: ExtraHeaders,
    pub(super) body: Bytes,
}

/// What came of one request.
#[derive(Debug)]
pub(super) enum Answered {
    /// A status, and what was read of the body.
    Status(Answer),
    /// None, and why, for people: no word of the target's.
    Nothing { result: AttemptResult, detail: String },
}

impl TargetPlan {
    /// # Errors
    /// [`TargetError`].
    pub(super) fn new(config: &SubscriptionConfig) -> Result<Self, TargetError> {
        let url = &config.url;
        let address = EndpointAddress { tls: url.has_tls(), host: url.host().to_owned(), port: url.port() };
        let roots = config.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
        let limits = Limits {
            connect_timeout: config.connect_timeout,
            keep_alive: KEEP_ALIVE,
            // One more for what an operator sends again.
            in_flight: config.concurrency.saturating_add(1),
        };
        Ok(Self {
            origin: address.origin()?,
            target: url.clone(),
            tls: client_config(&roots)?,
            limits,
            timeout: config.timeout,
            wants_body: config.answer_status,
            rules: AddressRules::of(config),
        })
    }
}

impl Target {
    pub(super) fn new(plan: TargetPlan, memory: MemoryBudget) -> Self {
        let client = StatusClient::new(Arc::clone(&plan.tls), plan.limits, memory);
        Self { plan, client, looking_up: Mutex::default(), resolver: Resolver::default(), found: RefCell::default() }
    }

    /// The whole URL but for its query.
    pub(super) fn shown(&self) -> String {
        self.plan.target.to_string()
    }

    /// Sends one request and waits for its status, all of it within the subscription's timeout. Of several addresses the next
    /// one is tried where nothing was sent to the one before.
    pub(super) async fn send(&self, outgoing: &Outgoing) -> Answered {
        let deadline = Instant::now() + self.plan.timeout;
        let addresses = match timeout_at(deadline, self.addresses()).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err((result, detail))) => return Answered::Nothing { result, detail },
            Err(_) => return nothing(AttemptResult::DnsFailed, "DNS did not answer in time"),
        };
        let mut last = nothing(AttemptResult::DnsFailed, "its name leads to no address");
        for address in addresses.into_iter().take(MOST_ADDRESSES) {
            match self.client.call(self.call(outgoing, address, deadline)).await {
                Ok(answer) => return Answered::Status(answer),
                Err(NoStatus { error, in_handshake }) => {
                    let is_unsent = matches!(error, CallError::NotConnected(_));
                    last = no_status(&error, in_handshake);
                    if !is_unsent {
                        return last;
                    }
                    // It may be another's by now.
                    self.found.replace(None);
                }
            }
        }
        last
    }

    fn call<'a>(&'a self, outgoing: &'a Outgoing, address: SocketAddr, deadline: Instant) -> StatusCall<'a> {
        let request = Request {
            method: Method::Post,
            target: self.plan.target.request_target(),
            headers: outgoing.headers.clone(),
            body: Some(outgoing.body.clone()),
        };
        let patience = if self.plan.wants_body { self.plan.timeout } else { UNWANTED_BODY };
        StatusCall {
            call: Call {
                request,
                origin: &self.plan.origin,
                address,
                deadline,
                max_answer_bytes: MAX_ANSWER_BYTES,
                copies: 1,
            },
            more_headers: &outgoing.more_headers,
            body_patience: patience,
        }
    }

    /// The addresses that may be connected to.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, (AttemptResult, String)> {
        let _turn = self.looking_up.lock().await;
        if let Some((at, found)) = &*self.found.borrow()
            && at.elapsed() < ADDRESSES_LAST
        {
            return Ok(found.clone());
        }
        let EndpointAddress { host, port, .. } = &self.plan.origin.address;
        let failed = |reason| (AttemptResult::DnsFailed, format!("could not resolve {host}: {reason}"));
        let all = self.resolver.addresses(host, *port).await.map_err(failed)?;
        let (number, permitted) = (all.len(), self.permitted(all));
        if permitted.is_empty() {
            let detail = format!(
                "none of its {number} addresses is allowed: see allow_addresses and deny_addresses of the subscription"
            );
            return Err((AttemptResult::AddressDenied, detail));
        }
        self.found.replace(Some((Instant::now(), permitted.clone())));
        Ok(permitted)
    }

    fn permitted(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        addresses.retain(|address| self.plan.rules.allows(address.ip()));
        addresses
    }
}

fn nothing(result: AttemptResult, detail: &str) -> Answered {
    Answered::Nothing { result, detail: detail.to_owned() }
}

fn no_status(error: &CallError, in_handshake: bool) -> Answered {
    let result = match error {
        CallError::Unwritable(_) => AttemptResult::NotWritable,
        CallError::NotConnected(_) | CallError::TimedOutUnsent if in_handshake => AttemptResult::TlsFailed,
        // Too many calls at once is no flaw of the message either.
        CallError::Full(_) | CallError::NotConnected(_) | CallError::TimedOutUnsent => AttemptResult::NotConnected,
        CallError::TimedOut { .. } | CallError::TimedOutInAnswer => AttemptResult::Timeout,
        CallError::NoAnswer(_) | CallError::Broken(_) | CallError::TooLarge(_) | CallError::NoMemory(_) => {
            AttemptResult::NoAnswer
        }
    };
    Answered::Nothing { result, detail: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_flaw_of_the_message_is_not_given_up() {
        let result = |error| match no_status(&error, false) {
            Answered::Nothing { result, .. } => result,
            other @ Answered::Status(_) => panic!("{other:?}"),
        };
        assert_eq!(result(CallError::Full(1)), AttemptResult::NotConnected);
        assert_eq!(result(CallError::Unwritable("a header cannot be written")), AttemptResult::NotWritable);
    }
}
