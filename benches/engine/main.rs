//! What the embedded store costs, beside the disk and beside plain SQLite.
//!
//! `cargo bench --bench engine` prints one table in less than two minutes. Its sections, each alone by `-- --only NAME`:
//! - `publish`: durable publishes by 1, 16 and 64 callers, each beside a raw append and `fdatasync`, and beside plain SQLite
//!   without any check, both in batches of as many as shared a commit in the engine. The three take turns.
//! - `groups`: messages received and acknowledged by 1, 16 and 256 consumer groups at once.
//! - `backlog`: publishing, receiving and acknowledging while ever more messages are stored: the last column is the
//!   processor time beside that with the smallest backlog. `-- --only backlog --backlog 10000000` goes on to ten million,
//!   which takes some GB and some minutes.
//!
//! Times depend on the machine, and on what else it does; ratios and processor times less.

#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a benchmark prints its result, and a failed step ends it"
)]

mod backlog;
mod calls;
mod floor;
mod groups;
mod options;
mod publish;
mod run;
mod store;
mod table;

use clap::Parser;

use options::{Options, Section};

fn main() {
    let options = Options::parse();
    // Beside the build products, which are on a real disk where /tmp may be none.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    table::head();
    if options.wants(Section::Publish) {
        publish::measure(directory.path(), &options);
    }
    if options.wants(Section::Groups) {
        groups::measure(directory.path(), &options);
    }
    if options.wants(Section::Backlog) {
        backlog::measure(directory.path(), &options);
    }
}
