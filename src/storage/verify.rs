//! Looking at a store's pages before it is used: each against its checksum, and what a page that fails may belong to.

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::check_file::{CheckFile, Sum};
use super::files::PAGE_BYTES;
use super::wal::Log;

/// Bytes of a page, as a size.
const PAGE: usize = PAGE_BYTES as usize;
/// The look at the pages, and SQLite's own check, end after this time each, wherever they are.
const MOST_TIME: Duration = Duration::from_secs(10);
/// Pages read at once.
const CHUNK_PAGES: usize = 256;
/// How often SQLite's own check looks at the clock, in its own steps.
const PROGRESS_STEPS: std::ffi::c_int = 1_000;

/// What a look at the pages found.
#[derive(Debug, Default)]
pub(super) struct Verified {
    /// Pages that are not what was written.
    pub(super) bad: BTreeSet<u32>,
    /// Entries of the check file that were damaged themselves.
    pub(super) damaged_entries: u32,
    /// Pages looked at, and pages that there are.
    pub(super) seen: u32,
    pub(super) pages: u32,
}

/// Compares the store's pages with their checksums, and notes those of pages that nothing was known of. Pages that the
/// log holds are left out: they are read from there, and moving them may have been cut short.
pub(super) fn verify(store: &File, check: &CheckFile, log: &Log) -> io::Result<Verified> {
    let until = Instant::now() + MOST_TIME;
    let stored = u32::try_from(store.metadata()?.len().div_ceil(PAGE as u64)).unwrap_or(u32::MAX);
    let mut verified = Verified { pages: stored.max(check.pages()?), ..Verified::default() };
    let mut bytes = vec![0; CHUNK_PAGES * PAGE];
    while verified.seen < verified.pages && Instant::now() < until {
        let first = verified.seen + 1;
        let read = read_at(store, &mut bytes, u64::from(first - 1) * PAGE as u64)?;
        let sums = check.sums(first, CHUNK_PAGES)?;
        for (page, (sum, content)) in (first..).zip(sums.into_iter().zip(bytes.chunks_exact(PAGE))) {
            let end = usize::try_from(page - first + 1).unwrap_or(CHUNK_PAGES) * PAGE;
            verified.seen += u32::from(page <= verified.pages);
            if log.pages.contains_key(&page) {
                continue;
            }
            let there = (end <= read).then(|| crc32fast::hash(content));
            match (sum, there) {
                (Sum::Known(sum), there) if there != Some(sum) => {
                    verified.bad.insert(page);
                }
                (Sum::Known(_), _) | (Sum::Unknown, None) => {}
                (Sum::Unknown, Some(there)) => check.set_sum(page, there)?,
                (Sum::Damaged, there) => {
                    verified.damaged_entries += 1;
                    if let Some(there) = there {
                        check.set_sum(page, there)?;
                    }
                }
            }
        }
    }
    Ok(verified)
}

/// Fills the buffer as far as the file goes; what is behind its end is zeros.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        let got = file.read_at(rest, offset + read as u64)?;
        if got == 0 {
            rest.fill(0);
            break;
        }
        read += got;
    }
    Ok(read)
}

/// What SQLite's own check finds wrong with the form of the whole store: nothing when it is in order, or was so as far
/// as the time went. What it says of single rows of `self_checked` tables is left out: their own checksums find them.
pub(super) fn misshapen(connection: &mut Connection, self_checked: &[&str]) -> rusqlite::Result<Option<String>> {
    let until = Instant::now() + MOST_TIME;
    connection.progress_handler(PROGRESS_STEPS, Some(move || Instant::now() >= until))?;
    let said = quick_check(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    let of_a_row = |line: &str, table: &str| {
        line.ends_with(&format!(" in {table}")) || line.contains(&format!(" value in {table}."))
    };
    match said {
        Ok(said) => Ok(said.into_iter().find(|line| !self_checked.iter().any(|table| of_a_row(line, table)))),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            let seconds = MOST_TIME.as_secs();
            tracing::warn!(seconds, "the store is large: the check of its form did not come to its end");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn quick_check(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA quick_check")?;
    let said: Vec<String> = check.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(said.into_iter().filter(|line| line != "ok").collect())
}

/// The tables and indexes, other than `self_checked`, that these pages belong to. Pages that belong to none are free or
/// hold SQLite's bookkeeping, which its own check knows.
pub(super) fn owners(
    connection: &Connection,
    pages: &BTreeSet<u32>,
    self_checked: &[&str],
) -> rusqlite::Result<BTreeSet<String>> {
    let mut owners = BTreeSet::new();
    let mut all = connection.prepare("SELECT name, pageno FROM dbstat")?;
    let mut rows = all.query([])?;
    let self_checked: HashSet<&str> = self_checked.iter().copied().collect();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_str()?;
        if pages.contains(&row.get(1)?) && !self_checked.contains(name) {
            owners.insert(name.to_owned());
        }
    }
    Ok(owners)
}
