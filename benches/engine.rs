//! The embedded engine's publish, beside the disk's own limit.

fn main() {}
