//! `Prefer: wait=N` (RFC 7240): the caller's patience in seconds.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::http::header_list::elements;
use crate::http::problem::Problem;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A caller's patience that is shorter than the time its publish has anyway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Patience(Option<u64>);

impl Patience {
    /// The first `wait` of any `Prefer` header, where it lowers `deadline`. A preference that cannot be read is none, as the RFC has it;
    /// so is `wait=0`, in which nothing could be published.
    pub(super) fn of(headers: &HeaderMap, deadline: Duration) -> Self {
        let mut preferences =
            headers.get_all(PREFER).filter_map(|value| value.to_str().ok()).flat_map(elements).filter_map(
                |preference| {
                    // What follows a semicolon belongs to the preference before it.
                    let (name, value) = preference.split(';').next()?.split_once('=')?;
                    let seconds: u64 = value.trim().trim_matches('"').parse().ok()?;
                    name.trim().eq_ignore_ascii_case("wait").then_some(seconds)
                },
            );
        Self(preferences.next().filter(|seconds| *seconds > 0 && Duration::from_secs(*seconds) < deadline))
    }

    /// The time to use instead of the deadline.
    pub(super) fn time(self) -> Option<Duration> {
        self.0.map(Duration::from_secs)
    }

    /// Says in the answer, whatever it is, that the preference was applied.
    pub(super) fn tell(self, answer: Result<HttpResponse, Problem>) -> Result<HttpResponse, Problem> {
        let Some(applied) = self.0.and_then(|seconds| HeaderValue::from_str(&format!("wait={seconds}")).ok()) else {
            return answer;
        };
        match answer {
            Ok(mut response) => {
                response.headers_mut().insert(PREFERENCE_APPLIED, applied);
                Ok(response)
            }
            Err(problem) => Err(problem.header(PREFERENCE_APPLIED, applied)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lowers_the_deadline_counts() {
        let check = |values: &[&str], expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            values.iter().for_each(|value| headers.append(PREFER, value.parse().unwrap()));
            assert_eq!(Patience::of(&headers, Duration::from_secs(5)), Patience(expected), "{values:?}");
        };
        check(&[], None);
        check(&["wait=2"], Some(2));
        check(&["respond-async, Wait = \"3\""], Some(3));
        check(&["return=minimal", "wait=1"], Some(1));
        check(&["wait=4"], Some(4));
        check(&["wait=5"], None);
        check(&["wait=600"], None);
        check(&["wait=0"], None);
        check(&["wait=0, wait=2"], None);
        check(&["wait=soon, wait=2"], Some(2));
        check(&["wait=-1"], None);
        check(&["wait=99999999999999999999999"], None);
        check(&["wait"], None);
        check(&["foo; wait=2"], None);
        check(&["wait=2; foo"], Some(2));
        check(&["foo=\"a, wait=1\""], None);
    }
}
