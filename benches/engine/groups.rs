//! Receiving and acknowledging by many consumer groups at once: each gets every message.

use std::path::Path;

use mq_gateway::model::ConsumerGroup;

use crate::calls::{self, AT_ONCE};
use crate::options::Options;
use crate::run::Run;
use crate::store::{block_on, fill, open, topic, with_commits};
use crate::table::{self, Beside};

const GROUPS: [usize; 3] = [1, 16, 256];
const BODY_BYTES: usize = 1_024;
/// More than one group can take in the time.
const STORED: usize = 50_000;

pub(crate) fn measure(directory: &Path, options: &Options) {
    let (engine, topic) = (open(&directory.join("groups")), topic("benchmark"));
    block_on(fill(&engine, &topic, STORED, BODY_BYTES));
    for number in GROUPS {
        let mut run = Run::default();
        for round in 0..options.rounds {
            let name = |group| ConsumerGroup::parse(&format!("CID_{number}_{round}_{group}")).expect("a group");
            let groups: Vec<_> = (0..number).map(name).collect();
            let calls = calls::receive_and_acknowledge(&engine, &topic, &groups, options.time());
            run.add(block_on(with_commits(&engine, calls)));
        }
        let name = format!("receive {AT_ONCE} + acknowledge, {number} groups, 1 KiB");
        table::row(&name, &run, &Beside::default());
    }
    block_on(engine.close());
}
