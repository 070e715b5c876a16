//! Failures of the MQ and of the gateway itself: the first of a kind is a line, those that follow are counted.

use std::collections::BTreeMap;
use std::time::Instant;

use super::failure::{Failure, Kind};
use super::line_rate::LineRate;
use super::summary::{Outage, PAUSE, Summary};
use crate::model::Side;

/// Request ids in one summary.
const IDS: usize = 3;

/// What fails now.
#[derive(Debug, Default)]
pub(super) struct Ongoing {
    kinds: BTreeMap<Kind, Since>,
    /// Of first lines: many topics fail at once.
    rate: LineRate,
}

#[derive(Debug)]
struct Since {
    first: Instant,
    last: Instant,
    side: Side,
    /// Since the last summary.
    count: u64,
    request_ids: Vec<Box<str>>,
    detail: Box<str>,
}

impl Ongoing {
    /// Counts one, and says whether it is a line of its own.
    pub(super) fn note(&mut self, failure: &Failure<'_>, now: Instant) -> bool {
        let Failure { side, detail, request_id, .. } = *failure;
        let is_new = !self.kinds.contains_key(&Kind::of(failure));
        let is_written = is_new && self.rate.permits(now);
        let since = self.kinds.entry(Kind::of(failure)).or_insert_with(|| Since {
            first: now,
            last: now,
            side,
            count: 0,
            request_ids: Vec::new(),
            detail: detail.into(),
        });
        since.last = now;
        if is_written {
            return true;
        }
        since.count += 1;
        if since.request_ids.len() < IDS && !since.request_ids.iter().any(|known| **known == *request_id) {
            since.request_ids.push(request_id.into());
        }
        if *since.detail != *detail {
            since.detail = detail.into();
        }
        false
    }

    /// What went on, and forgets what did not.
    pub(super) fn summarize(&mut self, now: Instant) -> Vec<Summary> {
        let mut summaries = Vec::new();
        self.kinds.retain(|kind, since| {
            if since.count == 0 {
                return now.saturating_duration_since(since.last) < PAUSE;
            }
            let outage = Outage {
                side: since.side,
                seconds: now.saturating_duration_since(since.first).as_secs(),
                request_ids: since.request_ids.join(", "),
                detail: since.detail.clone(),
            };
            summaries.push(Summary { kind: kind.clone(), count: since.count, outage: Some(outage) });
            since.count = 0;
            since.request_ids.clear();
            true
        });
        summaries
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{failure, log_of};
    use super::*;

    fn note(ongoing: &mut Ongoing, failure: &Failure<'_>, now: Instant) {
        if ongoing.note(failure, now) {
            failure.write();
        }
    }

    #[test]
    fn a_failure_that_goes_on_is_a_line_and_then_a_summary_each_time() {
        let (mut ongoing, start) = (Ongoing::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let lines = log_of(|| {
            for second in 0..30 {
                for request in 0..1000 {
                    let id = format!("r{second}-{request}");
                    for _ in 0..2 {
                        note(&mut ongoing, &failure("T", &id, Side::Mq), after(second));
                    }
                }
                if second % 10 == 9 {
                    ongoing.summarize(after(second + 1)).iter().for_each(Summary::write_ongoing);
                }
            }
        });
        assert_eq!(lines.len(), 4, "{lines:?}");
        assert!(lines[0].contains("an operation failed") && lines[0].contains("r0-0"), "{}", lines[0]);
        assert!(lines[1].contains("count=19999") && lines[1].contains("seconds=10"), "{}", lines[1]);
        assert!(lines[1].contains(r#"request_ids="r0-0, r0-1, r0-2""#), "{}", lines[1]);
        assert!(lines[3].contains("count=20000") && lines[3].contains("seconds=30"), "{}", lines[3]);
    }

    #[test]
    fn one_that_is_over_is_forgotten_and_a_line_again() {
        let (mut ongoing, start) = (Ongoing::default(), Instant::now());
        let lines = log_of(|| {
            note(&mut ongoing, &failure("T", "r1", Side::Mq), start);
            note(&mut ongoing, &failure("U", "r2", Side::Gateway), start);
            assert!(ongoing.summarize(start + Duration::from_secs(10)).is_empty());
            assert!(ongoing.kinds.is_empty());
            note(&mut ongoing, &failure("T", "r3", Side::Mq), start + Duration::from_secs(11));
        });
        let of = |id: &str| lines.iter().filter(|line| line.contains(id)).count();
        assert_eq!((lines.len(), of("r1"), of("r2"), of("r3")), (3, 1, 1, 1), "{lines:?}");
    }
}
