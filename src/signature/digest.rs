//! MD5 of a body in hex: what every protocol puts where a digest is wanted.

use md5::{Digest as _, Md5};

/// MD5 of `body` in lower-case hex.
#[must_use]
pub fn body_md5_hex(body: &[u8]) -> [u8; 32] {
    hex(&Md5::digest(body))
}

/// Two lower-case characters for each byte; `N` is twice their number.
pub(super) fn hex<const N: usize>(bytes: &[u8]) -> [u8; N] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hex = [0; N];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(bytes) {
        for (to, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *to = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        }
    }
    hex
}
