//! Where topics are: their brokers, and which messages they take. Asked for before a topic is used, and again every now and then.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha1::{Digest as _, Sha1};
use tokio::time::{Instant, timeout_at};

use super::link::{Errand, Link, nothing_sent};
use super::outcome::{Asked, code, refusal};
use super::place::{Place, Spot, access_point};
use super::topic_type;
use crate::context::RequestContext;
use crate::model::{MessageGroup, Topic};
use crate::protocol::rocketmq::wire::{
    Endpoints, MessageQueue, MessageType, Permission, QueryRouteRequest, QueryRouteResponse,
};
use crate::protocol::rocketmq::{Code, Method};
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// A route is asked for again after this.
const FRESH: Duration = Duration::from_secs(30);
/// It is used for so long where it cannot be asked for.
const USABLE: Duration = Duration::from_secs(600);
/// How long a request waits for a newer route where it can go by a known one.
const REFRESH_PATIENCE: Duration = Duration::from_secs(1);
/// After a question that was not answered in that time, the next one comes this much later.
const UNANSWERED_PAUSE: Duration = Duration::from_secs(5);
/// Most topics whose route is kept.
const MAX_TOPICS: usize = 1024;

/// The known routes of one profile.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<HashMap<Topic, Arc<Route>>>);

/// Where one topic is.
#[derive(Debug)]
pub(super) struct Route {
    /// By name.
    brokers: BTreeMap<String, Broker>,
    /// Where messages can be published, in the order of the brokers; each place once.
    write_places: Vec<Place>,
    /// Publishes take the places in turn.
    turn: AtomicUsize,
    /// What the topic takes; empty where the MQ does not say.
    pub(super) accepted: Vec<MessageType>,
    asked_at: Instant,
    doubted: AtomicBool,
    /// Whoever asks for a newer one holds this; when a question was last not answered in time.
    asking: tokio::sync::Mutex<Option<Instant>>,
}

/// One broker of a topic: its master, where the route names replicas too.
#[derive(Debug)]
struct Broker {
    id: i32,
    place: Place,
    can_be_read: bool,
    can_be_written: bool,
}

impl Route {
    fn is_fresh(&self) -> bool {
        self.asked_at.elapsed() < FRESH && !self.is_doubted()
    }

    fn is_doubted(&self) -> bool {
        self.doubted.load(Ordering::Relaxed)
    }

    /// The brokers that can be read from.
    pub(super) fn readable(&self) -> impl Iterator<Item = &str> {
        self.brokers.iter().filter(|(_, broker)| broker.can_be_read).map(|(name, _)| name.as_str())
    }

    /// Where requests about a broker go; `None` where the topic is not on it.
    pub(super) fn place_of(&self, broker: &str) -> Option<&Place> {
        self.brokers.get(broker).map(|broker| &broker.place)
    }

    /// Where a message can be published, best first. Those of one message group go to one broker, whoever publishes them: its queue
    /// is what keeps their order. Others may go to any, in turn.
    pub(super) fn places_for(&self, group: Option<&MessageGroup>) -> Vec<Place> {
        let places = &self.write_places;
        let count = places.len();
        if count < 2 {
            let first = places.first().filter(|place| **place != Place::Anywhere).cloned();
            return first.into_iter().chain([Place::Anywhere]).collect();
        }
        if let Some(group) = group {
            let digest: [u8; 20] = Sha1::digest(group.as_str().as_bytes()).into();
            let number = digest.first_chunk().copied().map_or(0, u64::from_be_bytes);
            let writable = || self.brokers.values().filter(|broker| broker.can_be_written);
            let brokers = u64::try_from(writable().count()).unwrap_or(u64::MAX).max(1);
            let index = usize::try_from(number % brokers).unwrap_or(0);
            return writable().nth(index).map(|broker| broker.place.clone()).into_iter().collect();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = places.iter().cycle().skip(turn % count).take(2).cloned();
        in_turn.chain([Place::Anywhere]).collect()
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
        match self.known(topic) {
            Some(route) if route.is_fresh() => Ok(route),
            Some(route) if route.asked_at.elapsed() < USABLE => self.newer(link, topic, context, route).await,
            Some(_) | None => self.ask(link, topic, context).await,
        }
    }

    /// A newer route than a known one that can still be used. One request at a time asks for it; others wait with it where the known
    /// one is doubted, and go by it where it is only old.
    async fn newer(
        &self,
        link: &Link,
        topic: &Topic,
        context: &RequestContext,
        known: Arc<Route>,
    ) -> Result<Arc<Route>, UpstreamError> {
        let patience = Instant::now() + REFRESH_PATIENCE;
        let turn = if known.is_doubted() {
            timeout_at(patience, known.asking.lock()).await.ok()
        } else {
            known.asking.try_lock().ok()
        };
        // Whoever had the turn before may have brought it.
        if let Some(newer) = self.known(topic).filter(|route| route.is_fresh()) {
            return Ok(newer);
        }
        let Some(mut unanswered) = turn.filter(|at| at.is_none_or(|at| at.elapsed() >= UNANSWERED_PAUSE)) else {
            return Ok(Arc::clone(&known));
        };
        let began = Instant::now();
        let asked = self.ask(link, topic, &context.until(began + REFRESH_PATIENCE)).await;
        // Most of it: a call may end a little before its deadline.
        *unanswered = (began.elapsed() >= REFRESH_PATIENCE / 2).then(Instant::now);
        drop(unanswered);
        // An answer that is about the topic itself stands.
        asked.or_else(|error| if error.kind == UpstreamErrorKind::Misconfigured { Err(error) } else { Ok(known) })
    }

    async fn ask(&self, link: &Link, topic: &Topic, context: &RequestContext) -> Result<Arc<Route>, UpstreamError> {
        match ask(link, topic, context).await {
            Ok(route) => {
                let route = Arc::new(route);
                self.keep(topic, &route);
                Ok(route)
            }
            Err(error) => {
                if error.kind == UpstreamErrorKind::Misconfigured {
                    self.lock().remove(topic);
                }
                Err(error)
            }
        }
    }

    fn known(&self, topic: &Topic) -> Option<Arc<Route>> {
        self.lock().get(topic).cloned()
    }

    /// Where requests about deliveries of these brokers go, all in one request.
    ///
    /// # Errors
    /// The route does not name a broker, or no longer the same place for all of them. Nothing was sent.
    pub(super) async fn place_of(
        &self,
        link: &Link,
        topic: &Topic,
        brokers: impl Iterator<Item = &str>,
        context: &RequestContext,
    ) -> Result<Place, UpstreamError> {
        if !link.follows_routes {
            return Ok(Place::Anywhere);
        }
        let route = self.route(link, topic, context).await?;
        let mut common = None;
        for broker in brokers {
            let place = route.place_of(broker);
            if place.is_none() || common.is_some_and(|common| Some(common) != place) {
                self.doubt(topic);
                let detail = "the MQ's route of the topic does not at present name the broker that delivered the message, so nothing \
                              was sent";
                return Err(UpstreamError::new(UpstreamErrorKind::Unreachable, detail));
            }
            common = place;
        }
        Ok(common.cloned().unwrap_or(Place::Anywhere))
    }

    /// What was known of a topic may be out of date: it is asked for again before the next use, and used on where that fails.
    pub(super) fn doubt(&self, topic: &Topic) {
        if let Some(route) = self.lock().get(topic) {
            route.doubted.store(true, Ordering::Relaxed);
        }
    }

    /// The same, where an error says that nobody was there.
    pub(super) fn doubt_after(&self, topic: &Topic, error: &UpstreamError) {
        if matches!(error.kind, UpstreamErrorKind::Unreachable | UpstreamErrorKind::CircuitOpen) {
            self.doubt(topic);
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

/// Whatever became of this question, what it was for was not sent.
fn before_sending(error: UpstreamError) -> UpstreamError {
    let error = nothing_sent(error);
    let detail = format!("the MQ was asked for the topic's route, and nothing was sent yet: {}", error.detail);
    UpstreamError { detail, ..error }
}

async fn ask(link: &Link, topic: &Topic, context: &RequestContext) -> Result<Route, UpstreamError> {
    let (tried, dialled) = (AtomicU32::new(0), AtomicUsize::new(0));
    // A proxy in cluster mode names the address that it is told here.
    let request = |spot: &Spot| {
        let address = match spot {
            Spot::Configured(index) => {
                dialled.store(*index, Ordering::Relaxed);
                link.addresses.get(*index)
            }
            Spot::Named(address) => Some(&**address),
        };
        QueryRouteRequest { topic: Some(link.resource(topic.as_str())), endpoints: address.map(access_point) }
    };
    let errand = Errand { topic, context, tried: &tried, places: &[Place::Anywhere], group: None };
    let answer = link.call(Method::QueryRoute, errand, request).await;
    let (QueryRouteResponse { status, message_queues }, exchange) = answer.map_err(before_sending)?;
    let code = code(status.as_ref());
    exchange.end(code.as_ref().err());
    let code = code.map_err(before_sending)?;
    if code == Code::TopicNotFound {
        return Err(topic_type::unknown(topic));
    }
    if code != Code::Ok {
        return Err(before_sending(refusal(status.as_ref(), Asked::Route)));
    }
    if message_queues.is_empty() {
        return Err(topic_type::unknown(topic));
    }
    let asked = dialled.into_inner();
    Ok(read(&message_queues, |named| {
        if link.follows_routes { Place::of(named, &link.addresses, asked) } else { Place::Anywhere }
    }))
}

/// Reads a route; `place` says where a broker is.
pub(super) fn read(queues: &[MessageQueue], place: impl Fn(Option<&Endpoints>) -> Place) -> Route {
    let (mut brokers, mut accepted) = (BTreeMap::<String, Broker>::new(), Vec::new());
    for queue in queues {
        for kind in queue.accept_message_types() {
            if kind != MessageType::Unspecified && !accepted.contains(&kind) {
                accepted.push(kind);
            }
        }
        let Some(named) = &queue.broker else { continue };
        let permission = queue.permission();
        let broker = brokers.entry(named.name.clone()).or_insert_with(|| Broker {
            id: named.id,
            place: place(named.endpoints.as_ref()),
            can_be_read: false,
            can_be_written: false,
        });
        broker.can_be_read |= matches!(permission, Permission::Read | Permission::ReadWrite);
        broker.can_be_written |= matches!(permission, Permission::Write | Permission::ReadWrite);
        // A replica has the same queues, and another address; the master has the least number.
        if named.id < broker.id {
            broker.id = named.id;
            broker.place = place(named.endpoints.as_ref());
        }
    }
    let mut write_places: Vec<Place> = Vec::new();
    for broker in brokers.values().filter(|broker| broker.can_be_written) {
        if !write_places.contains(&broker.place) {
            write_places.push(broker.place.clone());
        }
    }
    Route {
        brokers,
        write_places,
        turn: AtomicUsize::new(0),
        accepted,
        asked_at: Instant::now(),
        doubted: AtomicBool::new(false),
        asking: tokio::sync::Mutex::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::EndpointAddress;
    use crate::protocol::rocketmq::wire;

    fn address(host: &str) -> EndpointAddress {
        EndpointAddress { tls: false, host: host.to_owned(), port: 8081 }
    }

    fn queue(broker: &str, id: i32, permission: Permission) -> MessageQueue {
        let host = if id == 0 { broker.to_owned() } else { format!("{broker}-replica") };
        let endpoints = Some(access_point(&address(&host)));
        let broker = Some(wire::Broker { name: broker.to_owned(), id, endpoints });
        let kinds = vec![MessageType::Normal.into()];
        MessageQueue { topic: None, id: 0, permission: permission.into(), broker, accept_message_types: kinds }
    }

    fn at(host: &str) -> Place {
        Place::At(Spot::Named(Arc::new(address(host))))
    }

    fn follow(named: Option<&Endpoints>) -> Place {
        Place::of(named, &[address("mq")], 0)
    }

    #[test]
    fn a_broker_is_its_master_and_what_can_be_done_there() {
        let queues = [
            queue("b", 1, Permission::Read),
            queue("b", 0, Permission::ReadWrite),
            queue("a", 0, Permission::Write),
            queue("c", 0, Permission::Read),
            queue("d", 0, Permission::None),
        ];
        let route = read(&queues, follow);
        assert_eq!(route.readable().collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(route.place_of("b"), Some(&at("b")));
        assert_eq!(route.place_of("d"), Some(&at("d")), "what it delivered can be acknowledged there");
        assert_eq!(route.place_of("e"), None);
        assert_eq!(route.write_places, [at("a"), at("b")]);
        assert_eq!(route.accepted, [MessageType::Normal]);
    }

    #[test]
    fn publishes_take_brokers_in_turn_and_a_message_group_has_its_own() {
        let brokers = ["a", "b", "c"];
        let route = read(&brokers.map(|name| queue(name, 0, Permission::ReadWrite)), follow);
        let firsts: Vec<Place> = (0..4).map(|_| route.places_for(None)[0].clone()).collect();
        assert_eq!(firsts, [at("a"), at("b"), at("c"), at("a")]);
        assert_eq!(route.places_for(None), [at("b"), at("c"), Place::Anywhere]);
        let place = |group: &str| route.places_for(Some(&MessageGroup::parse(group).unwrap()));
        let mut used: Vec<Place> = Vec::new();
        for group in (0..32).map(|number| format!("user-{number}")) {
            let places = place(&group);
            assert_eq!(places, place(&group), "always the same");
            assert_eq!(places.len(), 1, "elsewhere it would be out of order");
            used.extend(places);
        }
        assert!(brokers.iter().all(|name| used.contains(&at(name))), "{used:?}");
        // Another order of the answer, another process: the same brokers.
        let other = read(&["c", "b", "a"].map(|name| queue(name, 0, Permission::ReadWrite)), follow);
        for group in ["user-1", "user-2", "user-3", "user-4"] {
            let group = MessageGroup::parse(group).unwrap();
            assert_eq!(route.places_for(Some(&group)), other.places_for(Some(&group)));
        }
    }

    #[test]
    fn one_place_is_followed_by_any_endpoint() {
        let route = read(&[queue("a", 0, Permission::ReadWrite)], follow);
        assert_eq!(route.places_for(None), [at("a"), Place::Anywhere]);
        assert_eq!(route.places_for(MessageGroup::parse("g").ok().as_ref()), [at("a"), Place::Anywhere]);
        let route = read(&[queue("a", 0, Permission::ReadWrite)], |_| Place::Anywhere);
        assert_eq!(route.places_for(None), [Place::Anywhere]);
    }
}
