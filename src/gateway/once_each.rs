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
    let in_time = async |chunk: &[UpstreamHandle]| -> Vec<Result<T, GatewayError>> {
        let now = Instant::now();
        if now >= context.deadline() {
            return chunk.iter().map(|_| Err(GatewayError::OutOfTime)).collect();
        }
        let context = context.until(now + route.topic.deadline());
        let results = perform(&context, chunk).await;
        results.into_iter().map(|result| Ok(result?)).collect()
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
    let lost = || Err(GatewayError::Internal("a handle without a result"));
    handles
        .iter()
        .map(|handle| index_of.get(handle).and_then(|index| answered.get(*index)).cloned().unwrap_or_else(lost))
        .collect()
}
