//! The invariants, checked over the callers' log and the MQ's ledger.

use std::collections::BTreeMap;

use super::driver::{Finished, Log, Outcome};
use super::oracle::{Ledger, Oracle};

/// What has to happen in a run for its result to mean something.
#[derive(Clone, Copy, Debug)]
pub struct Minimum {
    pub published: usize,
    pub faults: usize,
    /// Messages that were sent again after an unknown outcome.
    pub replays: usize,
}

/// Fails with everything that is wrong, and a summary.
#[track_caller]
pub fn assert_invariants(seed: u64, log: &Log, oracle: &Oracle, minimum: Minimum) {
    oracle.assert_clean();
    let ledger = oracle.ledger();
    let mut problems = ledger.problems.clone();
    for finished in &log.finished {
        problems.extend(wrong_outcome(finished, &ledger));
    }
    problems.extend(never_attempted(log, &ledger));
    problems.extend(duplicates(log, &ledger));
    problems.extend(order(log, &ledger));
    problems.extend(too_little(log, &ledger, minimum));
    let summary = summary(log, &ledger);
    eprintln!("{summary}");
    let shown: Vec<&str> = problems.iter().take(20).map(String::as_str).collect();
    assert!(
        problems.is_empty(),
        "{} problems with MQ_GATEWAY_FAULT_SEED={seed}\n{}\n{summary}",
        problems.len(),
        shown.join("\n")
    );
}

/// What the caller learned of an attempt agrees with what the MQ knows of it.
fn wrong_outcome(finished: &Finished, ledger: &Ledger) -> Option<String> {
    let seen = ledger.seen.get(&finished.attempt);
    let applied = seen.map_or(0, |seen| seen.applied);
    let problem = match &finished.outcome {
        Outcome::Published(_) if applied == 0 => "acknowledged and not applied",
        Outcome::Published(id) if seen.is_some_and(|seen| seen.message_id != *id) => "acknowledged with a foreign id",
        Outcome::Published(_) if seen.is_some_and(|seen| seen.group != Some(format!("g{}", finished.caller))) => {
            "applied without its message group"
        }
        Outcome::NotPublished(_) if applied > 0 => "not_published and applied",
        Outcome::NoAnswer(_) => "no answer",
        Outcome::OutsideContract(_) => "an answer outside the contract",
        Outcome::Published(_) | Outcome::NotPublished(_) | Outcome::Unknown(_) => return None,
    };
    Some(format!("{problem}: {finished:?}, the MQ: {seen:?}"))
}

/// Everything that was applied was attempted, and every attempt ended.
fn never_attempted(log: &Log, ledger: &Ledger) -> Vec<String> {
    let unknown = ledger.seen.keys().filter(|attempt| !log.attempted.contains(attempt));
    let mut problems: Vec<String> = unknown.map(|attempt| format!("{attempt:?} was never attempted")).collect();
    if log.attempted.len() != log.finished.len() {
        problems.push(format!("{} attempts, {} ends", log.attempted.len(), log.finished.len()));
    }
    problems
}

/// The gateway repeats nothing that was applied; a caller's second copy needs an unknown outcome before it.
fn duplicates(log: &Log, ledger: &Ledger) -> Vec<String> {
    let twice = ledger.seen.iter().filter(|(_, seen)| seen.applied > 1);
    let mut problems: Vec<String> =
        twice.map(|(attempt, seen)| format!("{attempt:?} was applied twice in one attempt: {seen:?}")).collect();
    let mut copies: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for finished in &log.finished {
        let (applied, allowed) = copies.entry(finished.attempt.message).or_default();
        *applied += ledger.seen.get(&finished.attempt).map_or(0, |seen| seen.applied);
        *allowed += u64::from(!matches!(finished.outcome, Outcome::NotPublished(_)));
    }
    let beyond = copies.iter().filter(|(_, (applied, allowed))| applied > allowed);
    problems.extend(beyond.map(|(message, counts)| format!("message {message} has {counts:?} (copies, bound)")));
    problems
}

/// Within a message group, what was acknowledged was applied in the order of sending.
fn order(log: &Log, ledger: &Ledger) -> Vec<String> {
    let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
    let published = log.finished.iter().filter(|finished| matches!(finished.outcome, Outcome::Published(_)));
    let mut problems = Vec::new();
    for finished in published {
        let position = ledger.seen.get(&finished.attempt).map_or(0, |seen| seen.position);
        let newest = newest.entry(finished.caller).or_default();
        if position <= *newest {
            problems.push(format!("{finished:?} was applied as number {position}, after number {newest}"));
        }
        *newest = position;
    }
    problems
}

/// A run in which too little happened proves nothing.
fn too_little(log: &Log, ledger: &Ledger, minimum: Minimum) -> Vec<String> {
    let replays = log
        .finished
        .iter()
        .filter(|finished| finished.attempt.attempt > 1 && matches!(finished.outcome, Outcome::Published(_)));
    [
        ("acknowledged", log.published(), minimum.published),
        ("faults", ledger.faults.values().sum(), minimum.faults),
        ("replays", replays.count(), minimum.replays),
    ]
    .into_iter()
    .filter(|(_, seen, wanted)| seen < wanted)
    .map(|(what, seen, wanted)| format!("too little happened: {seen} {what}, {wanted} are needed"))
    .collect()
}

fn summary(log: &Log, ledger: &Ledger) -> String {
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    for finished in &log.finished {
        let name = match &finished.outcome {
            Outcome::Published(_) => "published".to_owned(),
            Outcome::NotPublished(code) => format!("not_published {code}"),
            Outcome::Unknown(code) => format!("unknown {code}"),
            Outcome::NoAnswer(_) => "no answer".to_owned(),
            Outcome::OutsideContract(_) => "outside the contract".to_owned(),
        };
        *outcomes.entry(name).or_default() += 1;
    }
    format!("outcomes: {outcomes:?}; applied: {}; faults: {:?}", ledger.applied, ledger.faults)
}
