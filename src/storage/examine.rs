//! What is looked at before a store is used: that its log holds what was committed, and its pages what was written.
//!
//! What no crash explains refuses the start, and the files stay as they are: to go on would be to lose something without
//! a word. Only damage that a table's own checksums find row by row is left to its owner.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use rusqlite::Connection;

use super::check_file::{CheckFile, Claim};
use super::files::{CHECK, WAL, beside};
use super::health::{FaultKind, Health};
use super::wal::{self, Log, LogDamage};
use super::{OpenError, Schema, verify};

/// Pages that a message names; of others it says how many.
const NAMED_PAGES: usize = 8;

/// What was found beside a store.
pub(super) struct Found {
    pub(super) log: Log,
    /// `None` when it is missing or cannot be understood.
    pub(super) check: Option<CheckFile>,
}

/// A missing or empty store whose log is not: SQLite would begin anew, and delete the log.
pub(super) fn before_it_is_made(path: &Path) -> Result<(), OpenError> {
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    if bytes(path) == 0 && bytes(&beside(path, WAL)) > 0 {
        return Err(damaged_store(path, "it is missing or empty, and its write-ahead log is not".to_owned()));
    }
    Ok(())
}

/// Reads the log, and holds it against what was claimed of it.
pub(super) fn log(path: &Path) -> Result<Found, OpenError> {
    let (log_path, check_path) = (beside(path, WAL), beside(path, CHECK));
    let log = match File::open(&log_path) {
        Ok(file) => wal::read(&file, None).map_err(|source| OpenError::beside(&log_path, source))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Log::default(),
        Err(source) => return Err(OpenError::beside(&log_path, source)),
    };
    let failed = |source| OpenError::beside(&check_path, source);
    let check = CheckFile::open(&check_path).map_err(failed)?;
    let claim = match check.as_ref().map(CheckFile::claim).transpose().map_err(failed)? {
        Some(Err(())) => {
            tracing::warn!(file = %check_path.display(), "damaged: how far the log was committed is not known");
            None
        }
        Some(Ok(claim)) => claim,
        None => None,
    };
    let Some(what) = damage(&log, claim) else { return Ok(Found { log, check }) };
    let remedy = format!(
        "Restore the directory from a backup; or, to go on without what is in the log only, the changes of the last \
         seconds before the stop, move {} and {} elsewhere.",
        log_path.display(),
        check_path.display()
    );
    Err(OpenError::Damaged { path: log_path, what, remedy })
}

fn damage(log: &Log, claim: Option<Claim>) -> Option<String> {
    match (log.damage, claim) {
        (Some(LogDamage::Header), _) => Some("its first 32 bytes are broken, and frames follow".to_owned()),
        (Some(LogDamage::Frame { number, offset }), _) => {
            Some(format!("frame {number}, at byte {offset}, is broken, and whole commits follow"))
        }
        (None, Some(claim)) if claim.salts != log.salts => {
            Some(format!("{} frames were committed to it, and it is missing or is a different log", claim.frames))
        }
        (None, Some(claim)) if claim.frames > log.committed => {
            Some(format!("{} frames were committed to it, and only {} are whole", claim.frames, log.committed))
        }
        (None, Some(_) | None) => None,
    }
}

/// Looks at the pages; whether some of self-checked tables are damaged.
pub(super) fn pages(
    path: &Path,
    store: &File,
    found: (&CheckFile, &Log),
    connection: &mut Connection,
    schema: Schema,
    health: &Health,
) -> Result<bool, OpenError> {
    let (check, log) = found;
    let verified = verify::verify(store, check, log).map_err(|source| OpenError::beside(path, source))?;
    if verified.seen < verified.pages {
        let (seen, pages) = (verified.seen, verified.pages);
        tracing::warn!(seen, pages, "the store is large: not all of its pages were compared with their checksums");
    }
    if verified.damaged_entries > 0 {
        let (file, entries) = (beside(path, CHECK), verified.damaged_entries);
        tracing::warn!(file = %file.display(), entries, "damaged: pages were taken as they are");
    }
    if verified.bad.is_empty() {
        return Ok(false);
    }
    let what = format!("{} not what was written", listed(&verified.bad));
    let refuse = |why: String| damaged_store(path, format!("{what}; {why}"));
    let form = verify::misshapen(connection, schema.self_checked).map_err(|error| refuse(error.to_string()))?;
    if let Some(form) = form {
        return Err(refuse(form));
    }
    let owners = verify::owners(connection, &verified.bad, schema.self_checked);
    let owners = owners.map_err(|error| refuse(error.to_string()))?;
    if !owners.is_empty() {
        return Err(refuse(format!("they hold {}", owners.into_iter().collect::<Vec<_>>().join(", "))));
    }
    health.failed(FaultKind::Damage, 1, || format!("{}: {what}", path.display()));
    Ok(true)
}

/// Without checksums of its pages: at least the form of a store that is not new is looked at; whether rows that carry
/// checksums of their own are to be looked at.
pub(super) fn form(path: &Path, connection: &mut Connection, format: i64, schema: Schema) -> Result<bool, OpenError> {
    if format == 0 {
        return Ok(false);
    }
    let file = beside(path, CHECK);
    tracing::warn!(file = %file.display(), "missing or damaged: the store's form is checked, and its content believed");
    match verify::misshapen(connection, schema.self_checked) {
        Ok(None) => Ok(format == schema.newest()),
        Ok(Some(form)) => Err(damaged_store(path, form)),
        Err(error) => Err(damaged_store(path, error.to_string())),
    }
}

/// Notes the checksums of all pages as they are.
pub(super) fn adopt(store: &File, check: CheckFile, log: &Log) -> io::Result<CheckFile> {
    verify::verify(store, &check, log)?;
    Ok(check)
}

pub(super) fn damaged_store(path: &Path, what: String) -> OpenError {
    let remedy = format!(
        "Restore the directory from a backup; or, to go on with what SQLite can read of it, also after another program \
         has changed it, move {} elsewhere.",
        beside(path, CHECK).display()
    );
    OpenError::Damaged { path: path.to_owned(), what, remedy }
}

fn listed(pages: &BTreeSet<u32>) -> String {
    let named: Vec<String> = pages.iter().take(NAMED_PAGES).map(u32::to_string).collect();
    let more = pages.len().saturating_sub(NAMED_PAGES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (word, verb) = if pages.len() == 1 { ("page", "is") } else { ("pages", "are") };
    format!("{word} {}{more} {verb}", named.join(", "))
}
