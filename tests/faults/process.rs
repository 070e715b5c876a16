//! What the kernel says of a process.

use super::support::TestApp;

/// Open files and sockets.
pub fn open_files(app: &TestApp) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", app.process_id())).expect("the process runs").count()
}

/// Resident memory in bytes.
pub fn resident_bytes(app: &TestApp) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.process_id())).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS is there");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
