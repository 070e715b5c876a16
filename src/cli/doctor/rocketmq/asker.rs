//! Puts the questions to a proxy.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, poll_fn};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::answer::{Answer, Answers, Route};
use super::questions::{GroupQuestion, Questions, TopicQuestion};
use crate::clock::Clock;
use crate::outbound::{GrpcCall, GrpcChannel, GrpcError, GrpcStream};
use crate::protocol::rocketmq::wire::{
    ClientType, Command, HeartbeatRequest, HeartbeatResponse, NotifyClientTerminationRequest,
    NotifyClientTerminationResponse, QueryRouteRequest, QueryRouteResponse, Resource, TelemetryCommand,
};
use crate::protocol::rocketmq::{Client, GroupSettings, Metadata, Method, asking_settings, group_settings, metadata};
use crate::signature::Pair;

/// The end of all questions of a profile together.
pub(super) const LIMIT: Duration = Duration::from_secs(6);
const AT_ONCE: usize = 8;
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// One proxy, and who asks. It has no `Debug`, since it can sign.
pub(super) struct Asker {
    pub(super) channel: GrpcChannel,
    /// `None` where the profile has no keys.
    pub(super) pair: Option<Pair>,
    /// The instance, empty for none.
    pub(super) namespace: String,
    /// What the ids of our clients begin with: nobody else has it.
    pub(super) client_id: String,
    pub(super) clock: Clock,
}

impl Asker {
    /// The answers, in the order of the questions.
    pub(super) async fn ask(&self, questions: Questions) -> Answers {
        let deadline = Instant::now() + LIMIT;
        let Questions { topics, groups, left_out } = questions;
        let routes = stream::iter(topics)
            .map(|question| async move { (self.topic(&question, self.pair.as_ref(), deadline).await, question) })
            .buffered(AT_ONCE)
            .map(|(answer, question)| (question, answer));
        let topics: Vec<(TopicQuestion, Answer<Route>)> = routes.collect().await;
        let settings = stream::iter(groups.into_iter().enumerate())
            .map(|(number, question)| async move { (self.group(&question, number, deadline).await, question) })
            .buffered(AT_ONCE)
            .map(|(answer, question)| (question, answer));
        let groups: Vec<(GroupQuestion, Answer<GroupSettings>)> = settings.collect().await;
        let answers_anyone = match topics.first() {
            Some((question, Answer::Known(_) | Answer::Missing(_))) if self.pair.is_some() => {
                let unsigned = self.topic(question, None, deadline).await;
                Some(matches!(unsigned, Answer::Known(_) | Answer::Missing(_)))
            }
            Some(_) | None => None,
        };
        Answers { topics, groups, answers_anyone, left_out }
    }

    async fn topic(&self, question: &TopicQuestion, pair: Option<&Pair>, deadline: Instant) -> Answer<Route> {
        let request = QueryRouteRequest { topic: Some(self.resource(&question.topic.text)), endpoints: None };
        let Metadata(metadata) = self.metadata(&self.client_id, pair);
        let call = call(Method::QueryRoute, &metadata, deadline);
        Answer::of_route(self.channel.unary::<_, QueryRouteResponse>(call, request).await)
    }

    /// Begins a client of the group, and ends it.
    async fn group(&self, question: &GroupQuestion, number: usize, deadline: Instant) -> Answer<GroupSettings> {
        let client_id = format!("{}@{number}", self.client_id);
        let (conversation, mut outgoing) = mpsc::channel(1);
        let (group, topic) = (self.resource(&question.group), self.resource(&question.topic.text));
        let settings = asking_settings(group.clone(), topic, LIMIT);
        // The channel was made with room for it.
        drop(conversation.try_send(TelemetryCommand { status: None, command: Some(Command::Settings(settings)) }));
        let outgoing = poll_fn(move |context| outgoing.poll_recv(context));
        let Metadata(metadata) = self.metadata(&client_id, self.pair.as_ref());
        let begun = GrpcCall { tell_deadline: false, ..call(Method::Telemetry, &metadata, deadline) };
        let begun: Result<GrpcStream<TelemetryCommand>, _> = self.channel.streaming(begun, outgoing).await;
        let answer = match begun {
            Ok(stream) => settled(stream, deadline).await,
            Err(error) => Answer::of_failure(&error),
        };
        if !matches!(answer, Answer::Known(_) | Answer::Missing(_)) {
            return answer;
        }
        let request = HeartbeatRequest { group: Some(group.clone()), client_type: ClientType::SimpleConsumer.into() };
        let Metadata(metadata) = self.metadata(&client_id, self.pair.as_ref());
        let heartbeat = call(Method::Heartbeat, &metadata, deadline);
        let heartbeat: Result<HeartbeatResponse, GrpcError> = self.channel.unary(heartbeat, request).await;
        let goodbye = NotifyClientTerminationRequest { group: Some(group) };
        let end = call(Method::NotifyClientTermination, &metadata, deadline);
        let ended: Result<NotifyClientTerminationResponse, GrpcError> = self.channel.unary(end, goodbye).await;
        // Without a goodbye the server forgets the client by itself.
        drop((ended, conversation));
        match heartbeat {
            Ok(HeartbeatResponse { status }) => Answer::of_status(status.as_ref()).unwrap_or(answer),
            Err(error) => Answer::of_failure(&error),
        }
    }

    fn resource(&self, name: &str) -> Resource {
        Resource { resource_namespace: self.namespace.clone(), name: name.to_owned() }
    }

    fn metadata(&self, client_id: &str, pair: Option<&Pair>) -> Metadata {
        metadata(Client { id: client_id, namespace: &self.namespace }, pair, self.clock.now())
    }
}

/// Waits for the server's answer to the settings.
async fn settled(mut stream: GrpcStream<TelemetryCommand>, deadline: Instant) -> Answer<GroupSettings> {
    loop {
        let next = match timeout_at(deadline, stream.next()).await {
            Ok(Ok(next)) => next,
            Ok(Err(error)) => return Answer::of_failure(&error),
            Err(_) => return Answer::None("the settings of a client were not answered in time".to_owned()),
        };
        let Some(TelemetryCommand { status, command }) = next else {
            return Answer::None("the telemetry stream ended before the settings were answered".to_owned());
        };
        if let Some(refusal) = status.as_ref().and_then(|status| Answer::of_status(Some(status))) {
            return refusal;
        }
        if let Some(Command::Settings(settings)) = command {
            return Answer::Known(group_settings(&settings));
        }
    }
}

fn call<'a>(method: Method, metadata: &'a [(&'static str, String)], deadline: Instant) -> GrpcCall<'a> {
    let (path, max_answer_bytes) = (method.path(), MAX_ANSWER_BYTES);
    GrpcCall { path, metadata, headers: &[], deadline, tell_deadline: true, max_answer_bytes }
}
