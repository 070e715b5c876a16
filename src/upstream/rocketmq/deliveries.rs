//! What becomes of deliveries: acknowledged, kept longer, given back.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use super::client::RocketMq;
use super::link::{Errand, Link, nothing_sent};
use super::outcome::{Asked, code, refusal};
use super::place::Place;
use super::session::InUse;
use super::superseded::Key;
use crate::context::RequestContext;
use crate::model::{ChangedDelivery, ConsumerGroup, Operation, Outcome, Topic, UpstreamHandle, VisibilityChange};
use crate::protocol::rocketmq::wire::{
    AckMessageEntry, AckMessageRequest, AckMessageResponse, AckMessageResultEntry, ChangeInvisibleDurationRequest,
    ChangeInvisibleDurationResponse, Status,
};
use crate::protocol::rocketmq::{Code, Handle, Method, broker_is_not_found, settings_are_lost};
use crate::upstream::attempts::AttemptPolicy;
use crate::upstream::exchange::{self, Exchange};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// A proxy learns of a broker that has come back only some time later. Once more after so long, then its word is taken.
const BROKER_PAUSE: Duration = Duration::from_secs(1);

/// What the answer says of one handle.
enum Acknowledged {
    Decided(Result<(), UpstreamError>),
    /// The proxy does not know the handle's broker, which may have come back a moment ago.
    BrokerNotFound(UpstreamError),
}

impl RocketMq {
    /// Up to [`MAX_ACK`](crate::protocol::rocketmq::MAX_ACK) at once, each with its own result.
    pub(in crate::upstream) async fn acknowledge(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[UpstreamHandle],
    ) -> Vec<Result<(), UpstreamError>> {
        // One that cannot be read would make the server fail on all of them.
        let decoded: Vec<_> = handles.iter().map(|handle| Handle::decode(handle.as_str())).collect();
        let keys = decoded.iter().flatten().map(Key::of).collect();
        let Some(claim) = self.plan.superseded.claim(keys, context.deadline()).await else {
            return handles.iter().map(|_| Err(still_changed())).collect();
        };
        let is_known = |handle: &&Handle| !claim.is_replaced(Key::of(handle));
        let sound: Vec<&Handle> = decoded.iter().flatten().filter(is_known).collect();
        let answers = self.acknowledge_sound(context, topic, group, &sound).await;
        let done = sound.iter().zip(&answers).filter(|(_, answer)| answer.is_ok());
        claim.note_acknowledged(done.map(|(handle, _)| Key::of(handle)));
        let believed = |(handle, answer): (&&Handle, Result<(), UpstreamError>)| match answer {
            Ok(()) if claim.is_doubtful(Key::of(handle)) => Err(doubtful()),
            answer => answer,
        };
        let mut answers = sound.iter().zip(answers).map(believed);
        let lost = || Err(UpstreamError::new(UpstreamErrorKind::BadResponse, "the MQ's answer leaves a handle out"));
        decoded
            .iter()
            .map(|handle| match handle {
                Ok(handle) if claim.is_replaced(Key::of(handle)) => Err(replaced()),
                Ok(_) => answers.next().unwrap_or_else(lost),
                Err(malformed) => Err(UpstreamError::new(UpstreamErrorKind::RejectedMessage, malformed.to_string())),
            })
            .collect()
    }

    /// Asks once, and once more for handles whose broker may have come back a moment ago.
    async fn acknowledge_sound(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[&Handle],
    ) -> Vec<Result<(), UpstreamError>> {
        let first = self.ask_to_acknowledge(context, topic, group, handles).await;
        let not_found =
            handles.iter().zip(&first).filter(|(_, answer)| matches!(answer, Acknowledged::BrokerNotFound(_)));
        let again: Vec<&Handle> = not_found.map(|(handle, _)| *handle).collect();
        let mut second = Vec::new().into_iter();
        if !again.is_empty() && Instant::now() + BROKER_PAUSE < context.deadline() {
            sleep(BROKER_PAUSE).await;
            second = self.ask_to_acknowledge(context, topic, group, &again).await.into_iter();
        }
        let decided = |answer| match answer {
            Acknowledged::Decided(result) => result,
            Acknowledged::BrokerNotFound(error) => Err(error),
        };
        first
            .into_iter()
            .map(|answer| match answer {
                Acknowledged::Decided(result) => result,
                Acknowledged::BrokerNotFound(error) => second.next().map_or(Err(error), decided),
            })
            .collect()
    }

    /// One request for each place where the handles' brokers are.
    async fn ask_to_acknowledge(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[&Handle],
    ) -> Vec<Acknowledged> {
        let link = &self.plan.link;
        let route = if link.follows_routes && !handles.is_empty() {
            // Without one each part finds out why.
            self.plan.routes.route(link, topic, context).await.ok()
        } else {
            None
        };
        let mut parts: Vec<(Option<&Place>, Vec<&Handle>)> = Vec::new();
        for handle in handles {
            let place = route.as_ref().and_then(|route| route.place_of(handle.broker()));
            match parts.iter_mut().find(|(of, _)| *of == place) {
                Some((_, part)) => part.push(*handle),
                None => parts.push((place, vec![*handle])),
            }
        }
        let asked = parts.iter().map(|(_, part)| Box::pin(self.ask_part(context, topic, group, part)));
        let mut answers: Vec<_> = join_all(asked).await.into_iter().map(Vec::into_iter).collect();
        // In the order in which they were given.
        let of_part =
            |handle: &&Handle| parts.iter().position(|(_, part)| part.iter().any(|it| std::ptr::eq(*it, *handle)));
        handles.iter().filter_map(|handle| answers.get_mut(of_part(handle)?)?.next()).collect()
    }

    /// Where requests about these deliveries go. Asks for the topic's route where it is not known.
    async fn place_of(
        &self,
        context: &RequestContext,
        topic: &Topic,
        handles: &[&Handle],
    ) -> Result<Place, UpstreamError> {
        let brokers = handles.iter().map(|handle| handle.broker());
        self.plan.routes.place_of(&self.plan.link, topic, brokers, context).await
    }

    async fn ask_part(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handles: &[&Handle],
    ) -> Vec<Acknowledged> {
        let link: &Link = &self.plan.link;
        let entry = |handle: &&Handle| AckMessageEntry {
            message_id: handle.message_id.clone(),
            receipt_handle: handle.text.clone(),
        };
        let request = AckMessageRequest {
            group: Some(link.resource(group.as_str())),
            topic: Some(link.resource(topic.as_str())),
            entries: handles.iter().map(entry).collect(),
        };
        let tried = AtomicU32::new(0);
        let attempt = async || {
            let _slot = self.slot()?;
            // Again each time: where nobody was reached, the route may say another place by now.
            let place = self.place_of(context, topic, handles).await?;
            let errand = Errand { topic, context, tried: &tried, places: &[place], group: Some(group) };
            let answer = link.call(Method::AckMessage, errand, |_| request.clone()).await;
            let (answer, exchange) = answer.inspect_err(|error| self.plan.routes.doubt_after(topic, error))?;
            exchange.came_to(entries(answer, handles))
        };
        let policy = AttemptPolicy::of_group(Operation::Acknowledge, topic, group, context);
        match self.profile().attempts.perform(&policy, attempt).await {
            Err(error) => handles.iter().map(|_| Acknowledged::Decided(Err(error.clone()))).collect(),
            Ok(entries) => handles.iter().map(|handle| acknowledged(handle, &entries)).collect(),
        }
    }

    /// Hides a delivery for another time; from then on it has another handle.
    pub(in crate::upstream) async fn change_visibility(
        &self,
        context: &RequestContext,
        topic: &Topic,
        group: &ConsumerGroup,
        handle: &UpstreamHandle,
        change: VisibilityChange,
    ) -> Result<ChangedDelivery, UpstreamError> {
        let handle = Handle::decode(handle.as_str())
            .map_err(|malformed| UpstreamError::new(UpstreamErrorKind::RejectedMessage, malformed.to_string()))?;
        let key = Key::of(&handle);
        let claim = self.plan.superseded.claim(vec![key], context.deadline()).await.ok_or_else(still_changed)?;
        if claim.is_replaced(key) {
            return Err(replaced());
        }
        if claim.is_acknowledged(key) {
            let detail = "the receipt handle is no longer valid: the message was acknowledged";
            return Err(UpstreamError::new(UpstreamErrorKind::StaleHandle, detail));
        }
        let link: &Link = &self.plan.link;
        let request = link.change_of(topic, group, &handle, change.hidden_for);
        let operation = Operation::from(change.verb);
        let attempt = async || {
            let _slot = self.slot()?;
            let place = self.place_of(context, topic, &[&handle]).await?;
            let client = self.plan.polls.any_client(group, topic, &place)?;
            let name = operation.as_str();
            let asked = exchange::Asked { name, kind: Some("settle"), topic, group: Some(group) };
            let changed = self.change_once(&client, context, asked, &request).await;
            changed.inspect_err(|error| self.plan.routes.doubt_after(topic, error))
        };
        let policy = AttemptPolicy::of_group(operation, topic, group, context);
        let changed = self.profile().attempts.perform(&policy, attempt).await;
        let new = changed.inspect_err(|error| {
            if error.kind.outcome() == Outcome::Unknown {
                claim.note_doubtful(key);
            }
        })?;
        claim.note_replaced(key);
        let unusable = |_| {
            let detail =
                "the MQ's answer could not be used: it did what was asked, and gave no handle that can be read";
            UpstreamError::new(UpstreamErrorKind::BadResponse, detail)
        };
        let new = Handle::new(&handle.message_id, &new).map_err(unusable)?;
        if claim.is_doubtful(key) {
            claim.note_doubtful(Key::of(&new));
        }
        let visible_again_at = new.visible_again_at();
        let new_handle = UpstreamHandle::parse(&new.encode())
            .map_err(|_| UpstreamError::new(UpstreamErrorKind::BadResponse, "the MQ's new handle is empty"))?;
        Ok(ChangedDelivery { new_handle: Some(new_handle), visible_again_at })
    }

    /// One attempt, in the name of a client that the server knows. Returns the new handle.
    async fn change_once(
        &self,
        client: &InUse,
        context: &RequestContext,
        asked: exchange::Asked<'_>,
        request: &ChangeInvisibleDurationRequest,
    ) -> Result<String, UpstreamError> {
        let (link, session, deadline) = (&self.plan.link, client.session(), context.deadline());
        let (mut renewed, mut waited, mut number) = (false, false, 0);
        loop {
            number += 1;
            let ready = session.ready(deadline).await.map_err(nothing_sent)?;
            let method = Method::ChangeInvisibleDuration;
            let address = link.address_of(&ready.spot);
            let server = address.map(|address| exchange::Server { address, peer: None, number });
            let exchange = server.map(|server| Exchange::begin(self.profile(), context, asked, server));
            let answer = link.call_at(&ready.spot, &session.client_id, method, request.clone(), deadline).await;
            let answer = answer.map_err(UpstreamError::from).and_then(|answer: ChangeInvisibleDurationResponse| {
                let code = code(answer.status.as_ref())?;
                Ok((code, answer))
            });
            if let Some(exchange) = exchange {
                exchange.end(failure_of(&answer).as_ref());
            }
            let (code, ChangeInvisibleDurationResponse { status, receipt_handle }) = answer?;
            let text = words(status.as_ref());
            if code == Code::Ok {
                return Ok(receipt_handle);
            } else if settings_are_lost(code, text) && !renewed {
                session.renew(ready.epoch);
                renewed = true;
            } else if broker_is_not_found(code, text) && !waited && Instant::now() + BROKER_PAUSE < deadline {
                sleep(BROKER_PAUSE).await;
                waited = true;
            } else {
                return Err(refusal(status.as_ref(), Asked::Delivery));
            }
        }
    }
}

/// What a span says of an answer.
fn failure_of(answer: &Result<(Code, ChangeInvisibleDurationResponse), UpstreamError>) -> Option<UpstreamError> {
    match answer {
        Ok((Code::Ok, _)) => None,
        Ok((_, answer)) => Some(refusal(answer.status.as_ref(), Asked::Delivery)),
        Err(error) => Some(error.clone()),
    }
}

/// What an answer says of each handle.
fn entries(answer: AckMessageResponse, handles: &[&Handle]) -> Result<Vec<AckMessageResultEntry>, UpstreamError> {
    let code = code(answer.status.as_ref())?;
    // Where every entry has the same code, it is the answer's, too.
    let told = matches!(code, Code::Ok | Code::MultipleResults | Code::InvalidReceiptHandle);
    if told && !answer.entries.is_empty() {
        Ok(answer.entries)
    } else if code == Code::InvalidReceiptHandle {
        Ok(handles.iter().map(|handle| entry_of(handle, answer.status.clone())).collect())
    } else {
        Err(refusal(answer.status.as_ref(), Asked::Delivery))
    }
}

/// What an answer without entries says of one handle.
fn entry_of(handle: &Handle, status: Option<Status>) -> AckMessageResultEntry {
    AckMessageResultEntry { message_id: handle.message_id.clone(), receipt_handle: handle.text.clone(), status }
}

/// What the answer to an acknowledgement says of one handle.
fn acknowledged(handle: &Handle, entries: &[AckMessageResultEntry]) -> Acknowledged {
    let own = |entry: &&AckMessageResultEntry| entry.receipt_handle == handle.text;
    let Some(entry) = entries.iter().find(own) else {
        let detail = "the MQ's answer leaves a handle out";
        return Acknowledged::Decided(Err(UpstreamError::new(UpstreamErrorKind::BadResponse, detail)));
    };
    match code(entry.status.as_ref()) {
        Ok(Code::Ok) => Acknowledged::Decided(Ok(())),
        Ok(code) if broker_is_not_found(code, words(entry.status.as_ref())) => {
            Acknowledged::BrokerNotFound(refusal(entry.status.as_ref(), Asked::Delivery))
        }
        Ok(_) => Acknowledged::Decided(Err(refusal(entry.status.as_ref(), Asked::Delivery))),
        Err(error) => Acknowledged::Decided(Err(error)),
    }
}

fn words(status: Option<&Status>) -> &str {
    status.map(|status| status.message.as_str()).unwrap_or_default()
}

fn replaced() -> UpstreamError {
    let detail = "the receipt handle was replaced by a nack or an extend: use the one in its answer";
    UpstreamError::new(UpstreamErrorKind::StaleHandle, detail)
}

fn doubtful() -> UpstreamError {
    let detail = "an earlier nack or extend of the delivery was not answered, so it is not known whether the acknowledgement counts: the \
                  message may come again";
    UpstreamError::new(UpstreamErrorKind::Timeout, detail)
}

fn still_changed() -> UpstreamError {
    let detail = "another request with the same receipt handle is under way, so nothing was sent";
    UpstreamError::new(UpstreamErrorKind::Overloaded, detail)
}
