//! Durable publishes beside the disk's own limit and plain SQLite's.

use std::path::Path;

use crate::calls::{self, Until};
use crate::floor;
use crate::options::Options;
use crate::run::Run;
use crate::store::{block_on, open, topic, with_commits};
use crate::table::{self, Beside};

const BODY_BYTES: usize = 1_024;

pub(crate) fn measure(directory: &Path, options: &Options) {
    let directory = directory.join("publish");
    let (engine, topic, time) = (open(&directory), topic("benchmark"), options.time());
    for callers in options.callers.iter().copied() {
        let publish = |time| {
            let run = calls::publish(&engine, &topic, BODY_BYTES, callers, Until::Time(time));
            block_on(with_commits(&engine, run))
        };
        // What the first callers find is a cold store.
        publish(time / 4);
        let (mut engine, mut raw, mut sqlite) = (Run::default(), Run::default(), Run::default());
        for _ in 0..options.rounds {
            engine.add(publish(time));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
            let batch = engine.batch().round().max(1.0) as usize;
            raw.add(floor::raw(&directory, BODY_BYTES, batch, time));
            sqlite.add(floor::sqlite(&directory, BODY_BYTES, batch, time));
        }
        let (name, batch) = (format!("publish, {callers} callers, 1 KiB"), engine.batch());
        table::row(&name, &engine, &Beside { raw: Some(&raw), sqlite: Some(&sqlite), smallest: None });
        let name = format!("  plain SQLite, batches of {batch:.0}");
        table::row(&name, &sqlite, &Beside { raw: Some(&raw), ..Beside::default() });
        table::row(&format!("  append and fdatasync, batches of {batch:.0}"), &raw, &Beside::default());
    }
    block_on(engine.close());
}
