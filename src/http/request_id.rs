//! The id that ties a request, its answer and its log lines together.

use std::cell::Cell;

use actix_web::http::header::{HeaderMap, HeaderName};

use crate::random::Random;

/// The header's name.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 128;

/// Makes ids for one thread: a random prefix and a counter, so that no request costs a system call.
#[derive(Debug, Clone)]
pub struct RequestIds {
    /// 16 digits.
    prefix: String,
    next: Cell<u64>,
}

impl RequestIds {
    /// Takes a prefix from `random`.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        let mut bytes = [0; 8];
        // Without randomness ids are less unique, and service goes on.
        let prefix = random.fill(&mut bytes).map_or(0, |()| u64::from_le_bytes(bytes));
        Self { prefix: format!("{prefix:016x}"), next: Cell::new(0) }
    }

    /// The caller's id where it is 1–128 visible ASCII characters, else a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> String {
        let theirs = headers.get(X_REQUEST_ID).map(|value| value.as_bytes());
        match theirs {
            Some(bytes) if (1..=MAX_LENGTH).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            _ => {
                let number = self.next.get();
                self.next.set(number.wrapping_add(1));
                with_number(&self.prefix, number)
            }
        }
    }
}

/// `prefix` and the last 8 hexadecimal digits of `number`, without the formatting machinery: it runs for every request.
fn with_number(prefix: &str, number: u64) -> String {
    let mut id = String::with_capacity(prefix.len() + 8);
    id.push_str(prefix);
    for place in (0..8).rev() {
        let nibble = u32::try_from((number >> (4 * place)) & 15).unwrap_or_default();
        id.push(char::from_digit(nibble, 16).unwrap_or('0'));
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal() {
        assert_eq!(with_number("a220f27727269c62", 0x1_0000_002F), "a220f27727269c620000002f");
    }
}
