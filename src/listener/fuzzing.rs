//! Fuzz target: the bytes of a connection, followed beside the HTTP library.

use actix_http::ServiceConfig;
use actix_http::h1::{Codec, Message, MessageType};
use bytes::BytesMut;
use tokio_util::codec::Decoder as _;

use super::framing::{Excess, Framing, Refused};
use crate::fuzz_input::Input;

/// Longest head: less than the HTTP library reads.
const LONGEST_HEAD: usize = 8 << 10;

/// A line whose bytes are the sizes of the pieces in which the rest comes.
pub(crate) fn connection(data: &[u8]) {
    let mut input = Input::new(data);
    let sizes = input.line();
    let bytes = input.rest();
    // The library's configuration keeps a clock, which wants the parts of a runtime; none of it runs.
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let local = tokio::task::LocalSet::new();
    let _runtime = runtime.enter();
    let _local = local.enter();
    let config = ServiceConfig::default();
    let mut ends = Vec::new();
    let sizes = if sizes.is_empty() { &[u8::MAX][..] } else { sizes };
    for sizes in [sizes, &[u8::MAX], &[1]] {
        ends.push(followed(&config, bytes, sizes));
    }
    let accepted: Vec<_> = ends.iter().flatten().collect();
    assert!(accepted.iter().all(|end| Some(end) == accepted.first()), "pieces make a difference: {ends:?}");
    assert!(accepted.is_empty() || accepted.len() == ends.len(), "pieces make a difference: {ends:?}");
}

/// How many requests have come to their end, and whether nothing of a next one has come.
type End = (u64, bool);

/// Passes on what may be passed on, and compares after each piece what was made of it; none where something is refused.
fn followed(config: &ServiceConfig, bytes: &[u8], sizes: &[u8]) -> Option<End> {
    let mut framing = Framing::new(LONGEST_HEAD);
    let mut codec = Codec::new(config.clone());
    let (mut buffer, mut whole, mut in_body) = (BytesMut::new(), 0, false);
    let (mut rest, mut sizes) = (bytes, sizes.iter().cycle());
    while !rest.is_empty() {
        let size = usize::from(*sizes.next()?).clamp(1, rest.len());
        let (piece, after) = rest.split_at_checked(size)?;
        rest = after;
        let refused = framing.follow(piece).err();
        let good = refused.map_or(piece.len(), |Refused { good, .. }| good);
        buffer.extend_from_slice(piece.get(..good)?);
        // Whatever is passed on, the library does not panic.
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(Message::Item(_))) => match codec.message_type() {
                    MessageType::None => whole += 1,
                    MessageType::Payload => in_body = true,
                    // A tunnel, of which nothing ends.
                    MessageType::Stream => {
                        assert!(refused.is_some() || (framing.is_in_body() && framing.whole() == whole));
                        return None;
                    }
                },
                Ok(Some(Message::Chunk(Some(_)))) => assert!(in_body),
                Ok(Some(Message::Chunk(None))) => {
                    whole += 1;
                    in_body = false;
                }
                Ok(None) => break,
                // After that it reads no more.
                Err(_) => return None,
            }
        }
        if let Some(Refused { excess, .. }) = refused {
            assert!(!matches!(excess, Excess::Framing { limit, actual } if actual <= limit), "{excess:?}");
            return None;
        }
        assert_eq!((framing.whole(), framing.is_in_body()), (whole, in_body), "{framing:?} {buffer:?}");
        let is_blank = buffer.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        assert!(!framing.is_between_requests() || (is_blank && !in_body), "{framing:?} {buffer:?}");
        assert!(framing.is_between_requests() || in_body || !buffer.is_empty(), "{framing:?}");
    }
    Some((whole, framing.is_between_requests()))
}
