//! Where on a connection its requests begin and end, followed byte by byte.
//!
//! Only the HTTP library says what a request is; it tells neither where one ends nor how many bytes it had on the wire. Chunk
//! sizes, extensions and trailers it throws away unseen. So every byte that was read goes through here as well, by the same
//! rules as the library's: what it accepts is followed exactly, and after what it refuses it reads no more, whatever is made of
//! it here.
//!
//! Refused here is what the library sets no limit, or one too far: a head that is much longer than those that are answered,
//! framing beyond all proportion to its body, and a header's name that makes the library panic. How long a body is, limits who
//! reads it.

use memchr::memchr;

/// Framing that any chunked body may have.
const FREE_FRAMING: u64 = 16 << 10;
/// Further framing for each byte of the body: chunks of a single byte have five (`1`, two line ends), or some more where sizes
/// are written with zeros before.
const FRAMING_PER_BYTE: u64 = 8;
/// The longest name of a header that the HTTP library takes without a panic.
const LONGEST_NAME: usize = 65_535;
/// Longest line of a header that says where its request ends. Nobody needs more.
const LONGEST_FRAMING_LINE: usize = 1024;

/// What is too much of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    /// The whole head, a header's name, or a line that says where the request ends.
    Head,
    /// Chunk sizes, extensions and trailers.
    Framing { limit: u64, actual: u64 },
}

/// The bytes that may be passed on when something is too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) excess: Excess,
    pub(super) good: usize,
}

/// One connection's account.
#[derive(Debug)]
pub(super) struct Framing {
    place: Place,
    line: Line,
    head: Head,
    /// What has come of a head that is not whole, empty lines before it too.
    head_bytes: usize,
    longest_head: usize,
    /// Requests that have come to their end.
    whole: u64,
    /// Of the body that is being read: its own bytes, and all others.
    body: u64,
    framing: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Before or in a request's first line; empty ones before it do not count.
    #[default]
    RequestLine,
    HeaderLine,
    /// So many bytes of a body are to come.
    Body(u64),
    Chunks(Chunk),
    /// In something that does not end: what asks for a tunnel, or broken framing.
    Endless,
}

/// The HTTP library's states, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    SizeFirst,
    SizeRest,
    SizeSpace,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    TrailerLf,
    EndCr,
    EndLf,
}

/// The line of a head that is being read.
#[derive(Debug, Default)]
struct Line {
    /// Its beginning, where it comes in parts.
    start: Vec<u8>,
    /// Of parts that have come before.
    length: usize,
    colon: bool,
}

/// What a head says of its request's end.
#[derive(Debug, Default)]
struct Head {
    connect: bool,
    chunked: bool,
    websocket: bool,
    /// `Content-Length`; also what is left of the chunk.
    length: u64,
}

impl Framing {
    /// Nothing has come yet; no head may be longer than `longest_head`.
    pub(super) fn new(longest_head: usize) -> Self {
        Self {
            place: Place::default(),
            line: Line::default(),
            head: Head::default(),
            head_bytes: 0,
            longest_head,
            whole: 0,
            body: 0,
            framing: 0,
        }
    }

    /// How many requests have come to their end.
    pub(super) fn whole(&self) -> u64 {
        self.whole
    }

    /// Whether nothing of a next request has come.
    pub(super) fn is_between_requests(&self) -> bool {
        self.place == Place::RequestLine && self.line.length == 0
    }

    /// Whether the next byte is of a body.
    pub(super) fn is_in_body(&self) -> bool {
        matches!(self.place, Place::Body(_) | Place::Chunks(_) | Place::Endless)
    }

    /// Follows the next bytes.
    ///
    /// # Errors
    /// [`Refused`] where something is too much. Nothing may be followed after that.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let followed = match self.place {
                Place::RequestLine | Place::HeaderLine => self.follow_line(rest),
                Place::Body(left) => Ok(self.follow_body(left, rest)),
                Place::Chunks(chunk) => self.follow_chunk(chunk, rest),
                Place::Endless => return Ok(()),
            };
            let count = followed.map_err(|excess| Refused { excess, good: bytes.len() - rest.len() })?;
            rest = rest.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    fn follow_line(&mut self, rest: &[u8]) -> Result<usize, Excess> {
        let end = memchr(b'\n', rest);
        let part = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.head_bytes += end.map_or(rest.len(), |end| end + 1);
        if self.head_bytes > self.longest_head {
            return Err(Excess::Head);
        }
        if self.place == Place::HeaderLine && self.line.name_is_too_long(part) {
            return Err(Excess::Head);
        }
        let Some(end) = end else {
            self.line.keep(part);
            return Ok(rest.len());
        };
        if self.line.length == 0 {
            self.end_line(part, part.len())?;
        } else {
            self.line.keep(part);
            let line = std::mem::take(&mut self.line);
            self.end_line(&line.start, line.length)?;
        }
        Ok(end + 1)
    }

    /// A line is whole; of a long one only the start is known.
    fn end_line(&mut self, start: &[u8], length: usize) -> Result<(), Excess> {
        let line = if start.len() == length { start.strip_suffix(b"\r").unwrap_or(start) } else { start };
        match (self.place, line.is_empty()) {
            (Place::RequestLine, true) => {}
            (Place::RequestLine, false) => {
                self.head = Head { connect: line.starts_with(b"CONNECT "), ..Head::default() };
                self.place = Place::HeaderLine;
            }
            (_, true) => self.end_head(),
            (_, false) => self.head.read(line, length)?,
        }
        Ok(())
    }

    fn end_head(&mut self) {
        self.head_bytes = 0;
        let Head { connect, chunked, websocket, length } = self.head;
        (self.body, self.framing) = (0, 0);
        self.place = match length {
            _ if chunked => Place::Chunks(Chunk::SizeFirst),
            _ if websocket => Place::Endless,
            0 if connect => Place::Endless,
            0 => return self.end_request(),
            length => Place::Body(length),
        };
    }

    fn end_request(&mut self) {
        self.place = Place::RequestLine;
        self.whole += 1;
    }

    fn follow_body(&mut self, left: u64, rest: &[u8]) -> usize {
        let count = at_most(left, rest.len());
        match left.saturating_sub(wide(count)) {
            0 => self.end_request(),
            left => self.place = Place::Body(left),
        }
        count
    }

    /// Follows one byte, or a run of such that mean nothing.
    fn follow_chunk(&mut self, chunk: Chunk, rest: &[u8]) -> Result<usize, Excess> {
        let Some(&byte) = rest.first() else { return Ok(0) };
        let up_to_cr = || memchr(b'\r', rest).unwrap_or(rest.len());
        let (next, count) = match (chunk, byte) {
            (Chunk::Data, _) => {
                let count = at_most(self.head.length, rest.len());
                self.body += wide(count);
                self.head.length -= wide(count);
                self.place = Place::Chunks(if self.head.length == 0 { Chunk::DataCr } else { Chunk::Data });
                return Ok(count);
            }
            (Chunk::SizeFirst, _) => {
                self.head.length = 0;
                (self.digit(byte), 1)
            }
            (Chunk::SizeRest | Chunk::SizeSpace, b'\t' | b' ') => (Some(Chunk::SizeSpace), 1),
            (Chunk::SizeRest | Chunk::SizeSpace, b';') => (Some(Chunk::Extension), 1),
            (Chunk::SizeRest | Chunk::SizeSpace | Chunk::Extension, b'\r') => (Some(Chunk::SizeLf), 1),
            (Chunk::SizeRest, _) => (self.digit(byte), 1),
            (Chunk::Extension, _) => (Some(Chunk::Extension), up_to_cr()),
            (Chunk::SizeLf, b'\n') if self.head.length > 0 => (Some(Chunk::Data), 1),
            (Chunk::SizeLf | Chunk::TrailerLf, b'\n') => (Some(Chunk::EndCr), 1),
            (Chunk::DataCr, b'\r') => (Some(Chunk::DataLf), 1),
            (Chunk::DataLf, b'\n') => (Some(Chunk::SizeFirst), 1),
            (Chunk::EndCr, b'\r') => (Some(Chunk::EndLf), 1),
            (Chunk::Trailer, b'\r') => (Some(Chunk::TrailerLf), 1),
            (Chunk::Trailer, _) => (Some(Chunk::Trailer), up_to_cr()),
            (Chunk::EndCr, _) => (Some(Chunk::Trailer), 1),
            (Chunk::EndLf, b'\n') => {
                self.end_request();
                return Ok(1);
            }
            _ => (None, 1),
        };
        self.place = next.map_or(Place::Endless, Place::Chunks);
        self.framing += wide(count);
        let limit = FREE_FRAMING.saturating_add(self.body.saturating_mul(FRAMING_PER_BYTE));
        if self.framing > limit { Err(Excess::Framing { limit, actual: self.framing }) } else { Ok(count) }
    }

    /// A digit of a chunk's size.
    fn digit(&mut self, byte: u8) -> Option<Chunk> {
        let digit = char::from(byte).to_digit(16)?;
        self.head.length = self.head.length.checked_mul(16)?.checked_add(digit.into())?;
        Some(Chunk::SizeRest)
    }
}

impl Line {
    /// Whether this part has no end of the name, and makes it too long.
    fn name_is_too_long(&self, part: &[u8]) -> bool {
        if self.colon || self.length + part.len() <= LONGEST_NAME {
            return false;
        }
        self.length + memchr(b':', part).unwrap_or(part.len()) > LONGEST_NAME
    }

    fn keep(&mut self, part: &[u8]) {
        let room = (LONGEST_FRAMING_LINE + 2).saturating_sub(self.start.len());
        self.start.extend_from_slice(part.get(..room).unwrap_or(part));
        self.length += part.len();
        self.colon |= memchr(b':', part).is_some();
    }
}

impl Head {
    /// Reads a header's line, where it says where the request ends.
    fn read(&mut self, line: &[u8], length: usize) -> Result<(), Excess> {
        // Nearly every other header begins otherwise.
        let (b'c' | b't' | b'u', Some(colon)) = (line.first().map_or(0, u8::to_ascii_lowercase), memchr(b':', line))
        else {
            return Ok(());
        };
        let (name, value) = line.split_at(colon);
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        let (is_length, is_coding, is_upgrade) = (is("content-length"), is("transfer-encoding"), is("upgrade"));
        if !is_length && !is_coding && !is_upgrade {
            return Ok(());
        }
        if length > LONGEST_FRAMING_LINE {
            return Err(Excess::Head);
        }
        let value = value.strip_prefix(b":").unwrap_or_default().trim_ascii();
        if is_length {
            // The HTTP library refuses what is no number.
            self.length = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok()).unwrap_or(0);
        }
        self.chunked |= is_coding && value.eq_ignore_ascii_case(b"chunked");
        self.websocket |= is_upgrade && value.eq_ignore_ascii_case(b"websocket");
        Ok(())
    }
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn at_most(left: u64, count: usize) -> usize {
    usize::try_from(left).map_or(count, |left| left.min(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &str = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

    fn new() -> Framing {
        Framing::new(1 << 20)
    }

    #[test]
    fn a_head_has_its_length() {
        let mut framing = Framing::new(30);
        let head = b"GET / HTTP/1.1\r\nX-A: 1\r\n\r\n";
        assert_eq!((framing.follow(head), framing.follow(head)), (Ok(()), Ok(())), "each on its own");
        assert_eq!(framing.follow(b"GET / HTTP/1.1\r\nX-A: 1\r\nX-B"), Ok(()));
        assert_eq!(framing.follow(b": 2\r\n\r\n"), Err(Refused { excess: Excess::Head, good: 0 }));
    }

    /// Follows `text` whole, in two parts at each place, and byte by byte: what comes of it is the same.
    #[track_caller]
    fn check(text: &str, whole: u64, between: bool) {
        let text = text.as_bytes();
        for at in 0..=text.len() {
            let mut framing = new();
            let (first, second) = text.split_at(at);
            assert_eq!((framing.follow(first), framing.follow(second)), (Ok(()), Ok(())));
            assert_eq!((framing.whole(), framing.is_between_requests()), (whole, between), "at {at}: {framing:?}");
        }
        let mut framing = new();
        text.chunks(1).for_each(|byte| framing.follow(byte).unwrap());
        assert_eq!((framing.whole(), framing.is_between_requests()), (whole, between), "{framing:?}");
    }

    #[test]
    fn requests_have_an_end() {
        check("", 0, true);
        check("\r\n\n", 0, true);
        check("G", 0, false);
        check("GET / HTTP/1.1\r\n\r\n", 1, true);
        check("\r\nGET / HTTP/1.1\n\nGET / HTTP/1.1\r\nX: y\n\n", 2, true);
        check("GET / HTTP/1.1\r\n\r\nG", 1, false);
        check("POST / HTTP/1.1\r\ncontent-LENGTH: 5\r\n\r\nhello", 1, true);
        check("POST / HTTP/1.1\r\nContent-Length:\t05 \r\n\r\nhelloG", 1, false);
        check("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhell", 0, false);
        check("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 1, true);
        check("POST / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\nGET / HTTP/1.1\r\n\r\n", 0, false);
        check(&format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\n"), 1, true);
        check(&format!("{CHUNKED}5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 2, true);
        check(&format!("{CHUNKED}05 ;a=b;c\r\nhello\r\n1\t\r\n!\r\n0;x\r\nA: b\r\nC\r\n\r\nG"), 1, false);
        check(&format!("{CHUNKED}1a\r\n{}\r\n0\r\n\r\n", "x".repeat(26)), 1, true);
        check(&format!("{CHUNKED}5\r\nhello\r\n0\r\n\r"), 0, false);
    }

    #[test]
    fn what_has_no_end_is_endless() {
        for text in [
            "GET / HTTP/1.1\r\nUpgrade: WebSocket\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "CONNECT a:1 HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\ng\r\n0\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n0\r\n\r\n",
        ] {
            check(text, 0, false);
        }
        check("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", 1, true);
        check("CONNECT a:1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", 1, true);
    }

    #[track_caller]
    fn refused(text: &str, part: usize) -> Refused {
        let mut framing = new();
        let mut good = 0;
        for part in text.as_bytes().chunks(part) {
            match framing.follow(part) {
                Ok(()) => good += part.len(),
                Err(refused) => return Refused { good: good + refused.good, ..refused },
            }
        }
        panic!("followed to the end: {framing:?}");
    }

    #[test]
    fn framing_is_in_proportion_to_the_body() {
        let tiny = "1\r\nx\r\n".repeat(100_000);
        check(&format!("{CHUNKED}{}0\r\n\r\n", "1\r\nx\r\n".repeat(100)), 1, true);
        let mut framing = new();
        framing.follow(format!("{CHUNKED}{tiny}0;a=b\r\nTrailer: x\r\n\r\n").as_bytes()).unwrap();
        assert_eq!(framing.whole(), 1);
        for endless in [
            format!("5;{}", "x".repeat(40_000)),
            format!("5\r\nhello\r\n0\r\nX: {}", "x".repeat(40_000)),
            format!("0\r\n{}", "X: y\r\n".repeat(9_000)),
            format!("5{}", " ".repeat(40_000)),
            format!("{}1", "0".repeat(40_000)),
            "1;xxxxxxxx\r\nx\r\n".repeat(9_000),
        ] {
            for part in [1, 1000, 1_000_000] {
                let Refused { excess, good } = refused(&format!("{CHUNKED}{endless}"), part);
                assert!(matches!(excess, Excess::Framing { limit, actual } if actual > limit), "{excess:?}");
                assert!(good >= CHUNKED.len() && good < CHUNKED.len() + 130_000, "{good} bytes in parts of {part}");
            }
        }
    }

    #[test]
    fn names_end_before_the_library_panics() {
        let head = "GET / HTTP/1.1\r\nHost: x\r\n";
        let text = |name: usize| format!("{head}{}: {}\r\n\r\n", "n".repeat(name), "v".repeat(70_000));
        for part in [1, 1000, 1_000_000] {
            let mut framing = new();
            text(65_535).as_bytes().chunks(part).for_each(|part| framing.follow(part).unwrap());
            assert_eq!(framing.whole(), 1);
            let refused = refused(&text(65_536), part);
            assert_eq!(refused.excess, Excess::Head);
            assert!(refused.good >= head.len() && refused.good <= head.len() + 65_536);
        }
        let spaces = format!("{head}Content-Length:{}5\r\n\r\nhello", " ".repeat(2000));
        for part in [1, 1000, 1_000_000] {
            assert_eq!(refused(&spaces, part).excess, Excess::Head);
        }
    }
}
