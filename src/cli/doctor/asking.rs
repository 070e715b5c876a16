//! Asks the MQ: signed acknowledgements of a handle that does not exist.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use futures_util::StreamExt as _;
use rustls::ClientConfig;
use tokio::time::Instant;

use super::clocks::Skew;
use super::questions::{Asked, HANDLE, Question, Said, read};
use crate::clock::Clock;
use crate::http_client::{Call, HttpClient, Limits, Origin};
use crate::protocol::ons_http::{Acknowledge, Encoded, Request};
use crate::signature::{Credentials, SigningKey};

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
    pub(super) credentials: &'a Credentials,
    pub(super) clock: Clock,
}

impl Interview<'_> {
    /// Asks everything; the answers come in the order of the questions, and the clocks are compared on the way.
    pub(super) async fn ask(&self, questions: &[Question]) -> (Vec<Asked>, Option<Skew>) {
        let limits = Limits { connect_timeout: LIMIT, keep_alive: LIMIT, in_flight: AT_ONCE };
        let client = HttpClient::new(Arc::clone(&self.tls), limits);
        let signing = SigningKey::new(self.credentials.secret_key.expose());
        let deadline = Instant::now() + LIMIT;
        let answers: Vec<(Asked, Option<Skew>)> = futures_util::stream::iter(questions)
            .map(|question| self.ask_one(&client, &signing, question, deadline))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let skew = answers.iter().find_map(|(_, skew)| *skew);
        (answers.into_iter().map(|(asked, _)| asked).collect(), skew)
    }

    async fn ask_one(
        &self,
        client: &HttpClient,
        signing: &SigningKey,
        question: &Question,
        deadline: Instant,
    ) -> (Asked, Option<Skew>) {
        let request = Request::Acknowledge(Acknowledge {
            topic: Cow::Borrowed(&question.topic.name),
            consumer_group: Cow::Borrowed(&question.group.name),
            time: Cow::Owned(self.clock.now().0.to_string()),
            handle: Cow::Borrowed(HANDLE),
        });
        let signature = signing.sign(&request.string_to_sign());
        let encoded = request.encode(&self.credentials.access_key, &signature);
        let call = Call {
            method: Method::DELETE,
            origin: &self.origin,
            address: self.address,
            target: &encoded.target,
            headers: headers(&encoded),
            body: None,
            deadline,
            max_answer_bytes: MAX_ANSWER_BYTES,
        };
        let (said, skew) = match client.call(call).await {
            Ok(answer) => (read(answer.status.as_u16(), &answer.body), answer.date.and_then(|date| self.skew(date))),
            Err(error) => (Said::Nothing(error.to_string()), None),
        };
        (Asked { question: question.clone(), said }, skew)
    }

    fn skew(&self, date: std::time::SystemTime) -> Option<Skew> {
        let theirs = date.duration_since(UNIX_EPOCH).ok()?;
        let ours = Duration::from_millis(self.clock.now().0);
        // A date has whole seconds: half a second is its middle.
        Some(Skew(theirs.as_secs_f64() + 0.5 - ours.as_secs_f64()))
    }
}

fn headers(encoded: &Encoded<'_>) -> Vec<(HeaderName, HeaderValue)> {
    // The protocol's names are header names, and the configuration lets no control character into a value.
    let pair = |name: &str, value: &str| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?))
    };
    encoded.headers.iter().filter_map(|(header, value)| pair(header.name(), value)).collect()
}
