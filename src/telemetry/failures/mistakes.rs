//! Callers' mistakes: lines within a rate that topics share evenly; the rest is a count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::failure::{Failure, Kind};

/// Lines per second of the whole process.
const LINES: f64 = 20.0;
/// A topic shares in the lines for so long after its last mistake.
const SHARES_FOR: Duration = Duration::from_secs(10);

/// What callers did wrong lately.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    topics: BTreeMap<Box<str>, Share>,
    /// Not logged one by one, since the last summary.
    left_out: BTreeMap<Kind, u64>,
    /// The second that is counted in, and its lines.
    second: Option<(Instant, u32)>,
}

/// A topic's part of the lines: it fills evenly, up to a second's worth.
#[derive(Debug)]
struct Share {
    lines: f64,
    last: Instant,
}

impl Mistakes {
    pub(super) fn note(&mut self, failure: &Failure<'_>, now: Instant) {
        if !self.permits(failure.topic, now) {
            *self.left_out.entry(Kind::of(failure)).or_default() += 1;
            return;
        }
        let Failure { topic, operation, reason, request_id, trace_id, .. } = *failure;
        let (operation, trace_id) = (operation.as_str(), trace_id.map(tracing::field::display));
        tracing::info!(request_id, trace_id, topic, operation, reason, "refused a caller's request");
    }

    fn permits(&mut self, topic: &str, now: Instant) -> bool {
        let is_new = !self.topics.contains_key(topic);
        if is_new {
            self.topics.retain(|_, share| now.saturating_duration_since(share.last) < SHARES_FOR);
        }
        #[expect(clippy::cast_precision_loss, reason = "topics are few")]
        let per_second = LINES / (self.topics.len() + usize::from(is_new)) as f64;
        let most = per_second.max(1.0);
        let share = self.topics.entry(topic.into()).or_insert(Share { lines: most, last: now });
        let elapsed = now.saturating_duration_since(share.last).as_secs_f64();
        share.lines = (share.lines + elapsed * per_second).min(most);
        share.last = now;
        if share.lines < 1.0 || !self.has_room(now) {
            return false;
        }
        if let Some(share) = self.topics.get_mut(topic) {
            share.lines -= 1.0;
        }
        true
    }

    /// Whether the process may write one more line in this second, which is counted then.
    fn has_room(&mut self, now: Instant) -> bool {
        let this_second = |(since, _): &(Instant, u32)| now.saturating_duration_since(*since) < Duration::from_secs(1);
        let (since, lines) = self.second.filter(this_second).unwrap_or((now, 0));
        let has_room = f64::from(lines) < LINES;
        self.second = Some((since, lines + u32::from(has_room)));
        has_room
    }

    pub(super) fn summarize(&mut self, now: Instant) {
        self.topics.retain(|_, share| now.saturating_duration_since(share.last) < SHARES_FOR);
        for (Kind { topic, operation, reason }, count) in std::mem::take(&mut self.left_out) {
            let (topic, operation) = (&*topic, operation.as_str());
            tracing::info!(topic, operation, reason, count, "refused more requests of callers");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{failure, log_of};
    use super::*;
    use crate::model::Side;

    fn mistake(mistakes: &mut Mistakes, topic: &str, now: Instant) {
        mistakes.note(&failure(topic, "r1", Side::Caller), now);
    }

    #[test]
    fn twenty_lines_a_second_and_the_rest_is_a_count() {
        let (mut mistakes, start) = (Mistakes::default(), Instant::now());
        let lines = log_of(|| {
            for milli in 0..5000 {
                mistake(&mut mistakes, "T", start + Duration::from_millis(milli));
            }
        });
        assert!((95..=120).contains(&lines.len()), "{}", lines.len());
        let summary = log_of(|| mistakes.summarize(start + Duration::from_secs(5)));
        assert_eq!(summary.len(), 1, "{summary:?}");
        let rest = 5000 - lines.len();
        assert!(summary[0].contains(&format!("count={rest}")) && summary[0].contains("topic=\"T\""), "{summary:?}");
        assert!(log_of(|| mistakes.summarize(start + Duration::from_secs(6))).is_empty());
    }

    #[test]
    fn a_topic_full_of_mistakes_leaves_room_for_the_others() {
        let (mut mistakes, start) = (Mistakes::default(), Instant::now());
        let lines = log_of(|| {
            for milli in 0..10_000 {
                let now = start + Duration::from_millis(milli);
                mistake(&mut mistakes, "loud", now);
                if milli % 500 == 0 {
                    mistake(&mut mistakes, "quiet", now);
                }
            }
        });
        let of = |topic: &str| lines.iter().filter(|line| line.contains(&format!("{topic:?}"))).count();
        assert!(of("quiet") >= 19, "{}", of("quiet"));
        assert!(lines.len() <= 220, "{}", lines.len());
    }

    #[test]
    fn topics_beyond_the_rate_take_turns() {
        let (mut mistakes, start) = (Mistakes::default(), Instant::now());
        let lines = log_of(|| {
            for tenth in 0..200 {
                for topic in 0..100 {
                    mistake(&mut mistakes, &format!("T{topic}"), start + Duration::from_millis(tenth * 100));
                }
            }
        });
        assert!(lines.len() <= 20 * 21, "{}", lines.len());
        let missing: Vec<_> =
            (0..100).filter(|topic| !lines.iter().any(|line| line.contains(&format!("\"T{topic}\"")))).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
