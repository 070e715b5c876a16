//! Reads the body of an answer within its limits, whichever client reads.

use bytes::{Bytes, BytesMut};

use super::answer::AnswerHead;
use super::call::CallError;
use super::room::Room;
use crate::memory::Charge;

/// Reads a whole body of at most `limit` bytes, or none where an answer has none; `next` gives its next piece, and `None` at its end.
///
/// # Errors
/// [`CallError`], `next`'s own or one of these: a body that is larger than allowed, that nobody can tell to be whole, or for
/// which there was no room.
pub(super) async fn read_body(
    head: &AnswerHead,
    limit: usize,
    mut room: Room,
    mut next: impl AsyncFnMut() -> Result<Option<Bytes>, CallError>,
) -> Result<(Bytes, Charge), CallError> {
    if head.is_bodiless() {
        return Ok((Bytes::new(), room.memory));
    }
    let announced = head.announced;
    if !head.has_an_end() && head.status.is_success() {
        return Err(CallError::Broken(
            "the answer has neither Content-Length nor chunks: the end of the connection alone does not show that it is whole",
        ));
    }
    if announced.is_some_and(|length| length > limit) {
        return Err(CallError::TooLarge(limit));
    }
    // All at once where the length is known: nothing is read before there is room for it.
    room.make(announced.unwrap_or_default()).await?;
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(piece) = next().await? {
        let length = first.len() + whole.len() + piece.len();
        if length > limit {
            return Err(CallError::TooLarge(limit));
        }
        if announced.is_none_or(|announced| length > announced) {
            room.make(length).await?;
        }
        if first.is_empty() && whole.is_empty() {
            first = piece; // nearly every answer is one piece: no copy
            continue;
        }
        if whole.is_empty() {
            whole.reserve(announced.unwrap_or(length));
        }
        whole.extend_from_slice(&std::mem::take(&mut first));
        whole.extend_from_slice(&piece);
    }
    let body = if whole.is_empty() { first } else { whole.freeze() };
    if announced.is_some_and(|length| length != body.len()) {
        return Err(CallError::Broken("the answer was cut short"));
    }
    Ok((body, room.memory))
}
