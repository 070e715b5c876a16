//! A topic of dead letters and the group that takes them.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::letter::Letter;
use super::options::Options;
use crate::embedded::{DEAD_LETTER_PREFIX, Engine, EngineStats, dead_letter_topic_name};
use crate::gateway::{Gateway, GroupRoute, ReceiveRequest};
use crate::http::management::operator::OperatorRequest;
use crate::http::problem::{Code, FieldError, Problem};
use crate::memory::Charge;
use crate::model::{ConsumerGroup, Feature, Topic, UnixMillis};
use crate::upstream::UpstreamErrorKind;

/// The group that takes dead letters on the embedded endpoint where nobody names another.
const OWN_GROUP: &str = "mq-gateway-dead-letters";
/// How long what a step takes is hidden where nobody says: longer than the step.
const HIDDEN: Duration = Duration::from_secs(600);
/// How long one acknowledgement may take, how many there are for one dead letter, and the pause between two.
pub(super) const SETTLE_LIMIT: Duration = Duration::from_secs(10);
pub(super) const ACKNOWLEDGEMENTS: u32 = 3;
const ACKNOWLEDGE_PAUSE: Duration = Duration::from_secs(1);

/// Where the dead letters are.
pub(super) struct Source<'a> {
    request: &'a OperatorRequest,
    pub(super) gateway: &'a Gateway,
    pub(super) route: GroupRoute,
    /// In this process.
    pub(super) engine: Option<&'a Engine>,
    /// The group whose dead letters they are, by the topic's name.
    pub(super) of_group: Option<String>,
}

/// What a step has taken.
pub(super) struct Step {
    pub(super) letters: Vec<Taken>,
    /// What they take until they are done with.
    _memory: Charge,
}

/// A dead letter that nobody else gets for a while.
pub(super) struct Taken {
    pub(super) letter: Letter,
    pub(super) receipt_handle: String,
    pub(super) visible_again_at: UnixMillis,
}

impl<'a> Source<'a> {
    /// The topic in the path, and the group in the options: the only one that is configured for it, or on the embedded
    /// endpoint one of our own, where none is named.
    pub(super) async fn of(request: &'a OperatorRequest, options: &Options) -> Result<Self, Problem> {
        let gateway = request.gateway()?;
        let topic = gateway.topic(&request.path.topic)?;
        let engine = if topic.is_embedded() { request.engine().ok() } else { None };
        let group = match &options.group {
            Some(group) => group.clone(),
            None => default_group(gateway, topic.topic.as_str(), engine.is_some())?,
        };
        let route = gateway.group(&request.path.topic, &group)?;
        let of_group = match topic.topic.as_str().strip_prefix(DEAD_LETTER_PREFIX) {
            None => None,
            Some(named) => Some(match engine {
                Some(engine) => group_of(&stats(engine).await?, &topic.topic).unwrap_or_else(|| named.to_owned()),
                None => named.to_owned(),
            }),
        };
        Ok(Self { request, gateway, route, engine, of_group })
    }

    pub(super) fn topic(&self) -> &Topic {
        &self.route.topic.topic
    }

    pub(super) fn group(&self) -> &ConsumerGroup {
        &self.route.group
    }

    /// Counts dead letters of the topic that came to something.
    pub(super) fn count(&self, result: &'static str, number: usize) {
        let label = self.gateway.topic_label(self.topic().as_str(), true);
        self.request.resources().metrics.dead_letters.handled(&label, result, number);
    }

    /// Takes what is there now, hidden from others for as long as is asked for, where the MQ can do that; one of them alone may
    /// take `longest`.
    pub(super) async fn take(&self, options: &Options, longest: Duration) -> Result<Step, Problem> {
        if let Some(engine) = self.engine {
            // Whatever new groups begin with: who looks after dead letters wants those that are there.
            engine.begin_group(self.topic(), self.group()).await.map_err(unavailable)?;
        }
        let can_choose = self.gateway.capabilities(&self.route.topic)?.has(Feature::VisibilityTimeout);
        if options.hidden_for().is_some() && !can_choose {
            let detail = "cannot be chosen here: the MQ hides what is taken for the profile's visibility_timeout; leave this out";
            return Err(Problem::invalid(vec![FieldError::at("/hidden_seconds", detail)]));
        }
        let asked = ReceiveRequest {
            max_messages: options.max_messages(),
            wait: Duration::ZERO,
            tags: None,
            ordered: false,
            visibility_timeout: can_choose.then(|| options.hidden_for().unwrap_or(HIDDEN + longest)),
            says_no_wait: false,
        };
        let received = self.gateway.receive(&self.request.context, &self.route, &asked).await?;
        let (mut deliveries, handles): (Vec<_>, Vec<_>) = received.messages.into_iter().unzip();
        if let Some(engine) = self.engine {
            // Not every protocol that the endpoint speaks has words for all that the store knows.
            let upstream: Vec<_> = deliveries.iter().map(|delivery| delivery.handle.clone()).collect();
            for (delivery, stored) in deliveries.iter_mut().zip(engine.look_at(&upstream).await.map_err(unavailable)?) {
                if let Some(stored) = stored {
                    delivery.properties = stored.properties;
                    delivery.message_group = stored.message_group;
                }
            }
        }
        let letters = deliveries
            .into_iter()
            .zip(handles)
            .map(|(delivery, handle)| Taken {
                visible_again_at: delivery.visible_again_at,
                letter: Letter::of(delivery, self.topic(), self.of_group.as_deref()),
                receipt_handle: handle.as_str().to_owned(),
            })
            .collect();
        Ok(Step { letters, _memory: received.memory })
    }

    /// Whether the dead letter is out of its topic now, as far as this group is concerned. It has a time of its own: that of the
    /// request may be over, and what is not acknowledged is sent once more.
    pub(super) async fn acknowledge(&self, receipt_handle: &str) -> Result<(), Problem> {
        let handles = [receipt_handle.to_owned()];
        let mut number = 1;
        loop {
            let context = self.request.context.lasting_until(Instant::now() + SETTLE_LIMIT);
            let mut results = self.gateway.acknowledge(&context, &self.route, &handles).await?;
            let error = match results.pop() {
                Some(Ok(_)) => return Ok(()),
                Some(Err(error)) => error,
                None => return Err(Problem::new(Code::InternalError, "an acknowledgement without a result")),
            };
            // A handle that is not good any more will not be again.
            let may_pass = error.upstream().is_some_and(|it| it.kind != UpstreamErrorKind::StaleHandle);
            if !may_pass || number == ACKNOWLEDGEMENTS {
                return Err(error.into());
            }
            number += 1;
            tokio::time::sleep(ACKNOWLEDGE_PAUSE).await;
        }
    }

    /// The other groups that get what is published to `topic`, as far as they are known here.
    pub(super) async fn other_groups(&self, topic: &str) -> Result<BTreeSet<String>, Problem> {
        let mut groups: BTreeSet<String> =
            self.gateway.topic_view(topic).map(|view| view.groups).unwrap_or_default().into_iter().collect();
        groups.remove("*");
        if self.gateway.topic(topic).is_ok_and(|route| route.is_embedded())
            && let Ok(engine) = self.request.engine()
        {
            let stats = stats(engine).await?;
            let known = stats.groups.iter().filter(|it| it.topic.as_str() == topic);
            groups.extend(known.map(|it| it.group.as_str().to_owned()));
        }
        if let Some(group) = &self.of_group {
            groups.remove(group);
        }
        Ok(groups)
    }

    /// The topics that the group whose dead letters these are reads, as far as they are known here.
    pub(super) async fn origins(&self) -> Result<BTreeSet<String>, Problem> {
        let Some(group) = &self.of_group else { return Ok(BTreeSet::new()) };
        let named = self.gateway.topics()?.into_iter().filter(|topic| topic.groups.contains(group));
        let mut origins: BTreeSet<String> = named.map(|topic| topic.name).filter(|name| name != "*").collect();
        if let Some(engine) = self.engine {
            let stats = stats(engine).await?;
            let read = stats.groups.iter().filter(|it| it.group.as_str() == group);
            origins.extend(read.map(|it| it.topic.as_str().to_owned()));
        }
        origins.retain(|topic| topic != self.topic().as_str());
        Ok(origins)
    }
}

/// The store as a caller sees that it cannot answer.
pub(super) fn unavailable(error: crate::embedded::EngineError) -> Problem {
    Problem::new(Code::Overloaded, format!("the embedded store does not answer: {error}"))
}

async fn stats(engine: &Engine) -> Result<EngineStats, Problem> {
    engine.stats().await.map_err(unavailable)
}

/// The group whose dead letters are in a topic of the embedded endpoint; long names are cut in those of topics.
fn group_of(stats: &EngineStats, topic: &Topic) -> Option<String> {
    let mut groups = stats.groups.iter().map(|it| &it.group);
    groups.find(|group| dead_letter_topic_name(group) == topic.as_str()).map(|group| group.as_str().to_owned())
}

fn default_group(gateway: &Gateway, topic: &str, is_embedded: bool) -> Result<String, Problem> {
    let groups = gateway.topic_view(topic)?.groups;
    match groups.as_slice() {
        [only] if only != "*" => Ok(only.clone()),
        [any] if any == "*" && is_embedded => Ok(OWN_GROUP.to_owned()),
        _ => {
            let detail =
                "is missing: name the consumer group that takes dead letters of this topic, one that its MQ knows";
            Err(Problem::invalid(vec![FieldError::at("/group", detail)]))
        }
    }
}
