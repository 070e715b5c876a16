//! Reads a file of messages, a line each, on a thread of its own: a terminal or a pipe may have nothing for hours, and the command
//! must be able to end meanwhile. What is read ahead is bounded in lines and bytes.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;

use tokio::sync::mpsc;

use super::envelope::Envelope;
use crate::cli::failure::Failure;

/// Most lines of a batch, the gateway's own limit.
const MOST_LINES: usize = 100;
/// A batch that has so much is not added to.
const ENOUGH_BYTES: usize = 1 << 20;
/// Most bytes of one line: four times what a gateway takes by default.
const MOST_LINE_BYTES: usize = 16 << 20;
const READ_BYTES: usize = 1 << 20;
/// Batches that are read before they are asked for.
const AHEAD: usize = 2;

/// Where the lines come from.
pub(super) struct Input {
    source: Box<dyn Read + Send>,
    /// Of a file.
    pub(super) length: Option<u64>,
}

/// A line that is not blank.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Counted from 1, blank lines too.
    pub(super) number: u64,
    /// The message, or what is wrong with it.
    pub(super) envelope: Result<Envelope, String>,
}

/// Some lines in their order.
#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) lines: Vec<Line>,
    /// Bytes read up to their end.
    pub(super) position: u64,
}

impl Input {
    /// Opens the file, or stdin for `-`.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        if path.as_os_str() == "-" {
            return Ok(Self { source: Box::new(io::stdin()), length: None });
        }
        let unreadable = |error| Failure::usage(format!("--ndjson: {} could not be read: {error}", path.display()));
        let file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(Failure::usage(format!("--ndjson: {} is a directory", path.display())));
        }
        Ok(Self { length: metadata.is_file().then_some(metadata.len()), source: Box::new(file) })
    }

    /// Reads from now on; the last that comes is an error, or the channel's end.
    pub(super) fn read(self) -> Result<mpsc::Receiver<io::Result<Chunk>>, Failure> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let mut lines = Lines::new(self.source);
        let work = move || {
            loop {
                let chunk = lines.next_chunk().transpose();
                let Some(chunk) = chunk else { return };
                let is_last = chunk.is_err();
                // Nobody wants more where the command ends.
                if sender.blocking_send(chunk).is_err() || is_last {
                    return;
                }
            }
        };
        let started = std::thread::Builder::new().name("lines".to_owned()).spawn(work);
        started.map(|_| receiver).map_err(|error| Failure::bad(format!("could not start a thread: {error}")))
    }
}

/// Lines of a source.
struct Lines<R> {
    reader: BufReader<R>,
    number: u64,
    position: u64,
}

impl<R: Read> Lines<R> {
    fn new(source: R) -> Self {
        Self { reader: BufReader::with_capacity(READ_BYTES, source), number: 0, position: 0 }
    }

    /// What can be had without waiting for more, at least one line; `None` at the end.
    fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while let Some(line) = self.next_line()? {
            let length = line.as_ref().map_or(0, Vec::len);
            let is_blank = line.as_ref().is_ok_and(|line| line.iter().all(u8::is_ascii_whitespace));
            if !is_blank {
                let envelope = line.and_then(|line| Envelope::read(&line));
                lines.push(Line { number: self.number, envelope });
                bytes += length;
            }
            let is_whole_line_there = memchr::memchr(b'\n', self.reader.buffer()).is_some();
            let is_full = lines.len() >= MOST_LINES || bytes >= ENOUGH_BYTES;
            if is_full || (!lines.is_empty() && !is_whole_line_there) {
                break;
            }
        }
        Ok((!lines.is_empty()).then_some(Chunk { lines, position: self.position }))
    }

    /// The next line without its end, or what is wrong with it; `None` at the end.
    fn next_line(&mut self) -> io::Result<Option<Result<Vec<u8>, String>>> {
        let (mut line, mut length, mut is_ended) = (Vec::new(), 0_usize, false);
        while !is_ended {
            let there = match self.reader.fill_buf() {
                Ok(there) => there,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if there.is_empty() {
                if length == 0 {
                    return Ok(None);
                }
                break;
            }
            let end = memchr::memchr(b'\n', there);
            let (part, _) = there.split_at(end.unwrap_or(there.len()));
            is_ended = end.is_some();
            length = length.saturating_add(part.len());
            if length <= MOST_LINE_BYTES {
                line.extend_from_slice(part);
            } else {
                line = Vec::new();
            }
            let used = part.len() + usize::from(is_ended);
            self.reader.consume(used);
            self.position += used as u64;
        }
        self.number += 1;
        Ok(Some(if length > MOST_LINE_BYTES {
            Err(format!("the line has {length} bytes, {MOST_LINE_BYTES} are allowed"))
        } else {
            Ok(line)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives what it has piece by piece, as a pipe does.
    struct Pieces(Vec<Vec<u8>>);

    impl Read for Pieces {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Ok(0);
            }
            let piece = self.0.remove(0);
            buffer[..piece.len()].copy_from_slice(&piece);
            Ok(piece.len())
        }
    }

    fn numbers(pieces: &[&str]) -> Vec<Vec<u64>> {
        let mut lines = Lines::new(Pieces(pieces.iter().map(|piece| piece.as_bytes().to_vec()).collect()));
        let chunks = std::iter::from_fn(|| lines.next_chunk().unwrap());
        chunks.map(|chunk| chunk.lines.iter().map(|line| line.number).collect()).collect()
    }

    #[test]
    fn what_is_there_goes_at_once_and_blank_lines_are_only_counted() {
        assert_eq!(numbers(&["{}\n{}\n", "{}\n", "\n \r\n{}\n"]), [vec![1, 2], vec![3], vec![6]]);
        assert_eq!(
            numbers(&["{}\n{", "}\n{}"]),
            [vec![1], vec![2], vec![3]],
            "half a line is waited for, the last needs no end"
        );
        assert!(numbers(&[]).is_empty() && numbers(&["\n\n"]).is_empty());
        let many = numbers(&[&"{}\n".repeat(250)]);
        assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    }

    #[test]
    fn a_line_that_is_too_long_costs_itself_alone() {
        let half = vec![b' '; READ_BYTES];
        let mut pieces = vec![half; MOST_LINE_BYTES / READ_BYTES];
        pieces.push(b"x\n{}\n".to_vec());
        let mut lines = Lines::new(Pieces(pieces));
        let mut found = Vec::new();
        while let Some(chunk) = lines.next_chunk().unwrap() {
            found.extend(chunk.lines.into_iter().map(|line| (line.number, line.envelope.is_ok())));
        }
        assert_eq!(found, [(1, false), (2, true)]);
        assert_eq!(lines.position, MOST_LINE_BYTES as u64 + 5);
    }
}
