//! A directory of secrets as the kubelet keeps it: files are links into `..data`, which is a link that is swapped.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::support::ons::Credentials;

#[derive(Debug)]
pub struct MountedSecret {
    directory: PathBuf,
    versions: usize,
}

impl MountedSecret {
    pub fn mount(directory: &Path, credentials: &Credentials) -> Self {
        std::fs::create_dir_all(directory).expect("a directory");
        let mut mounted = Self { directory: directory.to_owned(), versions: 0 };
        mounted.swap(credentials);
        for name in ["access_key", "secret_key"] {
            symlink(Path::new("..data").join(name), directory.join(name)).expect("a link");
        }
        mounted
    }

    /// A new version in whole, then one rename, then the old version goes.
    pub fn swap(&mut self, credentials: &Credentials) {
        let old = format!("..version_{}", self.versions);
        self.versions += 1;
        let new = format!("..version_{}", self.versions);
        std::fs::create_dir(self.directory.join(&new)).expect("a directory");
        for (name, value) in [("access_key", &credentials.access_key), ("secret_key", &credentials.secret_key)] {
            std::fs::write(self.directory.join(&new).join(name), value).expect("a file");
        }
        let temporary = self.directory.join("..data_tmp");
        symlink(&new, &temporary).expect("a link");
        std::fs::rename(&temporary, self.directory.join("..data")).expect("a rename");
        let _ = std::fs::remove_dir_all(self.directory.join(old));
    }
}

#[test]
fn a_swap_is_seen_through_the_links() {
    let directory = tempfile::tempdir().unwrap();
    let mut secret = MountedSecret::mount(directory.path(), &Credentials::of("one"));
    let read = || std::fs::read_to_string(directory.path().join("access_key")).unwrap();
    assert_eq!(read(), "ak-one");
    secret.swap(&Credentials::of("two"));
    assert_eq!(read(), "ak-two");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 4, "old versions are gone");
}
