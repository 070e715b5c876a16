//! SQLite's write-ahead log, read without SQLite.
//!
//! The file is a header of 32 bytes and frames. The header: magic number, version, page size, a counter, two *salts*, and
//! two checksums of what precedes. A frame: 24 bytes of head and one page. The head: the page's number; for the last
//! frame of a commit the store's size in pages, else 0; the salts again; two checksums over the header, all frames before
//! and this one. Numbers are big-endian; the magic number's last bit tells how the checksums read words. When a log is
//! used again from the start its salts change, so that what is left of the old one is not taken for frames.
//!
//! SQLite takes the first broken frame for the end, whatever follows. We sync each commit before the next one is written,
//! so only the last commit can be torn by a crash, its pages written in any order. A broken frame before that is damage,
//! and to read on as if nothing were behind it would lose what was acknowledged.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use super::files::PAGE_BYTES;

const HEADER_BYTES: usize = 32;
const FRAME_HEAD_BYTES: usize = 24;
/// A frame in a log of ours.
pub(super) const FRAME_BYTES: u64 = FRAME_HEAD_BYTES as u64 + PAGE_BYTES as u64;
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;
/// Read from the file at once.
const BUFFER_BYTES: usize = 1 << 20;

/// The two numbers that mark the frames of one use of the log.
pub(super) type Salts = [u32; 2];

/// What a log holds.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Of its present use.
    pub(super) salts: Salts,
    /// Frames up to the end of the last whole commit.
    pub(super) committed: u32,
    /// The pages in them, each with the CRC-32 of its newest content.
    pub(super) pages: HashMap<u32, u32>,
    /// The store's size in pages after that commit.
    pub(super) store_pages: u32,
    /// What no crash explains.
    pub(super) damage: Option<LogDamage>,
}

/// Damage that no crash explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogDamage {
    /// The header, which was synced before any frame was written.
    Header,
    /// A frame with a whole commit behind the one that it is in.
    Frame {
        /// Counted from 1.
        number: u32,
        /// Where it begins in the file.
        offset: u64,
    },
}

struct Header {
    big_endian: bool,
    page_bytes: usize,
    salts: Salts,
    sums: [u32; 2],
}

struct Head {
    page: u32,
    /// 0 but in a commit's last frame.
    store_pages: u32,
    salts: Salts,
    sums: [u32; 2],
}

/// The salts of a log that is in use.
pub(super) fn salts(file: &File) -> io::Result<Salts> {
    let mut header = [0; HEADER_BYTES];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut header, 0)?;
    let [_, _, _, _, first, second, ..] = words(&header);
    Ok([first, second])
}

/// Reads a log, at most `most` frames of it.
pub(super) fn read(file: &File, most: Option<u32>) -> io::Result<Log> {
    let mut input = BufReader::with_capacity(BUFFER_BYTES, file);
    input.seek(SeekFrom::Start(0))?;
    let mut bytes = [0; HEADER_BYTES];
    if !fill(&mut input, &mut bytes)? {
        return Ok(Log::default());
    }
    let Some(header) = header(&bytes) else {
        let damage = holds_anything(&mut input)?.then_some(LogDamage::Header);
        return Ok(Log { damage, ..Log::default() });
    };
    let mut reading = Reading { log: Log { salts: header.salts, ..Log::default() }, ..Reading::default() };
    let mut frame = vec![0; FRAME_HEAD_BYTES + header.page_bytes];
    let mut sums = header.sums;
    let mut number = 0;
    while most.is_none_or(|most| number < most) && fill(&mut input, &mut frame)? {
        number += 1;
        let (head, page) = frame.split_at(FRAME_HEAD_BYTES);
        let (summed, _) = head.split_at(8);
        let expected = checksum(checksum(sums, summed, header.big_endian), page, header.big_endian);
        let head = head_of(head);
        let current = head.salts == header.salts;
        let whole = current && head.page > 0 && head.sums == expected;
        // What follows is held against what this frame says of itself, so that one broken frame breaks no other.
        sums = head.sums;
        if whole && reading.broken.is_none() {
            reading.take(number, &head, page);
        } else if reading.is_damage(number, &head, whole, current) {
            break;
        }
    }
    if let (true, Some(number)) = (reading.damaged, reading.broken) {
        let frame_bytes = u64::try_from(frame.len()).unwrap_or(u64::MAX);
        let offset = u64::from(number - 1).saturating_mul(frame_bytes).saturating_add(32);
        reading.log.damage = Some(LogDamage::Frame { number, offset });
    }
    Ok(reading.log)
}

/// A log that is being read.
#[derive(Default)]
struct Reading {
    log: Log,
    /// Frames of a commit whose end was not seen yet.
    pending: Vec<(u32, u32)>,
    /// The first broken frame.
    broken: Option<u32>,
    /// Behind it: a commit has ended, and all frames since then follow from its last one.
    commit_ended: bool,
    damaged: bool,
}

impl Reading {
    /// A whole frame after whole frames.
    fn take(&mut self, number: u32, head: &Head, page: &[u8]) {
        self.pending.push((head.page, crc32fast::hash(page)));
        if head.store_pages > 0 {
            self.log.pages.extend(self.pending.drain(..));
            self.log.committed = number;
            self.log.store_pages = head.store_pages;
        }
    }

    /// A broken frame, or any frame behind one: whether it ends a whole commit that was written after the broken one.
    /// What a rolled back commit left behind, or one whose sync failed, does not follow from the frame before it.
    fn is_damage(&mut self, number: u32, head: &Head, whole: bool, current: bool) -> bool {
        self.broken.get_or_insert(number);
        let ends = current && head.store_pages > 0;
        self.damaged = self.commit_ended && whole && ends;
        self.commit_ended = ends || (self.commit_ended && whole);
        self.damaged
    }
}

fn header(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
    let [magic, version, page_bytes, _, first, second, sum_1, sum_2] = words(bytes);
    let big_endian = magic & 1 == 1;
    let (summed, _) = bytes.split_at(HEADER_BYTES - 8);
    let known = magic & !1 == MAGIC && version == VERSION;
    let sums = [sum_1, sum_2];
    let page_bytes = usize::try_from(page_bytes).ok().filter(|bytes| bytes.is_power_of_two() && *bytes >= 512)?;
    (known && checksum([0, 0], summed, big_endian) == sums).then_some(Header {
        big_endian,
        page_bytes,
        salts: [first, second],
        sums,
    })
}

fn head_of(bytes: &[u8]) -> Head {
    let mut all = [0; HEADER_BYTES];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    let [page, store_pages, salt_1, salt_2, sum_1, sum_2, ..] = words(&all);
    Head { page, store_pages, salts: [salt_1, salt_2], sums: [sum_1, sum_2] }
}

fn words(bytes: &[u8; HEADER_BYTES]) -> [u32; 8] {
    let mut words = [0; 8];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = bytes.try_into().map_or(0, u32::from_be_bytes);
    }
    words
}

/// SQLite's checksum of a log, continued.
fn checksum(sums: [u32; 2], bytes: &[u8], big_endian: bool) -> [u32; 2] {
    // Two loops: one that chooses for each word takes several times as long.
    if big_endian { checksum_of(sums, bytes, u32::from_be_bytes) } else { checksum_of(sums, bytes, u32::from_le_bytes) }
}

fn checksum_of([mut first, mut second]: [u32; 2], bytes: &[u8], word: impl Fn([u8; 4]) -> u32) -> [u32; 2] {
    let (eights, _) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in eights {
        first = first.wrapping_add(word([a, b, c, d])).wrapping_add(second);
        second = second.wrapping_add(word([e, f, g, h])).wrapping_add(first);
    }
    [first, second]
}

/// Fills the buffer; `false` where the file ends before.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match input.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn holds_anything(input: &mut impl Read) -> io::Result<bool> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = input.read(&mut buffer)?;
        if read == 0 {
            return Ok(false);
        }
        if buffer.get(..read).unwrap_or_default().iter().any(|byte| *byte != 0) {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rusqlite::Connection;

    use super::*;

    const FRAME_BYTES: usize = FRAME_HEAD_BYTES + 4096;

    /// A log with commits of so many inserted rows each, and the frames at the end of each commit.
    fn log(directory: &Path, rows: &[usize]) -> (Vec<u8>, Vec<u32>) {
        let path = directory.join("test.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        connection.execute_batch("CREATE TABLE texts (text TEXT)").unwrap();
        let wal = directory.join("test.db-wal");
        let frames = || u32::try_from((std::fs::metadata(&wal).unwrap().len() - 32) / FRAME_BYTES as u64).unwrap();
        let mut ends = vec![frames()];
        for rows in rows {
            connection.execute_batch("BEGIN").unwrap();
            for row in 0..*rows {
                connection.execute("INSERT INTO texts VALUES (?1)", [row.to_string().repeat(3_000)]).unwrap();
            }
            connection.execute_batch("COMMIT").unwrap();
            ends.push(frames());
        }
        (std::fs::read(wal).unwrap(), ends)
    }

    fn read_bytes(bytes: &[u8]) -> Log {
        let mut file = tempfile::tempfile().unwrap();
        io::Write::write_all(&mut file, bytes).unwrap();
        read(&file, None).unwrap()
    }

    #[test]
    fn it_is_read_as_sqlite_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let (bytes, ends) = log(directory.path(), &[3, 1, 9]);
        let read = read_bytes(&bytes);
        assert_eq!((read.committed, read.damage), (*ends.last().unwrap(), None));
        let part = {
            let mut file = tempfile::tempfile().unwrap();
            io::Write::write_all(&mut file, &bytes).unwrap();
            assert_eq!(salts(&file).unwrap(), read.salts);
            super::read(&file, Some(ends[1])).unwrap()
        };
        assert_eq!(part.committed, ends[1]);
        // What SQLite moves into the store are the pages that were read here.
        let connection = Connection::open(directory.path().join("test.db")).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        let store = std::fs::read(directory.path().join("test.db")).unwrap();
        assert_eq!(store.len(), usize::try_from(read.store_pages).unwrap() * 4096);
        for (page, sum) in read.pages {
            let at = (usize::try_from(page).unwrap() - 1) * 4096;
            assert_eq!(crc32fast::hash(&store[at..at + 4096]), sum, "page {page}");
        }
    }

    #[test]
    fn nothing_and_zeros_are_an_empty_log() {
        for bytes in [vec![], vec![1; 31], vec![0; 32], vec![0; 32 + 2 * FRAME_BYTES]] {
            let log = read_bytes(&bytes);
            assert_eq!((log.committed, log.damage), (0, None), "{} bytes", bytes.len());
        }
    }

    #[test]
    fn a_broken_header_before_frames_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let (bytes, _) = log(directory.path(), &[]);
        for bit in 0..32 * 8 {
            let mut broken = bytes.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_bytes(&broken).damage, Some(LogDamage::Header), "bit {bit}");
        }
    }

    #[test]
    fn the_last_commit_may_be_torn_in_any_way() {
        let directory = tempfile::tempdir().unwrap();
        let (bytes, ends) = log(directory.path(), &[2, 5]);
        let [.., before, last] = ends[..] else { panic!("{ends:?}") };
        let begins = |frame: u32| HEADER_BYTES + usize::try_from(frame).unwrap() * FRAME_BYTES;
        // Every set of its frames that did not reach the disk, and every length.
        assert!(last - before >= 4, "{ends:?}");
        for lost in 1..1_u32 << (last - before) {
            let mut torn = bytes.clone();
            for frame in (before..last).filter(|frame| lost >> (frame - before) & 1 == 1) {
                torn[begins(frame)..begins(frame + 1)].fill(0);
            }
            let log = read_bytes(&torn);
            assert_eq!((log.committed, log.damage), (before, None), "{lost:b}");
        }
        for length in (begins(before)..bytes.len()).step_by(97) {
            let log = read_bytes(&bytes[..length]);
            assert_eq!((log.committed, log.damage), (before, None), "{length} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_before_the_last_two_commits_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let (bytes, ends) = log(directory.path(), &[1, 2, 1, 1]);
        let spared = HEADER_BYTES + usize::try_from(ends[ends.len() - 3]).unwrap() * FRAME_BYTES;
        for place in (HEADER_BYTES..spared).step_by(11) {
            let mut broken = bytes.clone();
            broken[place] ^= 1 << (place % 8);
            let number = u32::try_from((place - HEADER_BYTES) / FRAME_BYTES).unwrap() + 1;
            let offset = u64::try_from(HEADER_BYTES + (place - HEADER_BYTES) / FRAME_BYTES * FRAME_BYTES).unwrap();
            assert_eq!(read_bytes(&broken).damage, Some(LogDamage::Frame { number, offset }), "byte {place}");
        }
    }

    #[test]
    fn what_a_rolled_back_commit_and_an_earlier_use_left_behind_is_no_damage() {
        let directory = tempfile::tempdir().unwrap();
        log(directory.path(), &[6]);
        let connection = Connection::open(directory.path().join("test.db")).unwrap();
        connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
        connection.pragma_update(None, "cache_size", 2).unwrap();
        connection.execute("INSERT INTO texts VALUES ('w')", []).unwrap();
        let mut bytes = std::fs::read(directory.path().join("test.db-wal")).unwrap();
        let committed = read_bytes(&bytes).committed;
        // Too big for the cache: its pages are in the log before it is rolled back.
        connection.execute_batch("BEGIN").unwrap();
        for row in 0..40 {
            connection.execute("INSERT INTO texts VALUES (?1)", [row.to_string().repeat(3_000)]).unwrap();
        }
        connection.execute_batch("ROLLBACK").unwrap();
        let spilled = std::fs::read(directory.path().join("test.db-wal")).unwrap();
        assert!(spilled.len() > bytes.len() + 5 * FRAME_BYTES, "nothing was spilled");
        let log = read_bytes(&spilled);
        assert_eq!((log.committed, log.damage), (committed, None));
        // A smaller commit over it, torn or not.
        connection.execute("INSERT INTO texts VALUES ('x')", []).unwrap();
        bytes = std::fs::read(directory.path().join("test.db-wal")).unwrap();
        assert_eq!(bytes.len(), spilled.len());
        let log = read_bytes(&bytes);
        assert!(log.committed > committed && log.damage.is_none(), "{log:?}");
        let begins = HEADER_BYTES + usize::try_from(committed).unwrap() * FRAME_BYTES;
        bytes[begins + 100] ^= 1;
        let log = read_bytes(&bytes);
        assert_eq!((log.committed, log.damage), (committed, None));
        // The log is used again from its start: what is behind has other salts.
        connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(())).unwrap();
        connection.execute("INSERT INTO texts VALUES ('y')", []).unwrap();
        let again = std::fs::read(directory.path().join("test.db-wal")).unwrap();
        assert_eq!(again.len(), spilled.len());
        let log = read_bytes(&again);
        assert!(log.committed > 0 && log.committed < 5 && log.damage.is_none(), "{log:?}");
    }
}
