//! The memory that the process's own control group allows, version 1 or 2.

use std::path::Path;

/// Less would not hold one large body beside the small ones.
pub(super) const LEAST: u64 = 8 << 20;
/// Version 1 writes "unlimited" as a number near the largest; no machine has so much.
const UNLIMITED: u64 = 1 << 60;

/// What requests may hold where nobody sets it, in bytes: half of what the control group allows, at most 1 GiB; 512 MiB
/// where it allows any amount.
pub(super) fn half_of_memory() -> i64 {
    const MOST: u64 = 1 << 30;
    const WITHOUT_LIMIT: u64 = 512 << 20;
    let bytes = memory_limit().map_or(WITHOUT_LIMIT, |limit| (limit / 2).clamp(LEAST, MOST));
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// How many connections callers may have where nobody sets it: one for each 256 KiB that the control group allows. A
/// connection whose caller stalls in the worst place holds about 80 KiB, some of it in the kernel; requests hold half of the
/// memory besides.
pub(super) fn connections() -> i64 {
    connections_within(memory_limit())
}

fn connections_within(limit: Option<u64>) -> i64 {
    const MOST: u64 = 25_000;
    const FEWEST: u64 = 64;
    const EACH: u64 = 256 << 10;
    let connections = limit.map_or(MOST, |limit| (limit / EACH).clamp(FEWEST, MOST));
    i64::try_from(connections).unwrap_or(i64::MAX)
}

/// How large the kernel's buffers of a connection are where nobody sets it: what they hold counts to the control group, too
/// (version 2), and the kernel takes twice as much as it is asked for. 0 leaves it to the kernel.
pub(super) fn socket_buffer() -> i64 {
    // With less to send from, a loopback whose segments have 64 KiB comes to a crawl.
    const LIMITED: i64 = 64 << 10;
    if memory_limit().is_some() { LIMITED } else { 0 }
}

/// The smallest limit of the process's own group and of those around it, in bytes; `None` where there is none.
fn memory_limit() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    limit_of(&groups, Path::new("/sys/fs/cgroup"))
}

/// `groups` is `/proc/self/cgroup`: a line `hierarchy:controllers:path` for each hierarchy.
fn limit_of(groups: &str, root: &Path) -> Option<u64> {
    let files = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        match controllers {
            "" => Some((root.to_owned(), path, "memory.max")),
            _ if controllers.split(',').any(|it| it == "memory") => {
                Some((root.join("memory"), path, "memory.limit_in_bytes"))
            }
            _ => None,
        }
    });
    files.filter_map(|(root, path, file)| smallest(&root, path, file)).min()
}

/// A container sees its own group at the root of the mount, whatever the path says: groups that are not there are passed
/// by.
fn smallest(root: &Path, path: &str, file: &str) -> Option<u64> {
    let own = root.join(path.trim_start_matches('/'));
    let around = own.ancestors().take_while(|group| group.starts_with(root));
    let limits = around.filter_map(|group| std::fs::read_to_string(group.join(file)).ok()?.trim().parse().ok());
    limits.filter(|limit| *limit < UNLIMITED).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    #[test]
    fn a_small_container_has_fewer_connections() {
        let check = |limit: Option<u64>, expected| assert_eq!(connections_within(limit), expected, "{limit:?}");
        check(Some(256 << 20), 1024);
        check(Some(1 << 30), 4096);
        check(Some(64 << 30), 25_000);
        check(Some(1 << 20), 64);
        check(None, 25_000);
    }

    #[test]
    fn version_2() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "pods/gateway/memory.max", "268435456\n");
        write(root.path(), "pods/memory.max", "max\n");
        assert_eq!(limit_of("0::/pods/gateway\n", root.path()), Some(256 << 20));
        assert_eq!(limit_of("0::/pods\n", root.path()), None);
        write(root.path(), "memory.max", "1048576\n");
        // As in a container whose path is the host's.
        assert_eq!(limit_of("0::/somewhere/else\n", root.path()), Some(1 << 20));
    }

    #[test]
    fn version_1() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "memory/docker/x/memory.limit_in_bytes", "9223372036854771712\n");
        write(root.path(), "memory/docker/memory.limit_in_bytes", "134217728\n");
        let groups = "8:pids:/docker/x\n4:cpu,memory:/docker/x\n0::/\n";
        assert_eq!(limit_of(groups, root.path()), Some(128 << 20));
        assert_eq!(limit_of("4:memory:/\n", root.path()), None);
    }
}
