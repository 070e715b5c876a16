//! Files that hold what nobody wrote: never a word less, and never a wrong one.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::embedded::{EngineError, FaultKind};
use crate::model::Key;
use crate::storage::OpenError;

const VISIBILITY: u64 = 300;

fn store(directory: &Path) -> PathBuf {
    directory.join("embedded.db")
}

fn on_disk(directory: &Path) -> StoreLocation {
    StoreLocation::Disk(store(directory))
}

fn try_open(directory: &Path, clock: &Clock) -> Result<Fixture, EngineError> {
    let engine = Engine::open(on_disk(directory), EngineOptions::default(), clock.clone(), Random::system())?;
    Ok(Fixture { engine, clock: clock.clone() })
}

/// The files as a kill leaves them at this moment: copied on the storage thread, which does nothing else meanwhile.
async fn kill(fixture: &Fixture, directory: &Path) -> tempfile::TempDir {
    let directory = directory.to_owned();
    fixture.engine.shared().storage.run(Access::Reads, move |_| Ok(copy(&directory))).await.unwrap()
}

fn copy(from: &Path) -> tempfile::TempDir {
    let to = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // Big, and it holds nothing.
        if !entry.file_name().to_string_lossy().ends_with("-reserve") {
            fs::copy(entry.path(), to.path().join(entry.file_name())).unwrap();
        }
    }
    to
}

fn find(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap()
}

fn flip(path: &Path, place: usize, bit: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[place] ^= 1 << bit;
    fs::write(path, bytes).unwrap();
}

fn kinds(engine: &Engine) -> Vec<FaultKind> {
    engine.health().into_iter().map(|fault| fault.kind).collect()
}

#[tokio::test]
async fn an_altered_body_is_set_aside_and_the_rest_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let fixture = try_open(directory.path(), &clock).unwrap();
    for n in 0..30 {
        fixture.publish("orders", &format!("body-{n:02}-{}", "x".repeat(n * 40))).await;
    }
    let billing = fixture.take_up_to("orders", "billing", 2).await;
    fixture.acknowledge_all(&billing).await;
    fixture.engine.close().await;
    let path = store(directory.path());
    flip(&path, find(&fs::read(&path).unwrap(), "body-17-"), 3);

    let fixture = try_open(directory.path(), &clock).unwrap();
    for (group, first) in [("billing", 2), ("audit", 0)] {
        let expected: Vec<_> = (first..30).filter(|n| *n != 17).map(|n| format!("body-{n:02}-")).collect();
        let got = fixture.bodies("orders", group).await;
        let got: Vec<String> = got.iter().map(|body| body.chars().take(8).collect()).collect();
        assert_eq!(got, expected, "{group}");
    }
    assert_eq!(kinds(&fixture.engine), [FaultKind::Damage]);
    assert_eq!(fixture.engine.stats().await.unwrap().set_aside, 1, "once, however many met it");
    clock.advance(seconds(72 * 3600 + 1));
    fixture.engine.sweep().await.unwrap();
    assert_eq!(fixture.engine.stats().await.unwrap().set_aside, 0, "retention takes it like any other");
}

/// Changes a message's row behind the engine's back.
async fn alter(fixture: &Fixture, body: &'static str) {
    let change = move |connection: &rusqlite::Connection| {
        connection.execute("UPDATE messages SET tag = 'Z' WHERE body = ?1", [body.as_bytes()])
    };
    assert_eq!(fixture.engine.shared().storage.run(Access::Writes, change).await.unwrap(), 1);
}

#[tokio::test]
async fn on_whatever_way_it_would_have_gone() {
    let options = EngineOptions { max_redeliveries: 1, ..EngineOptions::default() };
    let fixture = start(options);
    fixture.publish_tagged(&["a1", "a2", "b3", "b4", "c5", "c6"]).await;
    for body in ["d7", "d8"] {
        fixture.publish_at("orders", body, START + seconds(3 * VISIBILITY)).await;
    }
    // "a" is delivered for the last time, "b" is filtered out, "c" once delivered, "d" delayed.
    for _ in 0..2 {
        assert_eq!(bodies(&fixture.receive(filtered("a", 0)).await), ["a1", "a2"]);
        fixture.clock.advance(seconds(VISIBILITY));
    }
    assert_eq!(bodies(&fixture.receive(filtered("c", 0)).await), ["c5", "c6"]);
    for body in ["a1", "b3", "c5", "d7"] {
        alter(&fixture, body).await;
    }
    fixture.clock.advance(seconds(VISIBILITY));
    assert_eq!(bodies(&fixture.receive(filtered("", 0)).await), ["c6", "b4", "d8"]);
    assert_eq!(fixture.bodies("%DLQ%billing", "support").await, ["a2"]);
    assert_eq!(fixture.bodies("orders", "audit").await, ["a2", "b4", "c6", "d8"]);
    assert_eq!(fixture.engine.stats().await.unwrap().set_aside, 4);
    assert_eq!(kinds(&fixture.engine), [FaultKind::Damage]);
}

#[tokio::test]
async fn the_sweep_sets_aside_as_well() {
    let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
    fixture.publish_tagged(&["a1", "a2"]).await;
    fixture.take("orders", "billing").await;
    alter(&fixture, "a1").await;
    fixture.clock.advance(seconds(VISIBILITY));
    assert_eq!(fixture.engine.sweep().await.unwrap().dead_lettered, 1);
    assert_eq!(fixture.bodies("%DLQ%billing", "support").await, ["a2"]);
    assert_eq!(fixture.engine.stats().await.unwrap().set_aside, 1);
}

#[tokio::test]
async fn one_who_waits_for_a_single_message_gets_the_next_one() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["a1", "a2", "a3", "a4"]).await;
    for body in ["a1", "a2", "a3"] {
        alter(&fixture, body).await;
    }
    assert_eq!(bodies(&fixture.take_up_to("orders", "billing", 1).await), ["a4"]);
}

/// An engine whose store and log both hold messages, as a kill leaves it.
async fn killed(clock: &Clock) -> tempfile::TempDir {
    loop {
        let directory = tempfile::tempdir().unwrap();
        let mut fixture = try_open(directory.path(), clock).unwrap();
        for half in 0..2 {
            for n in 0..20 {
                fixture.publish("orders", &format!("{half}-{n}")).await;
            }
            if half == 0 {
                fixture.engine.close().await;
                fixture = try_open(directory.path(), clock).unwrap();
            }
        }
        let killed = kill(&fixture, directory.path()).await;
        // On a slow machine the log may have been emptied already.
        if fs::metadata(killed.path().join("embedded.db-wal")).unwrap().len() > 0 {
            return killed;
        }
    }
}

fn refused(directory: &Path, clock: &Clock, file: &str) {
    let read = || ["embedded.db", "embedded.db-wal"].map(|name| fs::read(directory.join(name)).unwrap_or_default());
    let before = read();
    let error = try_open(directory, clock).err().expect("the start was not refused");
    assert!(matches!(error, EngineError::Open(OpenError::Damaged { .. })), "{error}");
    let message = error.to_string();
    assert!(message.starts_with(directory.join(file).to_str().unwrap()), "{message}");
    assert!(
        message.contains("Nothing was changed") && message.contains("backup") && message.contains("elsewhere"),
        "{message}"
    );
    assert!(before == read(), "the files were not kept");
}

#[tokio::test]
async fn a_flipped_bit_in_the_middle_of_the_log_refuses_the_start() {
    let clock = Clock::manual(START);
    let directory = killed(&clock).await;
    let log = directory.path().join("embedded.db-wal");
    let place = fs::metadata(&log).unwrap().len() / 2;
    flip(&log, usize::try_from(place).unwrap(), 5);
    refused(directory.path(), &clock, "embedded.db-wal");
    // Also without what was claimed of it, since whole commits follow.
    fs::remove_file(directory.path().join("embedded.db-check")).unwrap();
    refused(directory.path(), &clock, "embedded.db-wal");
    // As the message says: without the log what was in the store before is there.
    fs::rename(&log, directory.path().join("moved-away")).unwrap();
    let fixture = try_open(directory.path(), &clock).unwrap();
    let expected: Vec<_> = (0..20).map(|n| format!("0-{n}")).collect();
    assert_eq!(fixture.bodies("orders", "billing").await, expected);
}

#[tokio::test]
async fn a_log_that_is_missing_or_too_short_refuses_the_start() {
    let clock = Clock::manual(START);
    let directory = killed(&clock).await;
    let log = directory.path().join("embedded.db-wal");
    let whole = fs::read(&log).unwrap();
    for bytes in [whole.len() - 1, whole.len() / 2, 32, 31, 0] {
        fs::write(&log, &whole[..bytes]).unwrap();
        refused(directory.path(), &clock, "embedded.db-wal");
    }
    fs::remove_file(&log).unwrap();
    refused(directory.path(), &clock, "embedded.db-wal");
    // And the other way round: SQLite would begin anew, and delete the log.
    fs::write(&log, &whole).unwrap();
    fs::write(store(directory.path()), b"").unwrap();
    refused(directory.path(), &clock, "embedded.db");
}

#[tokio::test]
async fn a_commit_that_a_power_cut_tore_is_no_damage() {
    let clock = Clock::manual(START);
    let log = Path::new("embedded.db-wal");
    let (acknowledged, kept, whole) = loop {
        let directory = tempfile::tempdir().unwrap();
        let fixture = try_open(directory.path(), &clock).unwrap();
        for n in 0..10 {
            fixture.publish("orders", &n.to_string()).await;
        }
        let acknowledged = kill(&fixture, directory.path()).await;
        let kept = fs::read(acknowledged.path().join(log)).unwrap();
        // A commit of several frames, of which only some reached the disk, in any order.
        fixture.publish("orders", &"x".repeat(30_000)).await;
        let whole = fs::read(kill(&fixture, directory.path()).await.path().join(log)).unwrap();
        // On a slow machine the log may have been emptied in between.
        if !kept.is_empty() && whole.starts_with(&kept) {
            break (acknowledged, kept.len(), whole);
        }
    };
    let frames: Vec<_> = (kept..whole.len()).step_by(4120).collect();
    assert!(frames.len() > 5);
    for lost in 0..frames.len() {
        let mut torn = whole.clone();
        torn[frames[lost] + 24..frames[lost] + 4120].fill(0);
        fs::write(acknowledged.path().join(log), &torn).unwrap();
        let survivor = copy(acknowledged.path());
        let fixture = try_open(survivor.path(), &clock).unwrap();
        let expected: Vec<_> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!(fixture.bodies("orders", "billing").await, expected, "frame {lost}");
        assert_eq!(kinds(&fixture.engine), []);
    }
    for bytes in (kept..whole.len()).step_by(500) {
        fs::write(acknowledged.path().join(log), &whole[..bytes]).unwrap();
        let survivor = copy(acknowledged.path());
        let fixture = try_open(survivor.path(), &clock).unwrap();
        assert_eq!(fixture.bodies("orders", "billing").await.len(), 10);
    }
}

#[tokio::test]
async fn damage_to_what_no_message_vouches_for_refuses_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let fixture = try_open(directory.path(), &clock).unwrap();
    fixture.publish("orders", "1").await;
    fixture.take("orders", "billing").await;
    fixture.engine.close().await;
    let path = store(directory.path());
    flip(&path, find(&fs::read(&path).unwrap(), "billing"), 0);
    refused(directory.path(), &clock, "embedded.db");
}

/// What a store must give: by id, what is delivered of each message.
type Expected = BTreeMap<String, Content>;
type Content = (Vec<u8>, Option<String>, Vec<String>, Vec<(String, String)>, Option<String>, u64);

fn content_of(delivery: &Delivery) -> Content {
    let group = delivery.message_group.as_ref().map(|group| group.as_str().to_owned());
    let properties = delivery.properties.clone();
    let (tag, keys) = (delivery.tag.clone(), delivery.keys.clone());
    (delivery.body.to_vec(), tag, keys, properties, group, delivery.published_at.0)
}

/// A directory with a store, what it must give to a new group, and what to "billing".
struct Base {
    name: &'static str,
    directory: tempfile::TempDir,
    all: Expected,
    unacknowledged: Expected,
}

/// Publishes, delivers, acknowledges and filters some; what each group must get from here on.
async fn fill(fixture: &Fixture, all: &mut Expected, acknowledged: &mut Vec<String>, round: usize) {
    for n in 0..40 {
        let message = Message {
            tag: Tag::parse(["a", "b"][n % 2]).ok(),
            keys: vec![Key::parse(&format!("key-{n}")).unwrap()],
            properties: vec![("name".to_owned(), n.to_string())],
            message_group: (n % 3 == 0).then(|| MessageGroup::parse("g").unwrap()),
            deliver_at: (n % 10 == 9).then(|| START + seconds(60)),
            // Some have pages of their own, and some share one.
            ..message("orders", &format!("{round}-{n}-{}", "y".repeat(n * n * 5)))
        };
        let id = soon(fixture.engine.publish(message.clone())).await.unwrap().as_str().to_owned();
        let keys = message.keys.iter().map(|key| key.as_str().to_owned()).collect();
        let (tag, group) = (message.tag.map(|tag| tag.as_str().to_owned()), message.message_group);
        let group = group.map(|group| group.as_str().to_owned());
        all.insert(id, (message.body.to_vec(), tag, keys, message.properties, group, START.0));
    }
    let got = fixture.receive(ConsumeRequest { max_messages: 12, ..filtered("b", 0) }).await;
    for delivery in got.iter().step_by(2) {
        fixture.acknowledge("orders", "billing", delivery.handle.as_str()).await;
        acknowledged.push(delivery.message_id.as_str().to_owned());
    }
}

async fn bases(clock: &Clock) -> Vec<Base> {
    let mut bases = Vec::new();
    for name in ["clean stop", "killed", "log only"] {
        let directory = tempfile::tempdir().unwrap();
        let (mut all, mut acknowledged) = (Expected::new(), Vec::new());
        let mut fixture = try_open(directory.path(), clock).unwrap();
        fill(&fixture, &mut all, &mut acknowledged, 0).await;
        if name != "log only" {
            fixture.engine.close().await;
            fixture = try_open(directory.path(), clock).unwrap();
            fill(&fixture, &mut all, &mut acknowledged, 1).await;
        }
        let directory = if name == "clean stop" {
            fixture.engine.close().await;
            copy(directory.path())
        } else {
            kill(&fixture, directory.path()).await
        };
        let unacknowledged = all.iter().filter(|(id, _)| !acknowledged.contains(id));
        let unacknowledged = unacknowledged.map(|(id, content)| (id.clone(), content.clone())).collect();
        bases.push(Base { name, directory, all, unacknowledged });
    }
    bases
}

/// A seeded source of numbers.
struct Dice(Random);

impl Dice {
    fn below(&self, number: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes).unwrap();
        usize::try_from(u64::from_le_bytes(bytes) % u64::try_from(number).unwrap()).unwrap()
    }
}

/// A kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    Flip,
    Cut,
    ZeroPage,
}

/// Which files of the store are harmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Database,
    Log,
    /// Both, in the same way.
    Both,
    /// Any one, also the file of checksums.
    Any,
}

/// Damages files; what was done.
fn damage(directory: &Path, harm: Harm, which: Which, dice: &Dice) -> String {
    let wanted: &[&str] = match which {
        Which::Database => &["embedded.db"],
        Which::Log => &["embedded.db-wal"],
        Which::Both => &["embedded.db", "embedded.db-wal"],
        Which::Any => &["embedded.db", "embedded.db-wal", "embedded.db-check"],
    };
    let has_content = |name: &&&str| fs::metadata(directory.join(name)).is_ok_and(|it| it.len() > 0);
    let mut files: Vec<_> = wanted.iter().filter(has_content).collect();
    assert!(!files.is_empty(), "{which:?}: there is nothing to damage");
    if which == Which::Any {
        files = vec![files[dice.below(files.len())]];
    }
    let harmed = files.into_iter().map(|name| harm_file(&directory.join(name), name, harm, dice));
    harmed.collect::<Vec<_>>().join(", ")
}

fn harm_file(path: &Path, name: &str, harm: Harm, dice: &Dice) -> String {
    let mut bytes = fs::read(path).unwrap();
    let place = dice.below(bytes.len());
    let done = match harm {
        Harm::Flip => {
            let bit = dice.below(8);
            bytes[place] ^= 1 << bit;
            format!("{name}: bit {bit} of byte {place} flipped")
        }
        Harm::Cut => {
            bytes.truncate(place);
            format!("{name}: cut to {place} bytes")
        }
        Harm::ZeroPage => {
            let page = place / 4096 * 4096;
            let end = bytes.len().min(page + 4096);
            bytes[page..end].fill(0);
            format!("{name}: zeros from {page} to {end}")
        }
    };
    fs::write(path, bytes).unwrap();
    done
}

/// Everything that a group gets, each message once: those of `expected` that did not come, and whether something came
/// that is not among them.
async fn drain(fixture: &Fixture, group: &str, expected: &Expected) -> Result<(usize, usize), EngineError> {
    let mut missing = expected.clone();
    let mut strange = 0;
    // All that comes back, comes again and is delayed.
    fixture.clock.advance(seconds(VISIBILITY));
    loop {
        let got = soon(fixture.engine.receive(request("orders", group, 256, 0))).await?;
        if got.is_empty() {
            return Ok((missing.len(), strange));
        }
        for delivery in got {
            match missing.remove(delivery.message_id.as_str()) {
                Some(expected) => {
                    assert_eq!(content_of(&delivery), expected, "an altered message was delivered as good");
                }
                None => strange += 1,
            }
            soon(fixture.engine.acknowledge(&delivery_topic(), &super::group(group), delivery.handle.as_str())).await?;
        }
    }
}

fn delivery_topic() -> Topic {
    topic("orders")
}

#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    set_aside: usize,
    other_word: usize,
    harmless: usize,
    silent: Vec<String>,
}

impl Tally {
    async fn round(&mut self, base: &Base, harm: Harm, which: Which, dice: &Dice) {
        let directory = copy(base.directory.path());
        let done = damage(directory.path(), harm, which, dice);
        let Ok(fixture) = try_open(directory.path(), &Clock::manual(START)) else {
            self.refused += 1;
            return;
        };
        // Before the clock moves: a fault is reported for some minutes.
        let told_at_start = !fixture.engine.health().is_empty();
        let mut errors = 0;
        let mut wrong = (0, 0);
        for (group, expected) in [("billing", &base.unacknowledged), ("audit", &base.all)] {
            match drain(&fixture, group, expected).await {
                Ok((missing, strange)) => wrong = (wrong.0 + missing, wrong.1 + strange),
                Err(_) => errors += 1,
            }
        }
        let word = told_at_start || errors > 0 || !fixture.engine.health().is_empty();
        let set_aside = fixture.engine.stats().await.map_or(0, |stats| stats.set_aside);
        match (word, wrong) {
            (true, _) if set_aside > 0 => self.set_aside += 1,
            (true, _) => self.other_word += 1,
            (false, (0, 0)) => self.harmless += 1,
            (false, wrong) => self.silent.push(format!("{}: {done}: {wrong:?} missing, strange", base.name)),
        }
    }
}

/// `MQ_GATEWAY_DAMAGE_ROUNDS` (of each kind of damage, in each state of the store) and `MQ_GATEWAY_DAMAGE_SEED` make it longer,
/// and another.
#[tokio::test]
#[expect(clippy::disallowed_methods, clippy::print_stderr, reason = "a test that says what it ran, as long as asked")]
async fn random_damage_is_never_silent() {
    let number = |name, default| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (rounds, seed) = (number("MQ_GATEWAY_DAMAGE_ROUNDS", 2), number("MQ_GATEWAY_DAMAGE_SEED", 1));
    let dice = Dice(Random::seeded(seed));
    let mut silent = Vec::new();
    for base in bases(&Clock::manual(START)).await {
        let states: &[Which] = match base.name {
            "clean stop" => &[Which::Database, Which::Any],
            "killed" => &[Which::Log, Which::Both, Which::Any],
            _ => &[Which::Log, Which::Any],
        };
        for which in states {
            let mut noticed = 0;
            for harm in [Harm::Flip, Harm::Cut, Harm::ZeroPage] {
                let mut tally = Tally::default();
                for _ in 0..rounds {
                    tally.round(&base, harm, *which, &dice).await;
                }
                eprintln!("{}, {which:?}, {harm:?}, {rounds} rounds, seed {seed}: {tally:?}", base.name);
                noticed += tally.refused + tally.set_aside + tally.other_word;
                silent.append(&mut tally.silent);
            }
            assert!(noticed > 0, "{}, {which:?}: nothing was damaged", base.name);
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}
