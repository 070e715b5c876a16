//! Compressed bodies, as each kind of client makes them.

use super::super::body::decompressed;

const PLAIN: &[u8] = b"hello hello hello hello\n";
/// Python: `zlib.compress(PLAIN)`.
const ZLIB: &[u8] = b"\x78\x9c\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00\x70\xbe\x08\xbb";
/// Raw deflate of the same.
const DEFLATED: &[u8] = b"\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00";

/// A gzip member with these flags and what they announce.
fn gzip(flags: u8, announced: &[u8]) -> Vec<u8> {
    [&[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3], announced, DEFLATED, &[0; 8]].concat()
}

#[test]
fn gzip_and_zlib_are_unpacked() {
    for (body, name) in [
        (ZLIB.to_vec(), "zlib"),
        (gzip(0, b""), "gzip"),
        (gzip(8, b"name\0"), "gzip with a name"),
        (gzip(4 | 8 | 16 | 2, b"\x02\x00xyname\0comment\0\x01\x02"), "gzip with all there is"),
    ] {
        assert_eq!(decompressed(&body, PLAIN.len()).as_deref(), Some(PLAIN), "{name}");
        assert_eq!(decompressed(&body, PLAIN.len() - 1), None, "{name}: more than the limit");
    }
}

#[test]
fn what_is_neither_is_nothing() {
    for body in [&b""[..], b"plain", b"\x1f\x8b\x08", b"\x1f\x8b\x08\x08\0\0\0\0\0\x03name", &gzip(4, b"\xff\xff")] {
        assert_eq!(decompressed(body, 4096), None, "{body:?}");
    }
}
