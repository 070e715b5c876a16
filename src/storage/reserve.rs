//! The reserve: a file beside the store that holds disk space and nothing else.
//!
//! SQLite needs room even to delete. So a store on a full disk could not be drained, unless it keeps some space for
//! that: the reserve is given up when the disk is full, and made again when there is room for it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, StatVfs, fallocate, statvfs};
use rustix::io::Errno;

/// How large the reserve is; on a small volume it is half of the volume.
const RESERVE_BYTES: u64 = 64 << 20;
/// Part of the reserve that there has to be room for besides before it is made again: else a store would go from full
/// to not full and back with each message.
const MARGIN_DIVISOR: u64 = 4;
/// Bytes written at once where the file system cannot allocate without writing.
const CHUNK: usize = 1 << 20;

/// The reserve of one store.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    held: bool,
}

impl Reserve {
    /// The reserve at `path`, which may be there from an earlier run.
    pub(super) fn at(path: PathBuf) -> Self {
        Self { path, held: false }
    }

    /// Whether the space is held.
    pub(super) fn held(&self) -> bool {
        self.held
    }

    /// Room that has to be there besides the reserve before it is made again, on this volume.
    pub(super) fn margin(&self) -> io::Result<u64> {
        Ok(reserve_bytes(&self.volume()?) / MARGIN_DIVISOR)
    }

    /// Gives the space up; whether there was any.
    pub(super) fn release(&mut self) -> io::Result<bool> {
        self.held = false;
        match std::fs::remove_file(&self.path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes the reserve where the disk has room for it; whether it is there now. To make it `again`, after it was given
    /// up, there has to be some more.
    pub(super) fn make(&mut self, again: bool) -> io::Result<bool> {
        if self.held {
            return Ok(true);
        }
        let volume = self.volume()?;
        let bytes = reserve_bytes(&volume);
        let free = volume.f_bavail.saturating_mul(volume.f_frsize);
        let there = std::fs::symlink_metadata(&self.path).map_or(0, |it| it.blocks().saturating_mul(512));
        let margin = if again { bytes / MARGIN_DIVISOR } else { 0 };
        if there < bytes && free.saturating_add(there) < bytes.saturating_add(margin) {
            return Ok(false);
        }
        if there < bytes {
            match allocate(&self.path, bytes) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => {
                    self.release()?;
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.held = true;
        Ok(true)
    }

    fn volume(&self) -> io::Result<StatVfs> {
        Ok(statvfs(self.path.parent().unwrap_or(Path::new(".")))?)
    }
}

fn reserve_bytes(volume: &StatVfs) -> u64 {
    RESERVE_BYTES.min(volume.f_blocks.saturating_mul(volume.f_frsize) / 2)
}

/// Makes a file of this many bytes that are really on the disk.
fn allocate(path: &Path, bytes: u64) -> io::Result<()> {
    let flags = i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).custom_flags(flags).open(path)?;
    match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => {}
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => fill(&mut file, bytes)?,
        Err(error) => return Err(error.into()),
    }
    file.sync_all()
}

/// Writes the file full, with bytes that no file system leaves out or makes small.
fn fill(file: &mut File, bytes: u64) -> io::Result<()> {
    let mut chunk = vec![0_u8; CHUNK];
    let mut noise: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut left = bytes;
    while left > 0 {
        for word in chunk.chunks_exact_mut(8) {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            word.copy_from_slice(&noise.to_le_bytes());
        }
        let size = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        file.write_all(chunk.get(..size).unwrap_or_default())?;
        left -= size as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_space_is_really_taken_and_really_given_up() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db-reserve");
        let mut reserve = Reserve::at(path.clone());
        assert!(reserve.make(false).unwrap() && reserve.held);
        let metadata = std::fs::metadata(&path).unwrap();
        assert!(metadata.blocks() * 512 >= RESERVE_BYTES, "not sparse: {metadata:?}");
        assert_eq!(metadata.mode() & 0o777, 0o600);
        assert_eq!(reserve.margin().unwrap(), RESERVE_BYTES / MARGIN_DIVISOR);
        assert!(reserve.release().unwrap() && !reserve.held && !path.exists());
        assert!(!reserve.release().unwrap(), "nothing is left to give up");
        assert!(reserve.make(true).unwrap() && path.exists());
    }

    #[test]
    fn one_from_an_earlier_run_is_taken_over_and_a_torn_one_made_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db-reserve");
        std::fs::write(&path, b"torn").unwrap();
        assert!(Reserve::at(path.clone()).make(false).unwrap());
        let first = std::fs::metadata(&path).unwrap();
        assert!(first.blocks() * 512 >= RESERVE_BYTES);
        assert!(Reserve::at(path.clone()).make(false).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), first.modified().unwrap(), "left as it was");
    }

    #[test]
    fn a_file_system_that_cannot_allocate_gets_bytes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("filled");
        let bytes = 3 * CHUNK as u64 + 5;
        fill(&mut File::create(&path).unwrap(), bytes).unwrap();
        let written = std::fs::read(&path).unwrap();
        assert_eq!(written.len() as u64, bytes);
        assert!(written.chunks(4096).all(|page| page.iter().any(|byte| *byte != 0)));
    }
}
