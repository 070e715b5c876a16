//! MD5 of a body in hex: what both protocols put where a digest is wanted.

use md5::{Digest as _, Md5};

/// MD5 of `body` in lower-case hex.
#[must_use]
pub fn body_md5_hex(body: &[u8]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digest = Md5::digest(body);
    let mut hex = [0; 32];
    for (pair, byte) in hex.chunks_exact_mut(2).zip(digest) {
        for (to, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *to = DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        }
    }
    hex
}
