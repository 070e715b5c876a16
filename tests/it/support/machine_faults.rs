//! A machine that misbehaves: a library loaded before libc, controlled by files.

use std::path::Path;
use std::process::Command;

use super::{Launch, TestApp};

const FAILING_DISK: &str = "failing-disk";
const CLOCK_OFFSET: &str = "clock-offset";

impl Launch {
    /// On a machine that can be made to misbehave.
    pub fn on_faulty_machine(self) -> Self {
        let library = self.path("machine_faults.so").display().to_string();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/machine_faults.c");
        let built = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o", &library, source, "-ldl"]).status();
        assert!(built.expect("a C compiler, which the project itself needs").success());
        let directory = self.directory().path().display().to_string();
        self.environment("LD_PRELOAD", &library).environment("MQ_TEST_FAULTS", &directory)
    }
}

impl TestApp {
    /// Whether no data reaches the disk from here on.
    pub fn fail_disk(&self, fails: bool) {
        set_disk(self.directory().path(), fails);
    }

    /// Sets the machine's clock so many seconds from the true time.
    pub fn set_clock(&self, seconds: i64) {
        // In one step: the process may read it at any time.
        let new = self.directory().path().join("clock-offset.new");
        std::fs::write(&new, seconds.to_string()).expect("a file");
        std::fs::rename(new, self.directory().path().join(CLOCK_OFFSET)).expect("a new name");
    }
}

/// Whether no data reaches the disk of the machine with this directory.
pub fn set_disk(directory: &Path, fails: bool) {
    let flag = directory.join(FAILING_DISK);
    if fails {
        std::fs::write(flag, b"").expect("a file");
    } else {
        std::fs::remove_file(flag).expect("a file to remove");
    }
}
