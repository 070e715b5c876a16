//! Files that a command makes: for their owner only, all of them or none, and never in place of others.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::failure::Failure;

/// A file to be, and what is to be in it.
pub(super) type NewFile<'a> = (PathBuf, &'a str);

/// Writes the files, and makes the directories that they are in.
///
/// # Errors
/// One of them is there already, or cannot be written: then nothing of it remains.
pub(super) fn write(files: &[NewFile<'_>]) -> Result<(), Failure> {
    // A link that leads nowhere is in the way, too.
    if let Some((path, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok()) {
        let path = path.display();
        return Err(Failure::bad(format!("{path} exists already: nothing was written; name another place")));
    }
    let mut made = Made::default();
    for (path, content) in files {
        if let Err(error) = made.write(path, content) {
            made.undo();
            return Err(Failure::bad(format!("could not write {}: {error}; nothing was left behind", path.display())));
        }
    }
    Ok(())
}

/// What was made so far, in that order.
#[derive(Debug, Default)]
struct Made {
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Made {
    fn write(&mut self, path: &Path, content: &str) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        self.files.push(path.to_owned());
        file.write_all(content.as_bytes())?;
        file.sync_all()
    }

    fn directory(&mut self, path: &Path) -> io::Result<()> {
        let is_missing = |path: &&Path| !path.as_os_str().is_empty() && !path.exists();
        let missing: Vec<&Path> = path.ancestors().take_while(is_missing).collect();
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        for directory in missing.into_iter().rev() {
            match builder.create(directory) {
                Ok(()) => self.directories.push(directory.to_owned()),
                // `a/..` is there as soon as `a` is.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes what was made. What cannot be removed stays: only the first error is reported.
    fn undo(self) {
        for file in self.files.iter().rev() {
            drop(fs::remove_file(file));
        }
        for directory in self.directories.iter().rev() {
            drop(fs::remove_dir(directory));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(path: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn all_are_written_for_their_owner_only() {
        let parent = tempfile::tempdir().unwrap();
        let out = parent.path().join("a/b");
        write(&[(out.join("x"), "1"), (out.join("secrets/y"), "2")]).unwrap();
        assert_eq!(fs::read_to_string(out.join("x")).unwrap(), "1");
        assert_eq!(fs::read_to_string(out.join("secrets/y")).unwrap(), "2");
        #[cfg(unix)]
        for (path, mode) in [("a", 0o700), ("a/b/x", 0o600), ("a/b/secrets", 0o700), ("a/b/secrets/y", 0o600)] {
            use std::os::unix::fs::PermissionsExt;
            let metadata = fs::metadata(parent.path().join(path)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
        }
    }

    #[test]
    fn what_is_there_stays_and_nothing_is_added() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("y"), "old").unwrap();
        let failure = write(&[(parent.path().join("x"), "1"), (parent.path().join("y"), "2")]).unwrap_err();
        assert!(failure.code == 1 && failure.message.contains("y exists already"), "{failure:?}");
        assert_eq!(fs::read_to_string(parent.path().join("y")).unwrap(), "old");
        assert_eq!(below(parent.path()), ["y"]);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("nowhere", parent.path().join("z")).unwrap();
            assert!(write(&[(parent.path().join("z"), "1")]).is_err());
            assert_eq!(below(parent.path()), ["y", "z"]);
        }
    }

    #[test]
    fn a_later_failure_takes_the_earlier_files_away() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        let files = [(parent.path().join("new/x"), "1"), (parent.path().join("file/y"), "secret")];
        let failure = write(&files).unwrap_err();
        assert!(failure.message.contains("file/y") && !failure.message.contains("secret"), "{failure:?}");
        assert_eq!(below(parent.path()), ["file"]);
    }
}
