//! What the MQ takes of a profile: its keys, its topics, its consumer groups. Reachable is not enough: an MQ that answers and
//! refuses everything is as good as away, and the reason is another.
//!
//! A refusal stands until the same is taken, or until five minutes after the last one: nobody may ask again. Keys that are refused
//! for one name while others are taken with them are good: then it is that topic or group which is denied.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{UpstreamError, UpstreamErrorKind};
use crate::change_report::ChangeReport;
use crate::model::{ConsumerGroup, Topic, words};
use crate::telemetry::Gauge;

/// How long a refusal stands that nobody met again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(300);
/// Stands for every name that only callers know: they cannot make the list long, and what one of them invents says nothing of
/// the others.
const ANY: &str = "*";

words! {
    /// What an MQ takes, or refuses.
    pub enum Accepted {
        /// Credentials: key, signature, clock.
        Keys = "keys",
        /// Topics exist there, and may be used.
        Topics = "topics",
        /// Consumer groups exist there, and may be used.
        Groups = "groups",
    }
}

/// Whom the MQ refused something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Subject {
    topic: Box<str>,
    /// Empty for a publish.
    group: Box<str>,
}

#[derive(Debug)]
struct Refusal {
    why: Why,
    first: Instant,
    last: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The keys were refused, and nothing was taken with them since.
    Keys,
    /// The keys were refused for this one, and taken for others.
    Denied,
    /// The topic does not exist there.
    NoTopic,
    /// The group does not exist there.
    NoGroup,
}

impl Why {
    fn is_of_keys(self) -> bool {
        matches!(self, Self::Keys | Self::Denied)
    }

    /// What is not accepted then, of whom.
    fn what(self, subject: &Subject) -> Accepted {
        match self {
            Self::Keys => Accepted::Keys,
            Self::Denied if subject.group.is_empty() => Accepted::Topics,
            Self::NoTopic => Accepted::Topics,
            Self::Denied | Self::NoGroup => Accepted::Groups,
        }
    }
}

/// A refusal that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What is refused.
    pub what: Accepted,
    /// It exists, as far as is known, but not for these keys.
    pub is_denied: bool,
    /// To whom; `*` for names that are not configured.
    pub topic: String,
    /// Empty for a publish.
    pub group: String,
    /// For how long.
    pub since: Duration,
}

#[derive(Debug)]
struct Known {
    /// As many as there are configured names, and one.
    refusals: BTreeMap<Subject, Refusal>,
    /// Whether it is refused, in the order of the gauges.
    reports: [ChangeReport; Accepted::ALL.len()],
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
        let reports = Accepted::ALL.map(|_| ChangeReport::beginning_with(false));
        let known = Mutex::new(Known { refusals: BTreeMap::new(), reports });
        Self { profile: profile.to_owned(), names, gauges, any: AtomicBool::new(false), known }
    }

    /// The MQ did what was asked of `topic`, by `group` or, without one, by a publish; it was asked at `asked`. A refusal that came
    /// later is the newer truth.
    pub(super) fn taken(&self, topic: &Topic, group: Option<&ConsumerGroup>, asked: Instant) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let (topic, group) = (topic.as_str(), group.map_or("", ConsumerGroup::as_str));
        self.change(asked, |known| {
            known.refusals.retain(|subject, refusal| {
                if refusal.last > asked {
                    return true;
                }
                let is_same = *subject.topic == *topic && *subject.group == *group;
                let proves_topic = refusal.why == Why::NoTopic && *subject.topic == *topic;
                if refusal.why == Why::Keys {
                    refusal.why = Why::Denied;
                }
                !is_same && !proves_topic && *subject.topic != *ANY
            });
        });
    }

    /// The MQ refused, or not.
    pub(super) fn failed(&self, topic: &Topic, group: Option<&ConsumerGroup>, error: &UpstreamError, now: Instant) {
        let why = match error.kind {
            UpstreamErrorKind::AuthRejected => Why::Keys,
            UpstreamErrorKind::Misconfigured if group.is_some() && !is_of_a_topic(error) => Why::NoGroup,
            UpstreamErrorKind::Misconfigured => Why::NoTopic,
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
        let subject = self.subject(topic, group);
        // Whoever asks for a name that nobody configured has mistyped it, as far as we know.
        if why != Why::Keys && &*subject.topic == ANY {
            return;
        }
        self.change(now, |known| {
            let refusal = known.refusals.entry(subject).or_insert(Refusal { why, first: now, last: now });
            refusal.last = now;
            // Denied stays denied: others were taken with the same keys.
            if refusal.why.is_of_keys() != why.is_of_keys() {
                refusal.why = why;
            }
        });
    }

    /// Drops refusals that nobody met for long, and shows it.
    pub(super) fn forget_old(&self, now: Instant) {
        self.change(now, |_| ());
    }

    /// The first `most` refusals that stand, and how many there are.
    pub(super) fn refused(&self, most: usize, now: Instant) -> (Vec<Refused>, usize) {
        self.change(now, |known| {
            let refused = |(subject, refusal): (&Subject, &Refusal)| Refused {
                what: refusal.why.what(subject),
                is_denied: refusal.why == Why::Denied,
                topic: subject.topic.to_string(),
                group: subject.group.to_string(),
                since: now.saturating_duration_since(refusal.first),
            };
            (known.refusals.iter().take(most).map(refused).collect(), known.refusals.len())
        })
    }

    fn subject(&self, topic: &Topic, group: Option<&ConsumerGroup>) -> Subject {
        let is_known = match group {
            None => self.names.topics.contains(topic),
            Some(group) => self.names.groups.contains(&(topic.clone(), group.clone())),
        };
        if !is_known {
            return Subject { topic: ANY.into(), group: "".into() };
        }
        Subject { topic: topic.as_str().into(), group: group.map_or("", ConsumerGroup::as_str).into() }
    }

    /// Changes what is known, drops what nobody met for long, and shows and reports what is so now.
    fn change<T>(&self, now: Instant, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        known.refusals.retain(|_, refusal| now.saturating_duration_since(refusal.last) < FORGOTTEN_AFTER);
        let result = change(known);
        self.any.store(!known.refusals.is_empty(), Ordering::Relaxed);
        for ((what, gauge), report) in self.gauges.iter().zip(&mut known.reports) {
            let refused = known.refusals.iter().find(|(subject, refusal)| refusal.why.what(subject) == *what);
            gauge.set(i64::from(refused.is_none()));
            if report.is_due(refused.is_some(), now.into_std()) {
                self.report(*what, refused.map(|(subject, _)| subject));
            }
        }
        result
    }

    /// One line.
    fn report(&self, what: Accepted, refused: Option<&Subject>) {
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
            tracing::info!(profile, what, "the MQ no longer refuses it");
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

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_refused_until_anything_is_taken() {
        let (bench, start) = (bench(), Instant::now());
        assert_eq!(bench.shown(), [1, 1, 1]);
        bench.fail("T", None, Kind::AuthRejected, None, start);
        bench.fail("U", None, Kind::AuthRejected, None, start);
        assert_eq!(bench.shown(), [0, 1, 1]);
        bench.take("T", Some("G"), after(start, 1));
        assert_eq!(bench.shown(), [1, 0, 1], "good keys, and two topics that are denied");
        bench.fail("U", None, Kind::AuthRejected, None, after(start, 2));
        assert_eq!(bench.shown(), [1, 0, 1], "still denied, as it was");
        bench.take("T", None, after(start, 3));
        bench.take("U", None, after(start, 3));
        assert_eq!(bench.shown(), [1, 1, 1]);
        bench.fail("T", Some("G"), Kind::AuthRejected, None, after(start, 4));
        assert_eq!(bench.shown(), [0, 1, 1]);
        bench.take("U", None, after(start, 5));
        assert_eq!(bench.shown(), [1, 1, 0], "a denied group");
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_asked_before_a_refusal_does_not_end_it() {
        let (bench, start) = (bench(), Instant::now());
        bench.fail("T", None, Kind::AuthRejected, None, after(start, 10));
        bench.take("T", None, after(start, 9));
        assert_eq!(bench.shown(), [0, 1, 1]);
        bench.take("T", None, after(start, 10));
        assert_eq!(bench.shown(), [1, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_that_is_missing_stands_until_it_is_taken() {
        let (bench, now) = (bench(), Instant::now());
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
    async fn names_that_only_callers_know_are_one_and_decide_nothing_for_others() {
        let (bench, now) = (bench(), Instant::now());
        for index in 0..1000 {
            bench.fail(&format!("X{index}"), None, Kind::Misconfigured, None, now);
            bench.fail(&format!("X{index}"), Some("G"), Kind::Misconfigured, None, now);
            bench.fail("U", Some(&format!("G{index}")), Kind::Misconfigured, Some("TopicNotExist"), now);
        }
        assert_eq!(bench.shown(), [1, 1, 1]);
        for index in 0..1000 {
            bench.fail(&format!("X{index}"), None, Kind::AuthRejected, None, now);
            bench.fail("T", Some(&format!("G{index}")), Kind::AuthRejected, None, now);
        }
        let (refused, number) = bench.acceptance.refused(5, now);
        assert_eq!((number, refused[0].topic.as_str(), bench.shown()), (1, ANY, [0, 1, 1]));
        bench.take("T", None, now);
        assert_eq!(bench.shown(), [1, 1, 1], "the keys are good");
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_forgotten_five_minutes_after_the_last() {
        let (bench, start) = (bench(), Instant::now());
        bench.fail("T", None, Kind::AuthRejected, None, start);
        bench.fail("T", None, Kind::AuthRejected, None, after(start, 200));
        let later = after(start, 499);
        let (refused, number) = bench.acceptance.refused(5, later);
        assert_eq!((number, refused[0].since), (1, later - start));
        assert_eq!(bench.acceptance.refused(5, after(start, 500)).1, 0);
        assert_eq!(bench.shown(), [1, 1, 1]);
    }
}
