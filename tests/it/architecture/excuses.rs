//! What breaks the rules still, each with its reason. The lists can only shrink: an excuse that is no longer needed
//! fails the test until it is deleted.

/// Uses that close a cycle between files of a module: the file, the files that it uses, why.
pub type ExcusedUses = (&'static str, &'static [&'static str], &'static str);

pub const CYCLES: &[ExcusedUses] = &[];

/// Files that name a crate outside its modules: the files, the crate as the table has it, why.
pub type ExcusedCrate = (&'static [&'static str], &'static str, &'static str);

pub const CRATES: &[ExcusedCrate] =
    &[(&["tasks/runtime.rs"], "actix*", "starts the HTTP library's runtime, on which every task runs")];
