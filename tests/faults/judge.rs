//! The invariants, over the callers' log and the MQ's ledger.

use std::collections::BTreeMap;

use super::driver::{Finished, Log, Told};
use super::oracle::{Ledger, Oracle};

/// What makes a run count.
#[derive(Clone, Copy, Debug)]
pub struct Enough {
    pub published: usize,
    pub faults: usize,
    /// Messages that were sent again after an unknown outcome.
    pub replays: usize,
}

/// Fails with everything that is wrong, and a summary.
#[track_caller]
pub fn judge(seed: u64, log: &Log, oracle: &Oracle, enough: Enough) {
    oracle.assert_clean();
    let ledger = oracle.ledger();
    let mut problems = ledger.problems.clone();
    for finished in &log.finished {
        problems.extend(about_one(finished, &ledger));
    }
    problems.extend(invented(log, &ledger));
    problems.extend(duplicates(log, &ledger));
    problems.extend(order(log, &ledger));
    problems.extend(void(log, &ledger, enough));
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

/// I1, I6: what was told of an attempt is what the MQ knows of it.
fn about_one(finished: &Finished, ledger: &Ledger) -> Option<String> {
    let seen = ledger.seen.get(&finished.attempt);
    let applied = seen.map_or(0, |seen| seen.applied);
    let problem = match &finished.told {
        Told::Published(_) if applied == 0 => "I1: acknowledged and not applied",
        Told::Published(id) if seen.is_some_and(|seen| seen.message_id != *id) => "I1: acknowledged with a foreign id",
        Told::Published(_) if seen.is_some_and(|seen| seen.group != Some(format!("g{}", finished.caller))) => {
            "I1: applied without its message group"
        }
        Told::NotPublished(_) if applied > 0 => "I6: not_published and applied",
        Told::Nothing(_) => "no answer",
        Told::Nonsense(_) => "an answer outside the contract",
        Told::Published(_) | Told::NotPublished(_) | Told::Unknown(_) => return None,
    };
    Some(format!("{problem}: {finished:?}, the MQ: {seen:?}"))
}

/// I3: nothing was applied that nobody attempted, and every attempt ended.
fn invented(log: &Log, ledger: &Ledger) -> Vec<String> {
    let strangers = ledger.seen.keys().filter(|attempt| !log.attempted.contains(attempt));
    let mut problems: Vec<String> = strangers.map(|attempt| format!("I3: {attempt:?} was never attempted")).collect();
    if log.attempted.len() != log.finished.len() {
        problems.push(format!("{} attempts, {} ends", log.attempted.len(), log.finished.len()));
    }
    problems
}

/// I4: the gateway repeats nothing that was applied; a caller's second copy needs an unknown outcome before it.
fn duplicates(log: &Log, ledger: &Ledger) -> Vec<String> {
    let twice = ledger.seen.iter().filter(|(_, seen)| seen.applied > 1);
    let mut problems: Vec<String> =
        twice.map(|(attempt, seen)| format!("I4: {attempt:?} was applied twice in one attempt: {seen:?}")).collect();
    let mut copies: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for finished in &log.finished {
        let (applied, allowed) = copies.entry(finished.attempt.message).or_default();
        *applied += ledger.seen.get(&finished.attempt).map_or(0, |seen| seen.applied);
        *allowed += u64::from(!matches!(finished.told, Told::NotPublished(_)));
    }
    let beyond = copies.iter().filter(|(_, (applied, allowed))| applied > allowed);
    problems.extend(beyond.map(|(message, counts)| format!("I4: message {message} has {counts:?} (copies, bound)")));
    problems
}

/// I5: within a message group, what was acknowledged was applied in the order of sending.
fn order(log: &Log, ledger: &Ledger) -> Vec<String> {
    let mut newest: BTreeMap<u64, u64> = BTreeMap::new();
    let published = log.finished.iter().filter(|finished| matches!(finished.told, Told::Published(_)));
    let mut problems = Vec::new();
    for finished in published {
        let position = ledger.seen.get(&finished.attempt).map_or(0, |seen| seen.position);
        let newest = newest.entry(finished.caller).or_default();
        if position <= *newest {
            problems.push(format!("I5: {finished:?} was applied as number {position}, after number {newest}"));
        }
        *newest = position;
    }
    problems
}

/// I10: a run in which too little happened proves nothing.
fn void(log: &Log, ledger: &Ledger, enough: Enough) -> Vec<String> {
    let replays = log
        .finished
        .iter()
        .filter(|finished| finished.attempt.attempt > 1 && matches!(finished.told, Told::Published(_)));
    [
        ("acknowledged", log.published(), enough.published),
        ("faults", ledger.faults.values().sum(), enough.faults),
        ("replays", replays.count(), enough.replays),
    ]
    .into_iter()
    .filter(|(_, seen, wanted)| seen < wanted)
    .map(|(what, seen, wanted)| format!("I10: the run is void: {seen} {what}, {wanted} are needed"))
    .collect()
}

fn summary(log: &Log, ledger: &Ledger) -> String {
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for finished in &log.finished {
        let name = match &finished.told {
            Told::Published(_) => "published".to_owned(),
            Told::NotPublished(code) => format!("not_published {code}"),
            Told::Unknown(code) => format!("unknown {code}"),
            Told::Nothing(_) => "nothing".to_owned(),
            Told::Nonsense(_) => "nonsense".to_owned(),
        };
        *told.entry(name).or_default() += 1;
    }
    format!("told: {told:?}; applied: {}; faults: {:?}", ledger.applied, ledger.faults)
}
