//! A JSON value as its caller wrote it, without the white space outside strings.

use std::borrow::Cow;

/// Takes the white space outside strings out of valid JSON; key order, number spelling and escapes stay.
pub(super) fn compact(json: &str) -> Cow<'_, str> {
    let mut strings = StringTracker::default();
    if !json.bytes().any(|byte| strings.is_outside(byte) && is_blank(byte)) {
        return Cow::Borrowed(json);
    }
    let mut strings = StringTracker::default();
    // Only ASCII bytes are dropped: what is left is UTF-8 still.
    let kept: Vec<u8> = json.bytes().filter(|byte| !(strings.is_outside(*byte) && is_blank(*byte))).collect();
    Cow::Owned(String::from_utf8(kept).unwrap_or_default())
}

/// How many arrays and objects are inside each other at the deepest place.
pub(super) fn depth(json: &[u8]) -> usize {
    let mut strings = StringTracker::default();
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in json {
        if strings.is_outside(*byte) {
            match byte {
                b'[' | b'{' => {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
    }
    deepest
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Follows strings and their escapes.
#[derive(Default)]
struct StringTracker {
    in_string: bool,
    escaped: bool,
}

impl StringTracker {
    /// Whether `byte` is outside every string.
    fn is_outside(&mut self, byte: u8) -> bool {
        if !self.in_string {
            self.in_string = byte == b'"';
            return true;
        }
        if self.escaped {
            self.escaped = false;
        } else if byte == b'\\' {
            self.escaped = true;
        } else if byte == b'"' {
            self.in_string = false;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_outside_strings_go() {
        let check = |json: &str, expected: &str| assert_eq!(compact(json), expected);
        check("{ \"b\" : 1.10 ,\n\t\"a\":[ 1, \"x  y\" ] }", "{\"b\":1.10,\"a\":[1,\"x  y\"]}");
        check("{\"a\":\"\\\" \\\\\" , \"b\":1}", "{\"a\":\"\\\" \\\\\",\"b\":1}");
        check("1e3", "1e3");
        check("\"\\u4e2d 文\"", "\"\\u4e2d 文\"");
        assert!(matches!(compact("{\"a\":\"x y\"}"), Cow::Borrowed(_)));
    }

    #[test]
    fn depth_counts_outside_strings() {
        assert_eq!(depth(b"1"), 0);
        assert_eq!(depth(b"{\"a\":[1,[2]],\"b\":\"[[[[\"}"), 3);
        assert_eq!(depth(b"[[],{},[{}],[]]"), 3);
    }
}
