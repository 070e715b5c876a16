//! A message that is encoded once, however often it is sent.

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message};

/// A message of which only the bytes are left. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Encoded(Bytes);

impl Encoded {
    pub(super) fn of(message: &impl Message) -> Self {
        Self(message.encode_to_vec().into())
    }
}

/// For the gRPC client, which writes messages.
impl Message for Encoded {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buffer: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        // It is not read; a field would be skipped.
        prost::encoding::skip_field(wire_type, tag, buffer, context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{ExportTracePartialSuccess, ExportTraceServiceResponse};
    use super::*;

    #[test]
    fn it_is_written_as_the_message_is() {
        let partial_success = ExportTracePartialSuccess { rejected_spans: 3, error_message: "no room".to_owned() };
        let message = ExportTraceServiceResponse { partial_success: Some(partial_success) };
        let encoded = Encoded::of(&message);
        assert_eq!(encoded.encode_to_vec(), message.encode_to_vec());
        assert_eq!(ExportTraceServiceResponse::decode(encoded.encode_to_vec().as_slice()), Ok(message));
        assert_eq!(encoded.clone().0.as_ptr(), encoded.0.as_ptr(), "clones share the bytes");
    }
}
