//! Fuzz target: what a collector of traces answers.

use prost::Message as _;

use super::collector::shortened;
use super::wire::{ExportTraceServiceRequest, ExportTraceServiceResponse};

/// An answer; the request is read, too, since both are of the same structs.
pub(crate) fn messages(data: &[u8]) {
    if let Ok(answer) = ExportTraceServiceResponse::decode(data) {
        assert_eq!(ExportTraceServiceResponse::decode(answer.encode_to_vec().as_slice()), Ok(answer.clone()));
        let shown = answer.partial_success.map(|it| shortened(&it.error_message)).unwrap_or_default();
        assert!(shown.chars().count() <= 200 && !shown.chars().any(char::is_control), "{shown:?}");
    }
    if let Ok(request) = ExportTraceServiceRequest::decode(data) {
        // By its bytes: a number that is none is not equal to itself.
        let written = request.encode_to_vec();
        let again = ExportTraceServiceRequest::decode(written.as_slice()).map(|again| again.encode_to_vec());
        assert_eq!(again, Ok(written));
    }
}
