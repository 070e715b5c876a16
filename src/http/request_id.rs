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
pub(super) struct RequestIds {
    random: Random,
    /// 16 digits, and room for those of the number.
    digits: Cell<[u8; 24]>,
    next: Cell<u32>,
}

impl RequestIds {
    /// Takes a prefix from `random`.
    #[must_use]
    pub(super) fn new(random: &Random) -> Self {
        Self { random: random.clone(), digits: Cell::new(with_prefix(random)), next: Cell::new(0) }
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
                let id = with_number(self.digits.get(), number);
                let (next, is_used_up) = number.overflowing_add(1);
                self.next.set(next);
                if is_used_up {
                    self.digits.set(with_prefix(&self.random));
                }
                id
            }
        }
    }
}

/// 16 digits from `random`.
fn with_prefix(random: &Random) -> [u8; 24] {
    let mut bytes = [0; 8];
    // Without randomness ids are less unique, and service goes on.
    let prefix = random.fill(&mut bytes).map_or(0, |()| u64::from_le_bytes(bytes));
    let mut digits = [b'0'; 24];
    for (to, digit) in digits.iter_mut().zip(format!("{prefix:016x}").bytes()) {
        *to = digit;
    }
    digits
}

/// An id with the hexadecimal digits of `number`, without the formatting machinery: it runs for every request.
fn with_number(mut digits: [u8; 24], number: u32) -> Arc<str> {
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
        assert_eq!(&*with_number(digits, 0x2F), "a220f27727269c620000002f");
        assert_eq!(&*with_number(digits, 0), "a220f27727269c6200000000");
        assert_eq!(&*with_number(digits, u32::MAX), "a220f27727269c62ffffffff");
    }

    #[test]
    fn no_number_comes_twice_behind_one_prefix() {
        let ids = RequestIds::new(&Random::system());
        ids.next.set(u32::MAX);
        let [last, first] = [(); 2].map(|()| ids.of(&HeaderMap::new()).to_string());
        let ((old, last), (new, first)) = (last.split_at(16), first.split_at(16));
        assert_eq!((last, first), ("ffffffff", "00000000"));
        assert_ne!(old, new);
    }
}
