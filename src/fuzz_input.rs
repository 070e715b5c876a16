//! What fuzz targets make of their bytes. There only for the fuzzer and for tests.

/// What no error, log line or `Debug` may hold: files of the corpus have it where secrets, bodies and values stand, and the fuzzer
/// carries it elsewhere.
pub(crate) const CANARY: &str = "CANARY";

/// Fails where a text repeats what was in the input.
#[track_caller]
pub(crate) fn assert_hides(shown: &str) {
    assert!(!shown.contains(CANARY), "it repeats what was written: {shown}");
}

/// A target's bytes, cut at line ends: so a file of the corpus can be read and written by hand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Nothing of it is taken.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next line without its LF; all that is left where there is none.
    pub(crate) fn line(&mut self) -> &'a [u8] {
        let end = memchr::memchr(b'\n', self.0).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        line
    }

    /// The same as text; none where it is no UTF-8.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.line()).ok()
    }

    /// The lines up to an empty one, which is taken, too.
    pub(crate) fn lines(&mut self) -> Vec<&'a [u8]> {
        let mut lines = Vec::new();
        while !self.0.is_empty() {
            match self.line() {
                [] => break,
                line => lines.push(line),
            }
        }
        lines
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[test]
fn lines_are_cut_off() {
    let mut input = Input::new(b"a\nb\xff\n\nc\nd\n\ne\n");
    assert_eq!((input.text(), input.text(), input.line()), (Some("a"), None, &b""[..]));
    assert_eq!((input.lines(), input.rest()), (vec![&b"c"[..], b"d"], &b"e\n"[..]));
    let mut end = Input::new(b"x");
    assert_eq!((end.line(), end.line(), end.lines().len(), end.rest()), (&b"x"[..], &b""[..], 0, &b""[..]));
}
