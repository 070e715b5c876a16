//! Answers with messages in them.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;

use crate::embedded::Engine;
use crate::model::{Delivery, UpstreamHandle};

/// A consume's answer: dropped before it was taken to be written, its messages are visible again at once (protocol
/// notes ONS 7, item 10).
pub(in crate::http) struct Handover {
    text: Bytes,
    handles: Vec<UpstreamHandle>,
    engine: Engine,
}

impl Handover {
    pub(in crate::http) fn new(text: String, deliveries: Vec<Delivery>, engine: Engine) -> Self {
        let handles = deliveries.into_iter().map(|delivery| delivery.handle).collect();
        Self { text: text.into(), handles, engine }
    }
}

impl MessageBody for Handover {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.text.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        self.handles.clear();
        let text = std::mem::take(&mut self.text);
        Poll::Ready(if text.is_empty() { None } else { Some(Ok(text)) })
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        if !self.handles.is_empty() {
            self.engine.give_back(std::mem::take(&mut self.handles));
        }
    }
}
