//! Where a store lives.

use std::path::{Path, PathBuf};

/// A file or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// This file, made when missing; its directory must exist.
    Disk(PathBuf),
    /// Nowhere: gone with the process.
    Memory,
}

impl StoreLocation {
    /// What error messages call it.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Disk(path) => path,
            Self::Memory => Path::new(":memory:"),
        }
    }
}
