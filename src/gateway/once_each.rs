//! Many handles in one request: each distinct one is sent once, and there is an answer for each.

use std::collections::BTreeMap;

use futures_util::StreamExt as _;
use tokio::time::Instant;

use super::{GatewayError, GroupRoute, ReceiptHandle};
use crate::context::RequestContext;
use crate::gateway::receipt_handle::Opened;
use crate::model::UpstreamHandle;
use crate::upstream::UpstreamError;

/// Most upstream calls of one request at once.
const AT_ONCE: usize = 32;

/// Opens every handle.
pub(super) fn open(handles: &[String], route: &GroupRoute) -> Vec<Result<Opened, GatewayError>> {
    handles.iter().map(|handle| ReceiptHandle::open(handle, route)).collect()
}

/// The answers for all handles of a request, in their order: `done` makes those of the handles that could be opened out of
/// `answered`, which has one for each of them; the others keep their error, with which `failed` is called.
pub(super) fn for_all<T, U>(
    opened: Vec<Result<Opened, GatewayError>>,
    answered: Vec<Result<T, GatewayError>>,
    failed: impl Fn(&'static str),
    done: impl Fn(&Opened, T) -> Result<U, GatewayError>,
) -> Vec<Result<U, GatewayError>> {
    let mut answered = answered.into_iter();
    let lost = || Err(GatewayError::Internal("a handle without a result"));
    opened
        .into_iter()
        .map(|opened| match opened {
            Ok(opened) => done(&opened, answered.next().unwrap_or_else(lost)?),
            Err(error) => {
                failed(error.label());
                Err(error)
            }
        })
        .collect()
}

/// The handles that could be opened.
pub(super) fn sound(opened: &[Result<Opened, GatewayError>]) -> Vec<UpstreamHandle> {
    opened.iter().flatten().map(|opened| opened.handle.clone()).collect()
}

/// Calls `perform` with `chunk` handles at a time, each distinct one once, and `count` with what came of each; the answers are
/// for all handles, in their order. Nothing begins after the request's deadline.
pub(super) async fn once_each<T: Clone>(
    context: &RequestContext,
    route: &GroupRoute,
    handles: &[UpstreamHandle],
    chunk: usize,
    perform: impl AsyncFn(&RequestContext, &[UpstreamHandle]) -> Vec<Result<T, UpstreamError>>,
    count: impl Fn(&UpstreamHandle, &'static str),
) -> Vec<Result<T, GatewayError>> {
    let mut distinct: Vec<UpstreamHandle> = Vec::with_capacity(handles.len());
    // They are few, and long: comparing some costs less than hashing each twice.
    let mut index_of: BTreeMap<&UpstreamHandle, usize> = BTreeMap::new();
    for handle in handles {
        index_of.entry(handle).or_insert_with(|| {
            distinct.push(handle.clone());
            distinct.len() - 1
        });
    }
    let lost = || Err(GatewayError::Internal("a handle without a result"));
    let in_time = async |chunk: &[UpstreamHandle]| -> Vec<Result<T, GatewayError>> {
        let now = Instant::now();
        if now >= context.deadline() {
            return chunk.iter().map(|_| Err(GatewayError::OutOfTime)).collect();
        }
        let context = context.until(now + route.topic.deadline());
        let mut results = perform(&context, chunk).await.into_iter();
        // As many as there are handles, so that a result that is not there does not move those of the next chunk.
        chunk.iter().map(|_| results.next().map_or_else(lost, |result| Ok(result?))).collect()
    };
    // In order, however many answers there are at once: a chunk keeps its place.
    let answered: Vec<Result<T, GatewayError>> = futures_util::stream::iter(distinct.chunks(chunk))
        .map(in_time)
        .buffered(AT_ONCE)
        .collect::<Vec<_>>()
        .await
        .concat();
    for (handle, result) in distinct.iter().zip(&answered) {
        count(handle, result.as_ref().map_or_else(GatewayError::label, |_| "ok"));
    }
    handles
        .iter()
        .map(|handle| index_of.get(handle).and_then(|index| answered.get(*index)).cloned().unwrap_or_else(lost))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::time::Duration;

    use super::*;
    use crate::gateway::tests::route;
    use crate::model::MessageId;
    use crate::upstream::UpstreamErrorKind;

    const LONG: Duration = Duration::from_secs(3600);

    fn handles(texts: &[&str]) -> Vec<UpstreamHandle> {
        texts.iter().map(|text| UpstreamHandle::parse(text).unwrap()).collect()
    }

    fn refused() -> UpstreamError {
        UpstreamError::new(UpstreamErrorKind::StaleHandle, "x")
    }

    #[tokio::test(start_paused = true)]
    async fn each_handle_is_sent_once_and_answered_wherever_it_is() {
        let (sent, counted) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let perform = async |context: &RequestContext, chunk: &[UpstreamHandle]| {
            // The topic's own time, which is shorter than the request's.
            assert_eq!(context.deadline(), Instant::now() + Duration::from_secs(5));
            let texts: Vec<String> = chunk.iter().map(|handle| handle.as_str().to_owned()).collect();
            sent.borrow_mut().push(texts.join(" "));
            texts.into_iter().map(|text| if text == "b" { Err(refused()) } else { Ok(text) }).collect()
        };
        let count = |handle: &UpstreamHandle, result| counted.borrow_mut().push((handle.as_str().to_owned(), result));
        let context = RequestContext::shared(Instant::now() + LONG);
        let handles = handles(&["c", "b", "c", "a", "b", "d"]);
        let answers = once_each(&context, &route("orders", "billing"), &handles, 3, perform, count).await;
        let ok = |text: &str| Ok(text.to_owned());
        let failed = || Err(GatewayError::Upstream(refused()));
        assert_eq!(answers, [ok("c"), failed(), ok("c"), ok("a"), failed(), ok("d")]);
        assert_eq!(*sent.borrow(), ["c b a", "d"]);
        let results = [("c", "ok"), ("b", "stale_handle"), ("a", "ok"), ("d", "ok")];
        assert_eq!(*counted.borrow(), results.map(|(handle, result)| (handle.to_owned(), result)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_begins_after_the_deadline_and_a_lost_answer_is_no_success() {
        let calls = RefCell::new(0);
        // The last of each chunk is left out.
        let perform = async |_: &RequestContext, chunk: &[UpstreamHandle]| {
            *calls.borrow_mut() += 1;
            vec![Ok(()); chunk.len() - 1]
        };
        let (handles, route) = (handles(&["a", "b", "c"]), route("orders", "billing"));
        let late = RequestContext::shared(Instant::now());
        let answers = once_each(&late, &route, &handles, 2, perform, |_, _| {}).await;
        assert_eq!((answers, *calls.borrow()), (vec![Err(GatewayError::OutOfTime); 3], 0));
        let context = RequestContext::shared(Instant::now() + Duration::from_millis(1));
        let answers = once_each(&context, &route, &handles, 2, perform, |_, _| {}).await;
        let lost = || Err(GatewayError::Internal("a handle without a result"));
        assert_eq!((answers, *calls.borrow()), (vec![Ok(()), lost(), lost()], 2));
    }

    #[test]
    fn handles_that_cannot_be_opened_keep_their_error() {
        let route = route("orders", "billing");
        let seal = |text: &str| {
            let (id, handle) = (MessageId::parse("id").unwrap(), UpstreamHandle::parse(text).unwrap());
            let sealed = ReceiptHandle::seal(&route, &id, &handle, crate::model::UnixMillis(7)).unwrap();
            sealed.as_str().to_owned()
        };
        let opened = open(&[seal("a"), "x".to_owned(), seal("b"), seal("c")], &route);
        assert_eq!(sound(&opened), handles(&["a", "b", "c"]));
        let failures = RefCell::new(Vec::new());
        let answered = vec![Ok(1), Err(GatewayError::OutOfTime)];
        let failed = |label| failures.borrow_mut().push(label);
        let answers =
            for_all(opened, answered, failed, |opened, number| Ok(format!("{} {number}", opened.handle.as_str())));
        let expected = [
            Ok("a 1".to_owned()),
            Err(GatewayError::InvalidReceiptHandle),
            Err(GatewayError::OutOfTime),
            Err(GatewayError::Internal("a handle without a result")),
        ];
        assert_eq!(answers, expected);
        assert_eq!(*failures.borrow(), ["refused"]);
    }
}
