//! The memory of a process, as the kernel counts it.

use super::support::TestApp;

/// Resident memory in bytes.
pub fn resident_bytes(app: &TestApp) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", app.process_id())).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS is there");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}
