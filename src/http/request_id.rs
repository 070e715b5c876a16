//! The id that ties a request, its answer and its log lines together.

use std::cell::Cell;
use std::sync::Arc;

use actix_web::http::header::{HeaderMap, HeaderName};

use crate::random::Random;

/// The header's name.
pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 128;

/// Makes ids for one thread: a random prefix and a counter, so that no request costs a system call.
#[derive(Debug, Clone)]
pub struct RequestIds {
    /// 16 digits, and room for those of the number.
    digits: [u8; 24],
    next: Cell<u64>,
}

impl RequestIds {
    /// Takes a prefix from `random`.
    #[must_use]
    pub fn new(random: &Random) -> Self {
        let mut bytes = [0; 8];
        // Without randomness ids are less unique, and service goes on.
        let prefix = random.fill(&mut bytes).map_or(0, |()| u64::from_le_bytes(bytes));
        let mut digits = [b'0'; 24];
        for (to, digit) in digits.iter_mut().zip(format!("{prefix:016x}").bytes()) {
            *to = digit;
        }
        Self { digits, next: Cell::new(0) }
    }

    /// The caller's id where it is 1–128 visible ASCII characters, else a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> Arc<str> {
        let theirs = headers.get(X_REQUEST_ID).map(|value| value.as_bytes());
        match theirs {
            Some(bytes) if (1..=MAX_LENGTH).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic) => {
                String::from_utf8_lossy(bytes).into()
            }
            _ => {
                let number = self.next.get();
                self.next.set(number.wrapping_add(1));
                with_number(self.digits, number)
            }
        }
    }
}

/// An id with the last 8 hexadecimal digits of `number`, without the formatting machinery: it runs for every request.
fn with_number(mut digits: [u8; 24], number: u64) -> Arc<str> {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let mut rest = number;
    for digit in digits.iter_mut().rev().take(8) {
        *digit = HEX.get(usize::try_from(rest & 15).unwrap_or_default()).copied().unwrap_or(b'0');
        rest >>= 4;
    }
    std::str::from_utf8(&digits).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal() {
        let digits = *b"a220f27727269c6200000000";
        assert_eq!(&*with_number(digits, 0x1_0000_002F), "a220f27727269c620000002f");
        assert_eq!(&*with_number(digits, 0), "a220f27727269c6200000000");
    }
}
