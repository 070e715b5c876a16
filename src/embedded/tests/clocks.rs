//! Clocks that somebody sets: forwards, back, while the process lives and between two.

use std::path::Path;

use super::*;
use crate::embedded::{Acknowledgement, SweepReport};

const HOUR: u64 = 3_600;

fn on_disk(directory: &Path, clock: &Clock, options: EngineOptions) -> Fixture {
    let location = StoreLocation::Disk(directory.join("embedded.db"));
    Fixture { engine: open(location, options, clock), clock: clock.clone() }
}

impl Fixture {
    /// Sets the wall clock so many hours from what it shows.
    fn set_by_hours(&self, hours: i64) {
        let time = self.clock.now().0.checked_add_signed(hours * 3_600_000).unwrap();
        self.clock.set_wall(UnixMillis(time));
    }

    async fn publish_delayed(&self, body: &str, delay: u64) {
        let deliver_at = Some(self.clock.now() + seconds(delay));
        let message = Message { deliver_at, deliver_at_is_delay: true, ..message("orders", body) };
        soon(self.engine.publish(message)).await.unwrap();
    }
}

#[tokio::test]
async fn a_step_of_the_wall_clock_neither_drops_nor_redelivers() {
    for hours in [100, -100] {
        let fixture = start(EngineOptions::default());
        fixture.publish("orders", "1").await;
        let got = fixture.take("orders", "billing").await;
        fixture.publish("orders", "2").await;
        fixture.set_by_hours(hours);
        for _ in 0..3 {
            fixture.clock.advance(seconds(1));
            assert_eq!(fixture.engine.sweep().await.unwrap(), SweepReport::default(), "{hours} h");
        }
        let next = fixture.take("orders", "billing").await;
        assert_eq!(bodies(&next), ["2"], "{hours} h");
        assert_eq!(next[0].visible_again_at, fixture.clock.now() + seconds(300), "by the wall clock");
        fixture.set_by_hours(-hours);
        fixture.clock.advance(seconds(296));
        assert!(fixture.take("orders", "billing").await.is_empty());
        fixture.clock.advance(seconds(1));
        assert_eq!(fixture.bodies("orders", "billing").await, ["1"]);
        let done = fixture.acknowledge("orders", "billing", got[0].handle.as_str()).await;
        assert_eq!(done, Acknowledgement::Stale);
        // Age counts from when it was stored, whatever the wall clock showed since.
        fixture.clock.advance(seconds(72 * HOUR - 300));
        assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 0);
        fixture.clock.advance(seconds(1));
        assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 2);
    }
}

#[tokio::test]
async fn a_delay_lasts_what_it_lasts() {
    for hours in [1, -1] {
        let fixture = start(EngineOptions::default());
        fixture.take("orders", "billing").await;
        fixture.publish_delayed("delayed", 2).await;
        fixture.set_by_hours(hours);
        fixture.clock.advance(Duration::from_millis(1_999));
        fixture.engine.sweep().await.unwrap();
        assert!(fixture.take("orders", "billing").await.is_empty(), "{hours} h");
        let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 1, 10)));
        fixture.settle(&mut waiting).await;
        fixture.clock.advance(Duration::from_millis(1));
        assert_eq!(bodies(&soon(waiting).await.unwrap()), ["delayed"], "{hours} h");
    }
}

#[tokio::test]
async fn a_time_on_the_wall_clock_follows_it() {
    let fixture = start(EngineOptions::default());
    fixture.publish_at("orders", "at two", START + seconds(2 * HOUR)).await;
    fixture.set_by_hours(1);
    assert!(fixture.take("orders", "billing").await.is_empty());
    let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 1, 10)));
    fixture.settle(&mut waiting).await;
    fixture.set_by_hours(1);
    assert_eq!(fixture.engine.sweep().await.unwrap().became_visible, 1);
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["at two"]);

    fixture.publish_at("orders", "at four", START + seconds(4 * HOUR)).await;
    fixture.set_by_hours(-1);
    fixture.clock.advance(seconds(3 * HOUR - 1));
    assert!(fixture.bodies("orders", "shipping").await == ["at two"]);
    fixture.clock.advance(seconds(1));
    assert_eq!(fixture.bodies("orders", "shipping").await, ["at four"]);
}

#[tokio::test]
async fn both_kinds_become_visible_in_the_order_of_their_times() {
    let fixture = start(EngineOptions::default());
    fixture.publish_delayed("3", 30).await;
    fixture.publish_at("orders", "2", START + seconds(20)).await;
    fixture.publish_delayed("1", 10).await;
    fixture.publish_at("orders", "4", START + seconds(40)).await;
    fixture.clock.advance(seconds(60));
    assert_eq!(fixture.bodies("orders", "billing").await, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_poll_lasts_what_it_lasts() {
    for hours in [1, -1] {
        let fixture = start(EngineOptions::default());
        let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 1, 10)));
        fixture.settle(&mut waiting).await;
        fixture.set_by_hours(hours);
        fixture.settle(&mut waiting).await;
        fixture.clock.advance(Duration::from_millis(9_999));
        fixture.settle(&mut waiting).await;
        fixture.clock.advance(Duration::from_millis(1));
        assert!(soon(waiting).await.unwrap().is_empty(), "{hours} h");
    }
}

#[tokio::test]
async fn after_a_start_nothing_is_dropped_for_its_age_for_ten_minutes() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let fixture = on_disk(directory.path(), &clock, EngineOptions::default());
    fixture.publish("orders", "1").await;
    drop(fixture);
    clock.set_wall(START + seconds(100 * HOUR));
    let fixture = on_disk(directory.path(), &clock, EngineOptions::default());
    for _ in 0..600 {
        assert_eq!(fixture.engine.sweep().await.unwrap(), SweepReport::default());
        clock.advance(seconds(1));
    }
    assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 1, "then the wall clock is believed");
}

#[tokio::test]
async fn nor_while_the_newest_message_is_more_than_an_hour_ahead() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let options = || EngineOptions { retention: seconds(HOUR), ..EngineOptions::default() };
    let fixture = on_disk(directory.path(), &clock, options());
    fixture.publish("orders", "old").await;
    clock.advance(seconds(3 * HOUR));
    fixture.publish("orders", "new").await;
    drop(fixture);
    // Half an hour later by the truth, but the clock was set back two: "old" is old by either.
    clock.set_wall(START + seconds(HOUR + HOUR / 2));
    let fixture = on_disk(directory.path(), &clock, options());
    clock.advance(seconds(HOUR / 2 - 1));
    assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 0);
    clock.advance(seconds(1));
    assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 1);
    assert_eq!(fixture.bodies("orders", "billing").await, ["new"]);
}

#[tokio::test]
async fn a_visibility_timeout_from_before_a_start_ends_one_timeout_later_at_most() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(START);
    let fixture = on_disk(directory.path(), &clock, EngineOptions::default());
    fixture.publish("orders", "1").await;
    fixture.take("orders", "billing").await;
    fixture.publish_delayed("2", 60).await;
    drop(fixture);
    clock.set_wall(UnixMillis(START.0 - HOUR * 1_000));
    let fixture = on_disk(directory.path(), &clock, EngineOptions::default());
    clock.advance(seconds(299));
    assert!(fixture.take("orders", "billing").await.is_empty());
    clock.advance(seconds(1));
    assert_eq!(fixture.bodies("orders", "billing").await, ["1"], "and the delay waits for the time that was meant");
    clock.advance(seconds(HOUR - 240));
    assert_eq!(fixture.bodies("orders", "billing").await, ["1", "2"]);
}

#[tokio::test]
async fn what_a_process_stored_whose_clock_was_wrong_at_its_start_is_as_old_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    // A machine without a clock of its own begins years ago, and learns the time a minute later.
    let clock = Clock::manual(UnixMillis(0));
    let fixture = on_disk(directory.path(), &clock, EngineOptions::default());
    clock.advance(seconds(60));
    clock.set_wall(START);
    fixture.publish("orders", "1").await;
    drop(fixture);
    let fixture = on_disk(directory.path(), &clock, EngineOptions::default());
    clock.advance(seconds(HOUR));
    assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 0);
    clock.advance(seconds(71 * HOUR));
    assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 0);
    clock.advance(seconds(1));
    assert_eq!(fixture.engine.sweep().await.unwrap().dropped_by_retention, 1);
}
