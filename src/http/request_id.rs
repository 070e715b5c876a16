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
    prefix: u64,
    next: Cell<u64>,
}

impl RequestIds {
    /// Takes a prefix from `random`.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        let mut bytes = [0; 8];
        // Without randomness ids are less unique, and service goes on.
        let prefix = random.fill(&mut bytes).map_or(0, |()| u64::from_le_bytes(bytes));
        Self { prefix, next: Cell::new(0) }
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
                hex24(self.prefix, number)
            }
        }
    }
}

/// 16 digits of `prefix` and the last 8 of `number`, without the formatting machinery: it runs for every request.
fn hex24(prefix: u64, number: u64) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u64| DIGITS.get(usize::try_from(nibble & 15).unwrap_or_default()).copied().unwrap_or(b'0');
    let mut id = [0; 24];
    for (index, to) in (0..24_u32).zip(&mut id) {
        *to = if index < 16 { digit(prefix >> (60 - 4 * index)) } else { digit(number >> (92 - 4 * index)) };
    }
    std::str::from_utf8(&id).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal() {
        assert_eq!(hex24(0xA220_F277_2726_9C62, 0x1_0000_002F), "a220f27727269c620000002f");
    }
}
