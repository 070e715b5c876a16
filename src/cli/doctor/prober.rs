//! Sends the probes: signed acknowledgements of a handle that does not exist.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::http_protocol::HttpProtocol;
use super::probe_result::{ProbeOutcome, ProbeResult};
use super::probes::{MQ_HANDLE, ONS_HANDLE, Probe};
use super::{read_mq_http, read_ons_http};
use crate::clock::Clock;
use crate::http_message::Request;
use crate::memory::MemoryBudget;
use crate::model::UpstreamHandle;
use crate::outbound::{Answer, Call, HttpClient, Limits, Origin};
use crate::protocol::{ClockOffset, mq_http, ons_http};
use crate::signature::Pair;

/// The end of all probes of a profile together.
const LIMIT: Duration = Duration::from_secs(6);
const AT_ONCE: usize = 8;
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// One endpoint, and how it is asked.
#[derive(Debug)]
pub(super) struct Prober<'a> {
    pub(super) origin: Origin,
    pub(super) address: SocketAddr,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) protocol: HttpProtocol,
    /// The instance that topics and groups belong to, where the protocol has instances.
    pub(super) instance: Option<&'a str>,
    pub(super) pair: Pair,
    pub(super) clock: Clock,
}

impl Prober<'_> {
    /// Sends every probe; the results come in the same order, with how far the clocks are apart, where an answer had a
    /// `Date`.
    pub(super) async fn run(&self, probes: &[Probe]) -> (Vec<ProbeResult>, Option<ClockOffset>) {
        let limits = Limits { connect_timeout: LIMIT, keep_alive: LIMIT, in_flight: AT_ONCE };
        let client = HttpClient::new(Arc::clone(&self.tls), limits, MemoryBudget::new(AT_ONCE * MAX_ANSWER_BYTES));
        let deadline = Instant::now() + LIMIT;
        let results: Vec<(ProbeResult, Option<ClockOffset>)> = futures_util::stream::iter(probes)
            .map(|probe| self.send(&client, probe, deadline))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let offset = results.iter().find_map(|(_, offset)| *offset);
        (results.into_iter().map(|(result, _)| result).collect(), offset)
    }

    async fn send(&self, client: &HttpClient, probe: &Probe, deadline: Instant) -> (ProbeResult, Option<ClockOffset>) {
        let call = Call {
            request: self.request(probe),
            origin: &self.origin,
            address: self.address,
            deadline,
            max_answer_bytes: MAX_ANSWER_BYTES,
            copies: 1,
        };
        let (outcome, offset) = match client.call(call).await {
            Ok(answer) => {
                let offset = answer.date().and_then(|date| ClockOffset::measured(date, self.clock.now()));
                (self.read(&answer), offset)
            }
            Err(error) => (ProbeOutcome::NoAnswer(error.to_string()), None),
        };
        (ProbeResult { probe: probe.clone(), outcome }, offset)
    }

    fn request(&self, probe: &Probe) -> Request {
        let (topic, group, now) = (probe.topic.text.as_str(), probe.group.text.as_str(), self.clock.now());
        match self.protocol {
            HttpProtocol::OnsHttp => {
                let acknowledge = ons_http::Acknowledge::new(topic, group, ONS_HANDLE, now);
                ons_http::Request::Acknowledge(acknowledge).sign(&self.pair)
            }
            HttpProtocol::MqHttp => {
                // It is one: text that is not empty.
                let handles: Vec<UpstreamHandle> = UpstreamHandle::parse(MQ_HANDLE).into_iter().collect();
                let acknowledge = mq_http::Acknowledge { topic, group, instance: self.instance, handles: &handles };
                acknowledge.encode().sign(&self.pair, now)
            }
        }
    }

    fn read(&self, answer: &Answer) -> ProbeOutcome {
        match self.protocol {
            HttpProtocol::OnsHttp => read_ons_http::read(answer.status, &answer.body),
            HttpProtocol::MqHttp => read_mq_http::read(answer.status, &answer.body),
        }
    }
}
