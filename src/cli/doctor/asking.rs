//! Asks the MQ: signed acknowledgements of a handle that does not exist.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::StreamExt as _;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::answers::{Asked, Said};
use super::clocks::Skew;
use super::questions::{MQ_HANDLE, ONS_HANDLE, Question};
use super::{read_mq, read_ons};
use crate::clock::Clock;
use crate::config::Protocol;
use crate::http_message::Request;
use crate::model::UpstreamHandle;
use crate::outbound::{Answer, Call, HttpClient, Limits, Origin};
use crate::protocol::{mq_http, ons_http};
use crate::signature::Pair;
use crate::signature::mq_http::content_md5;
use crate::upstream::{Keys, sign_mq_http};

/// The end of all questions of a profile together.
const LIMIT: Duration = Duration::from_secs(6);
const AT_ONCE: usize = 8;
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// Whom to ask.
#[derive(Debug)]
pub(super) struct Interview<'a> {
    pub(super) origin: Origin,
    pub(super) address: SocketAddr,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) protocol: Protocol,
    /// The instance that topics and groups belong to, where the protocol has instances.
    pub(super) instance: Option<&'a str>,
    pub(super) keys: Keys,
    pub(super) clock: Clock,
}

impl Interview<'_> {
    /// Asks everything; the answers come in the order of the questions, and the clocks are compared on the way.
    pub(super) async fn ask(&self, questions: &[Question]) -> (Vec<Asked>, Option<Skew>) {
        let limits = Limits { connect_timeout: LIMIT, keep_alive: LIMIT, in_flight: AT_ONCE };
        let client = HttpClient::new(Arc::clone(&self.tls), limits);
        let pair = self.keys.current();
        let deadline = Instant::now() + LIMIT;
        let answers: Vec<(Asked, Option<Skew>)> = futures_util::stream::iter(questions)
            .map(|question| self.ask_one(&client, &pair, question, deadline))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let skew = answers.iter().find_map(|(_, skew)| *skew);
        (answers.into_iter().map(|(asked, _)| asked).collect(), skew)
    }

    async fn ask_one(
        &self,
        client: &HttpClient,
        pair: &Pair,
        question: &Question,
        deadline: Instant,
    ) -> (Asked, Option<Skew>) {
        let request = match self.protocol {
            Protocol::OnsHttp => self.in_ons_http(pair, question),
            Protocol::MqHttp => self.in_mq_http(pair, question),
        };
        let call =
            Call { request, origin: &self.origin, address: self.address, deadline, max_answer_bytes: MAX_ANSWER_BYTES };
        let (said, skew) = match client.call(call).await {
            Ok(answer) => (self.read(&answer), answer.date.and_then(|date| self.skew(date))),
            Err(error) => (Said::Nothing(error.to_string()), None),
        };
        (Asked { question: question.clone(), said }, skew)
    }

    fn in_ons_http(&self, pair: &Pair, question: &Question) -> Request {
        let request = ons_http::Request::Acknowledge(ons_http::Acknowledge {
            topic: Cow::Borrowed(&question.topic.name),
            consumer_group: Cow::Borrowed(&question.group.name),
            time: Cow::Owned(self.clock.now().0.to_string()),
            handle: Cow::Borrowed(ONS_HANDLE),
        });
        let signature = pair.signing.sign(&request.string_to_sign());
        let encoded = request.encode(&pair.access_key, &signature);
        let headers = encoded.headers.into_iter().map(|(header, value)| (header.name(), value.into_owned())).collect();
        Request { method: encoded.method, target: encoded.target, headers, body: None }
    }

    fn in_mq_http(&self, pair: &Pair, question: &Question) -> Request {
        // It is one: text that is not empty.
        let handles: Vec<UpstreamHandle> = UpstreamHandle::parse(MQ_HANDLE).into_iter().collect();
        let request = mq_http::Acknowledge {
            topic: &question.topic.name,
            group: &question.group.name,
            instance: self.instance,
            handles: &handles,
        };
        let encoded = request.encode();
        sign_mq_http(&encoded, Some(&content_md5(&encoded.body)), pair, self.clock.now())
    }

    fn read(&self, answer: &Answer) -> Said {
        match self.protocol {
            Protocol::OnsHttp => read_ons::read(answer.status, &answer.body),
            Protocol::MqHttp => read_mq::read(answer.status, &answer.body),
        }
    }

    fn skew(&self, date: std::time::SystemTime) -> Option<Skew> {
        let theirs = date.duration_since(UNIX_EPOCH).ok()?;
        let ours = Duration::from_millis(self.clock.now().0);
        // A date has whole seconds: half a second is its middle.
        Some(Skew(theirs.as_secs_f64() + 0.5 - ours.as_secs_f64()))
    }
}
