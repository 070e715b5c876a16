//! What a store is checked by: a file beside it with the checksum of each page, and how far the log was committed.
//!
//! SQLite finds out that a page cannot be read as what it should be, not that it holds something else than was written.
//! So each page's checksum is noted when it is moved from the log into the store. The *claim* says how many frames of
//! the log, identified by its salts, were committed and synced: it is written after each commit and before the commit's
//! callers are answered. Frames that are missing then were lost, and not torn.
//!
//! The claim is not synced: after a power cut it may be older than the log, never newer. It is withdrawn, and that is
//! synced, before the log may be emptied or used again. A page's checksum may be ahead of the page only while the log
//! holds the page.
//!
//! Bytes 0–27: magic, version, page size, CRC-32 of these. Bytes 512–527: salts, frames, CRC-32 of these. From byte 4,096
//! eight for each page: its CRC-32 and the same with every bit turned, or zeros where nothing is known. Big-endian.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::files::PAGE_BYTES;
use super::wal::Salts;

const MAGIC: &[u8; 16] = b"mq-gateway check";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 28;
const CLAIM_AT: u64 = 512;
const CLAIM_BYTES: usize = 16;
const SUMS_AT: u64 = 4_096;
const SUM_BYTES: usize = 8;

/// The file of one store.
#[derive(Debug)]
pub(super) struct CheckFile {
    file: File,
}

/// This many frames of the log with these salts were committed and synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) salts: Salts,
    pub(super) frames: u32,
}

/// What is known of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    /// Nothing.
    Unknown,
    /// Its CRC-32.
    Known(u32),
    /// The entry itself is damaged.
    Damaged,
}

impl CheckFile {
    /// The file, or `None` when it is missing or cannot be understood.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match options().open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut header = [0; HEADER_BYTES];
        match file.read_exact_at(&mut header, 0) {
            Ok(()) => Ok((header == self::header()).then_some(Self { file })),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A new file that knows nothing, in place of what is there.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = options().create(true).truncate(true).mode(0o600).open(path)?;
        file.set_len(SUMS_AT)?;
        file.write_all_at(&header(), 0)?;
        file.sync_all()?;
        Ok(Self { file })
    }

    /// The claim; `Err` says that it is damaged.
    pub(super) fn claim(&self) -> io::Result<Result<Option<Claim>, ()>> {
        let mut bytes = [0; CLAIM_BYTES];
        self.file.read_exact_at(&mut bytes, CLAIM_AT)?;
        if bytes == [0; CLAIM_BYTES] {
            return Ok(Ok(None));
        }
        let [first, second, frames, _] = words(bytes);
        let claim = Claim { salts: [first, second], frames };
        Ok(if bytes == encode(claim) && frames > 0 { Ok(Some(claim)) } else { Err(()) })
    }

    /// Claims; not synced.
    pub(super) fn set_claim(&self, claim: Claim) -> io::Result<()> {
        self.file.write_all_at(&encode(claim), CLAIM_AT)
    }

    /// Withdraws the claim; not synced.
    pub(super) fn withdraw_claim(&self) -> io::Result<()> {
        self.file.write_all_at(&[0; CLAIM_BYTES], CLAIM_AT)
    }

    /// How many pages it has entries for.
    pub(super) fn pages(&self) -> io::Result<u32> {
        let bytes = self.file.metadata()?.len().saturating_sub(SUMS_AT);
        Ok(u32::try_from(bytes / SUM_BYTES as u64).unwrap_or(u32::MAX))
    }

    /// The entries of `count` pages from `first` on, counted from 1; what is behind the end is unknown.
    pub(super) fn sums(&self, first: u32, count: usize) -> io::Result<Vec<Sum>> {
        let mut bytes = vec![0; count.saturating_mul(SUM_BYTES)];
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            let got = self.file.read_at(rest, offset(first) + read as u64)?;
            if got == 0 {
                break;
            }
            read += got;
        }
        Ok(bytes.chunks_exact(SUM_BYTES).map(decode).collect())
    }

    /// Notes the checksum of a page; not synced.
    pub(super) fn set_sum(&self, page: u32, sum: u32) -> io::Result<()> {
        self.set_sums(&[(page, sum)])
    }

    /// Notes the checksums of pages, neighbours together where they follow each other; not synced.
    pub(super) fn set_sums(&self, sums: &[(u32, u32)]) -> io::Result<()> {
        for neighbours in sums.chunk_by(|(page, _), (next, _)| page.checked_add(1) == Some(*next)) {
            let Some((first, _)) = neighbours.first() else { continue };
            let mut bytes = Vec::with_capacity(neighbours.len() * SUM_BYTES);
            for (_, sum) in neighbours {
                bytes.extend(sum.to_be_bytes());
                bytes.extend((!sum).to_be_bytes());
            }
            self.file.write_all_at(&bytes, offset(*first))?;
        }
        Ok(())
    }

    /// Forgets the pages behind the store's end; not synced.
    pub(super) fn forget_behind(&self, pages: u32) -> io::Result<()> {
        if self.pages()? > pages { self.file.set_len(offset(pages.saturating_add(1))) } else { Ok(()) }
    }

    /// Waits until all of it is on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0));
    options
}

fn offset(page: u32) -> u64 {
    SUMS_AT + u64::from(page.saturating_sub(1)) * SUM_BYTES as u64
}

fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let (text, sum) = header.split_at_mut(HEADER_BYTES - 4);
    let parts = MAGIC.iter().copied().chain(VERSION.to_be_bytes()).chain(u32::from(PAGE_BYTES).to_be_bytes());
    for (to, from) in text.iter_mut().zip(parts) {
        *to = from;
    }
    sum.copy_from_slice(&crc32fast::hash(text).to_be_bytes());
    header
}

fn encode(claim: Claim) -> [u8; CLAIM_BYTES] {
    let mut bytes = [0; CLAIM_BYTES];
    let (text, sum) = bytes.split_at_mut(CLAIM_BYTES - 4);
    let [first, second] = claim.salts;
    for (to, word) in text.chunks_exact_mut(4).zip([first, second, claim.frames]) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    sum.copy_from_slice(&crc32fast::hash(text).to_be_bytes());
    bytes
}

fn words(bytes: [u8; CLAIM_BYTES]) -> [u32; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(4)) {
        *word = bytes.try_into().map_or(0, u32::from_be_bytes);
    }
    words
}

fn decode(entry: &[u8]) -> Sum {
    let (plain, turned) = entry.split_at(SUM_BYTES / 2);
    let number = |bytes: &[u8]| bytes.try_into().map_or(0, u32::from_be_bytes);
    match (number(plain), number(turned)) {
        (0, 0) => Sum::Unknown,
        (plain, turned) if plain == !turned => Sum::Known(plain),
        _ => Sum::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create() -> (tempfile::TempDir, std::path::PathBuf, CheckFile) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db-check");
        let check = CheckFile::create(&path).unwrap();
        (directory, path, check)
    }

    #[test]
    fn what_is_noted_is_found_again() {
        let (_directory, path, check) = create();
        let claim = Claim { salts: [7, u32::MAX], frames: 12 };
        assert_eq!(check.claim().unwrap(), Ok(None));
        check.set_claim(claim).unwrap();
        check.set_sum(1, 0).unwrap();
        check.set_sum(3, 0xDEAD_BEEF).unwrap();
        let check = CheckFile::open(&path).unwrap().unwrap();
        assert_eq!(check.claim().unwrap(), Ok(Some(claim)));
        assert_eq!(check.pages().unwrap(), 3);
        let known = [Sum::Known(0), Sum::Unknown, Sum::Known(0xDEAD_BEEF), Sum::Unknown];
        assert_eq!(check.sums(1, 4).unwrap(), known);
        check.withdraw_claim().unwrap();
        assert_eq!(check.claim().unwrap(), Ok(None));
        check.forget_behind(1).unwrap();
        check.set_sum(4, 5).unwrap();
        assert_eq!(check.sums(1, 4).unwrap(), [Sum::Known(0), Sum::Unknown, Sum::Unknown, Sum::Known(5)]);
    }

    #[test]
    fn any_flipped_bit_of_it_is_noticed() {
        let (_directory, path, check) = create();
        check.set_claim(Claim { salts: [1, 2], frames: 3 }).unwrap();
        check.set_sum(1, 0x0102_0304).unwrap();
        let good = std::fs::read(&path).unwrap();
        let places = (0..HEADER_BYTES).chain(512..512 + CLAIM_BYTES).chain(4096..4096 + SUM_BYTES);
        for (place, bit) in places.flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut bytes = good.clone();
            bytes[place] ^= 1 << bit;
            std::fs::write(&path, bytes).unwrap();
            let noticed = match CheckFile::open(&path).unwrap() {
                None => true,
                Some(check) => check.claim().unwrap().is_err() || check.sums(1, 1).unwrap() == [Sum::Damaged],
            };
            assert!(noticed, "bit {bit} of byte {place}");
        }
    }

    #[test]
    fn another_or_no_file_is_none() {
        let (directory, path, _check) = create();
        std::fs::write(&path, b"short").unwrap();
        assert!(CheckFile::open(&path).unwrap().is_none());
        assert!(CheckFile::open(&directory.path().join("missing")).unwrap().is_none());
    }
}
