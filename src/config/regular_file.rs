//! Reads a whole file that is really one, and no larger than it may be: a pipe would never end, nor would `/dev/zero`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// More than any configuration, or bundle of certificates, has.
pub const MAX_FILE_BYTES: u64 = 4 << 20;

/// Reads a file of at most `most` bytes. What was read is zeroed afterwards.
///
/// # Errors
/// The operating system's; one of kind `InvalidInput` for what is no regular file, and of kind `FileTooLarge` for one that is
/// larger.
pub fn read_regular_file(path: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    // Opening a pipe without a writer would wait for one.
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let length = regular(&file)?;
    if length > most {
        return Err(too_large(most));
    }
    // All at once, so that no half-filled buffer is left behind unzeroed; a file that grows meanwhile is cut, and refused.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1)));
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(too_large(most)) } else { Ok(bytes) }
}

/// The length of a regular file.
fn regular(file: &File) -> io::Result<u64> {
    let metadata = file.metadata()?;
    if metadata.is_file() {
        return Ok(metadata.len());
    }
    let what = if metadata.is_dir() { "it is a directory" } else { "it is a pipe or a device" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{what}, not a regular file")))
}

fn too_large(most: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes"))
}
