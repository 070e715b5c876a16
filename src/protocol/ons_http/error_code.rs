//! The protocol's error codes, as far as sources have them (protocol notes ONS 3.5).

use crate::protocol::error_code::error_codes;

error_codes! {
    BadRequest = "SC_BAD_REQUEST",
    BodyTooBig = "BODY_TOO_BIG",
}
