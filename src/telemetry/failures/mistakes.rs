//! Callers' mistakes: lines within a rate that topics share evenly; the rest is a count.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::failure::{Failure, Kind};
use super::line_rate::LineRate;
use super::summary::Summary;

/// A topic shares in the lines for so long after its last mistake.
const SHARES_FOR: Duration = Duration::from_secs(10);

/// What callers did wrong lately.
#[derive(Debug, Default)]
pub(super) struct Mistakes {
    topics: BTreeMap<Box<str>, Share>,
    /// Not logged one by one, since the last summary.
    left_out: BTreeMap<Kind, u64>,
    rate: LineRate,
}

/// A topic's part of the lines: it fills evenly, up to a second's worth.
#[derive(Debug)]
struct Share {
    lines: f64,
    last: Instant,
}

impl Mistakes {
    /// Counts one, and says whether it is a line of its own.
    pub(super) fn note(&mut self, failure: &Failure<'_>, now: Instant) -> bool {
        let is_written = self.permits(failure.topic, now);
        if !is_written {
            *self.left_out.entry(Kind::of(failure)).or_default() += 1;
        }
        is_written
    }

    fn permits(&mut self, topic: &str, now: Instant) -> bool {
        let is_new = !self.topics.contains_key(topic);
        if is_new {
            self.topics.retain(|_, share| now.saturating_duration_since(share.last) < SHARES_FOR);
        }
        #[expect(clippy::cast_precision_loss, reason = "topics are few")]
        let per_second = f64::from(LineRate::PER_SECOND) / (self.topics.len() + usize::from(is_new)) as f64;
        let most = per_second.max(1.0);
        let share = self.topics.entry(topic.into()).or_insert(Share { lines: most, last: now });
        let elapsed = now.saturating_duration_since(share.last).as_secs_f64();
        share.lines = (share.lines + elapsed * per_second).min(most);
        share.last = now;
        if share.lines < 1.0 || !self.rate.permits(now) {
            return false;
        }
        if let Some(share) = self.topics.get_mut(topic) {
            share.lines -= 1.0;
        }
        true
    }

    /// What was not written one by one.
    pub(super) fn summarize(&mut self, now: Instant) -> Vec<Summary> {
        self.topics.retain(|_, share| now.saturating_duration_since(share.last) < SHARES_FOR);
        let left_out = std::mem::take(&mut self.left_out).into_iter();
        left_out.map(|(kind, count)| Summary { kind, count, outage: None }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{failure, log_of};
    use super::*;
    use crate::model::Side;

    fn mistake(mistakes: &mut Mistakes, topic: &str, now: Instant) {
        let failure = failure(topic, "r1", Side::Caller);
        if mistakes.note(&failure, now) {
            failure.write();
        }
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
        let summary =
            log_of(|| mistakes.summarize(start + Duration::from_secs(5)).iter().for_each(Summary::write_mistakes));
        assert_eq!(summary.len(), 1, "{summary:?}");
        let rest = 5000 - lines.len();
        assert!(summary[0].contains(&format!("count={rest}")) && summary[0].contains("topic=\"T\""), "{summary:?}");
        assert!(mistakes.summarize(start + Duration::from_secs(6)).is_empty());
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
