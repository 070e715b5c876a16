//! What only the text of a status tells: the server puts many causes under one code (`INTERNAL_SERVER_ERROR`).

use super::code::Code;

/// Whether the server lost the settings of a client, or never had them: they are sent again, and the request repeated.
#[must_use]
pub fn settings_are_lost(code: Code, text: &str) -> bool {
    // NullPointerExceptions, in the words of the virtual machine.
    let null = || text.contains("\"settings\" is null") || text.contains("\"channel\" is null");
    code == Code::UnrecognizedClientType || (code == Code::InternalServerError && null())
}

/// Whether the proxy says that it does not know the broker of a handle, as it does for a while of one that has come back.
#[must_use]
pub fn broker_is_not_found(code: Code, text: &str) -> bool {
    code == Code::InvalidReceiptHandle && text.contains("cannot find broker")
}

/// Whether the proxy says that it could not connect to a broker: nothing was stored.
#[must_use]
pub fn nothing_was_sent(code: Code, text: &str) -> bool {
    code == Code::InternalServerError && text.contains("connect to ") && text.contains(" failed")
}
