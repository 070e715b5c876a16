//! Bodies: their digests, and those that came compressed.

use bytes::Bytes;
use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};

use super::wire::{Digest, DigestType};
use crate::signature::body_md5_hex;

/// MD5 in capital hex, as the official clients send it.
pub(super) fn digest(body: &[u8]) -> Digest {
    let checksum = body_md5_hex(body).iter().map(|byte| char::from(byte.to_ascii_uppercase())).collect();
    Digest { r#type: DigestType::Md5.into(), checksum }
}

/// Whether a body is the one that the digest was made of; a digest of another kind says nothing.
pub(super) fn differs(body: &[u8], digest: Option<&Digest>) -> bool {
    digest.is_some_and(|claimed| {
        claimed.r#type() == DigestType::Md5 && !claimed.checksum.eq_ignore_ascii_case(&digest_text(body))
    })
}

fn digest_text(body: &[u8]) -> String {
    digest(body).checksum
}

/// A body that was compressed: by gzip, or by zlib, which is what senders of the older protocol use and the server calls gzip, too.
/// `None` when it is neither, or larger than `limit` bytes.
pub(super) fn decompressed(body: &[u8], limit: usize) -> Option<Bytes> {
    let inflated = match gzip_content(body) {
        Some(content) => decompress_to_vec_with_limit(content, limit),
        None => decompress_to_vec_zlib_with_limit(body, limit),
    };
    inflated.ok().map(Bytes::from)
}

/// What stands behind a gzip member's header (RFC 1952, 2.3).
fn gzip_content(body: &[u8]) -> Option<&[u8]> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const HEADER_CRC: u8 = 2;
    let (head, mut rest) = body.split_first_chunk::<10>()?;
    let [0x1f, 0x8b, 8, flags, ..] = head else { return None };
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & HEADER_CRC != 0 {
        rest = rest.get(2..)?;
    }
    Some(rest)
}
