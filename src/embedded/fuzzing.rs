//! Fuzz target: the embedded endpoint's receipt handles.

use super::handle::Handle;

/// A text that some client sends as a handle: there is one text for each handle.
pub(crate) fn handle(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(handle) = Handle::decode(text) {
        assert_eq!(handle.encode(), text);
    }
}
