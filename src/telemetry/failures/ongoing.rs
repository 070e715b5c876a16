//! Failures of the MQ and of the gateway itself: the first of a kind is a line, those that follow are counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::failure::{Failure, Kind};
use crate::model::Side;

/// Request ids in one summary.
const IDS: usize = 3;

/// What did not happen for so long is over.
const QUIET: Duration = Duration::from_secs(10);

/// What fails now.
#[derive(Debug, Default)]
pub(super) struct Ongoing(BTreeMap<Kind, Since>);

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
    pub(super) fn note(&mut self, failure: &Failure<'_>, now: Instant) {
        let Failure { topic, operation, reason, side, detail, request_id, trace_id } = *failure;
        if let Some(since) = self.0.get_mut(&Kind::of(failure)) {
            since.count += 1;
            since.last = now;
            if since.request_ids.len() < IDS && !since.request_ids.iter().any(|known| **known == *request_id) {
                since.request_ids.push(request_id.into());
            }
            if *since.detail != *detail {
                since.detail = detail.into();
            }
            return;
        }
        let (operation, side_word) = (operation.as_str(), side.as_str());
        let trace_id = trace_id.map(tracing::field::display);
        tracing::warn!(request_id, trace_id, topic, operation, reason, side = side_word, detail, "an operation failed");
        let since = Since { first: now, last: now, side, count: 0, request_ids: Vec::new(), detail: detail.into() };
        self.0.insert(Kind::of(failure), since);
    }

    pub(super) fn summarize(&mut self, now: Instant) {
        self.0.retain(|kind, since| {
            if since.count == 0 {
                return now.saturating_duration_since(since.last) < QUIET;
            }
            let (topic, operation, reason) = (&*kind.topic, kind.operation.as_str(), kind.reason);
            let (count, request_ids) = (since.count, since.request_ids.join(", "));
            let seconds = now.saturating_duration_since(since.first).as_secs();
            let (side, detail) = (since.side.as_str(), &*since.detail);
            tracing::warn!(
                topic,
                operation,
                reason,
                side,
                count,
                seconds,
                request_ids,
                detail,
                "operations go on failing"
            );
            since.count = 0;
            since.request_ids.clear();
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{failure, log_of};
    use super::*;

    #[test]
    fn a_failure_that_goes_on_is_a_line_and_then_a_summary_each_time() {
        let (mut ongoing, start) = (Ongoing::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        let lines = log_of(|| {
            for second in 0..30 {
                for request in 0..1000 {
                    let id = format!("r{second}-{request}");
                    ongoing.note(&failure("T", &id, Side::Mq), after(second));
                    ongoing.note(&failure("T", &id, Side::Mq), after(second));
                }
                if second % 10 == 9 {
                    ongoing.summarize(after(second + 1));
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
            ongoing.note(&failure("T", "r1", Side::Mq), start);
            ongoing.note(&failure("U", "r2", Side::Gateway), start);
            ongoing.summarize(start + Duration::from_secs(10));
            assert!(ongoing.0.is_empty());
            ongoing.note(&failure("T", "r3", Side::Mq), start + Duration::from_secs(11));
        });
        let of = |id: &str| lines.iter().filter(|line| line.contains(id)).count();
        assert_eq!((lines.len(), of("r1"), of("r2"), of("r3")), (3, 1, 1, 1), "{lines:?}");
    }
}
