//! What the MQ takes of a profile: its keys, its topics, its consumer groups. Reachable is not enough: an MQ that answers and
//! refuses everything is as good as away, and the reason is another.
//!
//! A refusal stands until the same is taken, or until five minutes after the last one: nobody may ask again.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{UpstreamError, UpstreamErrorKind};
use crate::model::{ConsumerGroup, Topic, words};
use crate::telemetry::Gauge;

/// How long a refusal stands that nobody met again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);
/// What changes all the time (one endpoint of two refuses) is reported so often.
const REPORT_PAUSE: Duration = Duration::from_secs(10);
/// Stands for every name that only callers know, so that they cannot make the list long.
const ANY: &str = "*";

words! {
    /// What an MQ takes, or refuses.
    pub enum Accepted {
        /// Credentials: key, signature, clock, permission.
        Keys = "keys",
        /// Topics exist there.
        Topics = "topics",
        /// Consumer groups exist there.
        Groups = "groups",
    }
}

/// What was refused, to whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    what: Accepted,
    topic: Box<str>,
    /// Empty for a publish.
    group: Box<str>,
}

#[derive(Debug)]
struct Refusal {
    first: Instant,
    last: Instant,
}

/// A refusal that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is refused.
    pub what: Accepted,
    /// To whom; `*` for names that are not configured.
    pub topic: String,
    /// Empty for a publish.
    pub group: String,
    /// For how long.
    pub since: Duration,
}

#[derive(Debug, Default)]
struct Known {
    refusals: BTreeMap<Subject, Refusal>,
    /// When a change was last reported, by what it was about.
    reported: BTreeMap<Accepted, (Instant, bool)>,
}

/// The names that the configuration has.
#[derive(Debug, Default)]
pub struct ConfiguredNames {
    /// Topics.
    pub topics: HashSet<Topic>,
    /// Groups of topics.
    pub groups: HashSet<(Topic, ConsumerGroup)>,
}

/// What one profile's MQ takes, for every thread.
#[derive(Debug)]
pub(super) struct Acceptance {
    profile: String,
    names: ConfiguredNames,
    gauges: [(Accepted, Gauge); Accepted::ALL.len()],
    /// Whether anything stands: all that a common success looks at.
    any: AtomicBool,
    /// A std lock: held for a few lines, never over an await.
    known: Mutex<Known>,
}

impl Acceptance {
    /// Everything is taken until it is refused. `gauge` shows it, 1 or 0.
    pub(super) fn new(profile: &str, names: ConfiguredNames, gauge: impl Fn(Accepted) -> Gauge) -> Self {
        let gauges = Accepted::ALL.map(|what| (what, gauge(what)));
        gauges.iter().for_each(|(_, gauge)| gauge.set(1));
        Self { profile: profile.to_owned(), names, gauges, any: AtomicBool::new(false), known: Mutex::default() }
    }

    /// The MQ did what was asked of `topic`, by `group` or, without one, by a publish.
    pub(super) fn taken(&self, topic: &Topic, group: Option<&ConsumerGroup>, now: Instant) {
        if self.any.load(Ordering::Relaxed) {
            self.change(now, |known| {
                known.refusals.retain(|subject, _| !self.proves(topic, group, subject));
            });
        }
    }

    /// The MQ refused, or not.
    pub(super) fn failed(&self, topic: &Topic, group: Option<&ConsumerGroup>, error: &UpstreamError, now: Instant) {
        let what = match error.kind {
            UpstreamErrorKind::AuthRejected => Accepted::Keys,
            UpstreamErrorKind::Misconfigured if group.is_some() && !is_of_a_topic(error) => Accepted::Groups,
            UpstreamErrorKind::Misconfigured => Accepted::Topics,
            // It looked at the content, so it took all the rest.
            UpstreamErrorKind::RejectedMessage | UpstreamErrorKind::WrongTopicType | UpstreamErrorKind::StaleHandle => {
                return self.taken(topic, group, now);
            }
            UpstreamErrorKind::Unreachable
            | UpstreamErrorKind::Overloaded
            | UpstreamErrorKind::CircuitOpen
            | UpstreamErrorKind::Throttled
            | UpstreamErrorKind::Timeout
            | UpstreamErrorKind::BadResponse
            | UpstreamErrorKind::ServerError => return,
        };
        // Whoever asks for a name that nobody configured has mistyped it, as far as we know.
        let subject = self.subject(what, topic, group);
        if what != Accepted::Keys && &*subject.topic == ANY {
            return;
        }
        self.change(now, |known| {
            known.refusals.entry(subject).or_insert(Refusal { first: now, last: now }).last = now;
        });
    }

    /// Drops refusals that nobody met for long, and shows it.
    pub(super) fn forget_old(&self, now: Instant) {
        self.change(now, |_| ());
    }

    /// The refusals that stand.
    pub(super) fn refused(&self, now: Instant) -> Vec<Refused> {
        self.change(now, |known| {
            let refused = |(subject, refusal): (&Subject, &Refusal)| Refused {
                what: subject.what,
                topic: subject.topic.to_string(),
                group: subject.group.to_string(),
                since: now.saturating_duration_since(refusal.first),
            };
            known.refusals.iter().map(refused).collect()
        })
    }

    fn subject(&self, what: Accepted, topic: &Topic, group: Option<&ConsumerGroup>) -> Subject {
        let is_known = match group {
            None => self.names.topics.contains(topic),
            // The topic's groups may be `*`.
            Some(group) => {
                self.names.groups.contains(&(topic.clone(), group.clone()))
                    || (what != Accepted::Groups && self.names.topics.contains(topic))
            }
        };
        let name = |name: &str| if is_known { name.into() } else { ANY.into() };
        Subject { what, topic: name(topic.as_str()), group: group.map_or("".into(), |group| name(group.as_str())) }
    }

    /// Whether a success of `topic` and `group` shows that `subject` is taken.
    fn proves(&self, topic: &Topic, group: Option<&ConsumerGroup>, subject: &Subject) -> bool {
        let same_topic = &*subject.topic == topic.as_str();
        *subject == self.subject(subject.what, topic, group) || (subject.what == Accepted::Topics && same_topic)
    }

    /// Changes what is known, drops what nobody met for long, and shows and reports what is so now.
    fn change<T>(&self, now: Instant, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.refusals.retain(|_, refusal| now.saturating_duration_since(refusal.last) < FORGOTTEN_AFTER);
        let result = change(&mut known);
        self.any.store(!known.refusals.is_empty(), Ordering::Relaxed);
        for (what, gauge) in &self.gauges {
            let refused = known.refusals.keys().find(|subject| subject.what == *what).cloned();
            gauge.set(i64::from(refused.is_none()));
            self.report(*what, refused.as_ref(), &mut known.reported, now);
        }
        result
    }

    /// One line where it is other than was last reported, and not too often.
    fn report(
        &self,
        what: Accepted,
        refused: Option<&Subject>,
        reported: &mut BTreeMap<Accepted, (Instant, bool)>,
        now: Instant,
    ) {
        let (last, was_refused) = reported.get(&what).map_or((None, false), |(at, refused)| (Some(*at), *refused));
        let is_soon = last.is_some_and(|last| now.saturating_duration_since(last) < REPORT_PAUSE);
        if was_refused == refused.is_some() || is_soon {
            return;
        }
        reported.insert(what, (now, refused.is_some()));
        let (profile, what) = (self.profile.as_str(), what.as_str());
        if let Some(Subject { topic, group, .. }) = refused {
            let group = (!group.is_empty()).then_some(&**group);
            tracing::error!(
                profile,
                what,
                topic = &**topic,
                group,
                "the MQ refuses what this profile is configured with"
            );
        } else {
            tracing::info!(profile, what, "the MQ does not refuse it any more");
        }
    }
}

/// Whether the MQ's own code names the topic and not the group.
fn is_of_a_topic(error: &UpstreamError) -> bool {
    error.vendor_code.as_ref().is_some_and(|code| code.to_ascii_lowercase().contains("topic"))
}

#[cfg(test)]
mod tests {
    use UpstreamErrorKind as Kind;

    use super::*;
    use crate::telemetry::Metrics;

    struct Bench {
        acceptance: Acceptance,
        gauges: [Gauge; 3],
    }

    fn topic(name: &str) -> Topic {
        Topic::parse(name).unwrap()
    }

    fn group(name: &str) -> ConsumerGroup {
        ConsumerGroup::parse(name).unwrap()
    }

    fn bench() -> Bench {
        let metrics = Metrics::new().unwrap();
        let names = ConfiguredNames {
            topics: [topic("T"), topic("U")].into(),
            groups: [(topic("T"), group("G")), (topic("T"), group("H"))].into(),
        };
        let acceptance = Acceptance::new("main", names, |what| metrics.upstream.accepting("main", what.as_str()));
        Bench { acceptance, gauges: Accepted::ALL.map(|what| metrics.upstream.accepting("main", what.as_str())) }
    }

    impl Bench {
        fn shown(&self) -> [i64; 3] {
            self.gauges.each_ref().map(Gauge::get)
        }

        fn fail(&self, name: &str, of: Option<&str>, kind: Kind, code: Option<&str>, now: Instant) {
            let error = UpstreamError { vendor_code: code.map(str::to_owned), ..UpstreamError::new(kind, "x") };
            self.acceptance.failed(&topic(name), of.map(group).as_ref(), &error, now);
        }

        fn take(&self, name: &str, of: Option<&str>, now: Instant) {
            self.acceptance.taken(&topic(name), of.map(group).as_ref(), now);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_stands_until_the_same_is_taken() {
        let (bench, now) = (bench(), Instant::now());
        assert_eq!(bench.shown(), [1, 1, 1]);
        bench.fail("T", None, Kind::AuthRejected, None, now);
        assert_eq!(bench.shown(), [0, 1, 1]);
        bench.take("U", None, now);
        bench.take("T", Some("G"), now);
        assert_eq!(bench.shown(), [0, 1, 1], "others' success says nothing");
        bench.take("T", None, now);
        assert_eq!(bench.shown(), [1, 1, 1]);
        bench.fail("T", Some("G"), Kind::Misconfigured, Some("SubscriptionNotExist"), now);
        bench.fail("T", Some("H"), Kind::Misconfigured, None, now);
        assert_eq!(bench.shown(), [1, 1, 0]);
        bench.take("T", Some("G"), now);
        assert_eq!(bench.shown(), [1, 1, 0]);
        bench.take("T", Some("H"), now);
        assert_eq!(bench.shown(), [1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_missing_is_told_from_a_group() {
        let (bench, now) = (bench(), Instant::now());
        bench.fail("T", Some("G"), Kind::Misconfigured, Some("TopicNotExist"), now);
        assert_eq!(bench.shown(), [1, 0, 1]);
        bench.take("T", None, now);
        assert_eq!(bench.shown(), [1, 1, 1], "it is there for everybody");
        bench.fail("U", None, Kind::Misconfigured, None, now);
        assert_eq!(bench.shown(), [1, 0, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_says_nothing_changes_nothing() {
        let (bench, now) = (bench(), Instant::now());
        for kind in [Kind::Unreachable, Kind::CircuitOpen, Kind::Timeout, Kind::ServerError, Kind::Throttled] {
            bench.fail("T", None, kind, None, now);
        }
        assert_eq!(bench.shown(), [1, 1, 1]);
        bench.fail("T", None, Kind::AuthRejected, None, now);
        bench.fail("T", None, Kind::Unreachable, None, now);
        assert_eq!(bench.shown(), [0, 1, 1]);
        bench.fail("T", None, Kind::RejectedMessage, None, now);
        assert_eq!(bench.shown(), [1, 1, 1], "it looked at the message");
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_only_callers_know_are_one_and_never_missing() {
        let (bench, now) = (bench(), Instant::now());
        for index in 0..1000 {
            bench.fail(&format!("X{index}"), None, Kind::Misconfigured, None, now);
            bench.fail(&format!("X{index}"), Some("G"), Kind::Misconfigured, None, now);
            bench.fail("U", Some(&format!("G{index}")), Kind::Misconfigured, None, now);
        }
        assert_eq!(bench.shown(), [1, 1, 1]);
        for index in 0..1000 {
            bench.fail(&format!("X{index}"), None, Kind::AuthRejected, None, now);
        }
        assert_eq!(bench.acceptance.refused(now).len(), 1);
        assert_eq!(bench.acceptance.refused(now)[0].topic, ANY);
        bench.take("Y", None, now);
        assert_eq!(bench.shown(), [1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_forgotten_five_minutes_after_the_last() {
        let (bench, start) = (bench(), Instant::now());
        bench.fail("T", None, Kind::AuthRejected, None, start);
        bench.fail("T", None, Kind::AuthRejected, None, start + Duration::from_secs(200));
        let later = start + Duration::from_secs(499);
        let refused = bench.acceptance.refused(later);
        assert_eq!((refused.len(), refused[0].since), (1, later - start));
        assert!(bench.acceptance.refused(start + Duration::from_secs(500)).is_empty());
        assert_eq!(bench.shown(), [1, 1, 1]);
    }
}
