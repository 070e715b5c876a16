//! Where topics are: their brokers, and which messages they take. Asked for before a topic is used, and again every now and then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::link::{Link, before_sending};
use super::outcome::{Asked, code, refusal};
use super::topic_type;
use crate::context::RequestContext;
use crate::model::Topic;
use crate::protocol::rocketmq::wire::{MessageType, Permission, QueryRouteRequest, QueryRouteResponse};
use crate::protocol::rocketmq::{Code, Method};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// A route is asked for again after this.
const FRESH: Duration = Duration::from_secs(30);
/// It is used for so long where it cannot be asked for.
const USABLE: Duration = Duration::from_secs(600);
/// Most topics whose route is kept.
const MAX_TOPICS: usize = 1024;

/// The known routes of one profile.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<HashMap<Topic, Arc<Route>>>);

/// Where one topic is.
#[derive(Debug)]
pub(super) struct Route {
    /// The brokers that can be read from, each once.
    pub(super) brokers: Vec<String>,
    /// What the topic takes; empty where the MQ does not say.
    pub(super) accepted: Vec<MessageType>,
    asked_at: Instant,
    doubted: AtomicBool,
}

impl Route {
    fn is_fresh(&self) -> bool {
        self.asked_at.elapsed() < FRESH && !self.doubted.load(Ordering::Relaxed)
    }
}

impl Routes {
    /// The route of a topic. What fails here failed before anything else was sent.
    pub(super) async fn route(
        &self,
        link: &Link,
        topic: &Topic,
        context: &RequestContext,
    ) -> Result<Arc<Route>, UpstreamError> {
        let known = self.lock().get(topic).cloned();
        match known {
            Some(route) if route.is_fresh() => Ok(route),
            known => match ask(link, topic, context).await {
                Ok(route) => {
                    let route = Arc::new(route);
                    self.keep(topic, &route);
                    Ok(route)
                }
                Err(error) => {
                    let is_about_it = error.kind == UpstreamErrorKind::Misconfigured;
                    if is_about_it {
                        self.lock().remove(topic);
                    }
                    let old = known.filter(|route| !is_about_it && route.asked_at.elapsed() < USABLE);
                    old.ok_or(error)
                }
            },
        }
    }

    /// What was known of a topic may be out of date: it is asked for again before the next use, and used on where that fails.
    pub(super) fn doubt(&self, topic: &Topic) {
        if let Some(route) = self.lock().get(topic) {
            route.doubted.store(true, Ordering::Relaxed);
        }
    }

    fn keep(&self, topic: &Topic, route: &Arc<Route>) {
        let mut routes = self.lock();
        if routes.len() >= MAX_TOPICS && !routes.contains_key(topic) {
            routes.retain(|_, route| route.is_fresh());
        }
        if routes.len() < MAX_TOPICS || routes.contains_key(topic) {
            routes.insert(topic.clone(), Arc::clone(route));
        }
    }

    /// A std lock: held for a look-up, never over an await.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Topic, Arc<Route>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(link: &Link, topic: &Topic, context: &RequestContext) -> Result<Route, UpstreamError> {
    let request = QueryRouteRequest { topic: Some(link.resource(topic.as_str())), endpoints: None };
    let tried = AtomicU32::new(0);
    let answer = link.call(Method::QueryRoute, &request, topic, context, &tried).await;
    let QueryRouteResponse { status, message_queues } = answer.map_err(before_sending)?;
    let code = code(status.as_ref()).map_err(before_sending)?;
    if code == Code::TopicNotFound {
        return Err(topic_type::unknown(topic));
    }
    if code != Code::Ok {
        return Err(before_sending(refusal(status.as_ref(), Asked::Route)));
    }
    let mut route =
        Route { brokers: Vec::new(), accepted: Vec::new(), asked_at: Instant::now(), doubted: AtomicBool::new(false) };
    for queue in &message_queues {
        for kind in queue.accept_message_types() {
            if kind != MessageType::Unspecified && !route.accepted.contains(&kind) {
                route.accepted.push(kind);
            }
        }
        let readable = matches!(queue.permission(), Permission::Read | Permission::ReadWrite);
        if let Some(broker) = queue.broker.as_ref().filter(|_| readable)
            && !route.brokers.contains(&broker.name)
        {
            route.brokers.push(broker.name.clone());
        }
    }
    if message_queues.is_empty() {
        return Err(topic_type::unknown(topic));
    }
    Ok(route)
}
