//! Receives that keep each message group in order.

use super::*;

#[tokio::test]
async fn nothing_more_of_a_message_group_comes_until_all_of_it_is_acknowledged() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["g1", "g2", "h1", "g3"]).await;
    let first = fixture.receive(in_order(3, 0)).await;
    assert_eq!(bodies(&first), ["g1", "g2", "h1"], "several of one, and others between");
    fixture.publish_grouped(&["i1", "h2"]).await;
    let others = fixture.receive(in_order(32, 0)).await;
    assert_eq!(bodies(&others), ["i1"], "other message groups flow");
    fixture.acknowledge_all(&first[..1]).await;
    assert!(fixture.receive(in_order(32, 0)).await.is_empty(), "\"g2\" is still out");
    fixture.acknowledge_all(&first[1..2]).await;
    let next = fixture.receive(in_order(32, 0)).await;
    assert_eq!((bodies(&next), next[0].delivery_attempt), (vec!["g3".to_owned()], 1));
    fixture.acknowledge_all(&first[2..]).await;
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["h2"]);
    let shipping = ConsumeRequest { group: group("shipping"), ..in_order(32, 0) };
    assert_eq!(bodies(&fixture.receive(shipping).await), ["g1", "g2", "h1", "g3", "i1", "h2"], "each group by itself");
}

#[tokio::test]
async fn the_same_ones_come_back_before_anything_newer() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(60), ..EngineOptions::default() });
    fixture.publish_grouped(&["g1", "g2", "g3", "g4"]).await;
    let first = fixture.receive(in_order(3, 0)).await;
    fixture.acknowledge_all(&first[1..2]).await;
    fixture.clock.advance(Duration::from_millis(59_999));
    assert!(fixture.receive(in_order(32, 0)).await.is_empty());
    fixture.clock.advance(Duration::from_millis(1));
    let again = fixture.receive(in_order(32, 0)).await;
    assert_eq!(bodies(&again), ["g1", "g3"]);
    assert!(again.iter().all(|got| got.delivery_attempt == 2 && got.first_delivered_at == Some(START)));
    assert!(fixture.receive(in_order(32, 0)).await.is_empty());
    fixture.acknowledge_all(&again).await;
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["g4"]);
}

#[tokio::test]
async fn a_batch_that_ends_within_a_message_group_keeps_the_order_when_it_comes_back() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(60), ..EngineOptions::default() });
    fixture.publish_grouped(&["g1", "g2", "g3", "h1"]).await;
    assert_eq!(bodies(&fixture.receive(in_order(2, 0)).await), ["g1", "g2"]);
    fixture.clock.advance(seconds(60));
    let again = fixture.receive(in_order(1, 0)).await;
    assert_eq!(bodies(&again), ["g1"]);
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["h1"], "\"g2\" is due, but \"g1\" is out");
    fixture.acknowledge_all(&again).await;
    let again = fixture.receive(in_order(1, 0)).await;
    assert_eq!((bodies(&again), again[0].delivery_attempt), (vec!["g2".to_owned()], 2));
    fixture.acknowledge_all(&again).await;
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["g3"]);
}

#[tokio::test]
async fn what_is_given_back_waits_for_earlier_ones() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["g1", "g2", "g3"]).await;
    let got = fixture.receive(in_order(2, 0)).await;
    fixture.engine.give_back(vec![got[1].handle.clone()]);
    assert!(fixture.receive(in_order(32, 0)).await.is_empty(), "\"g1\" is out");
    fixture.engine.give_back(vec![got[0].handle.clone()]);
    let again = fixture.receive(in_order(32, 0)).await;
    assert_eq!(bodies(&again), ["g1", "g2"]);
    assert!(again.iter().all(|got| got.delivery_attempt == 1));
    fixture.engine.give_back(vec![again[1].handle.clone()]);
    fixture.acknowledge_all(&again[..1]).await;
    let again = fixture.receive(in_order(32, 0)).await;
    assert_eq!(bodies(&again), ["g2"]);
    fixture.acknowledge_all(&again).await;
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["g3"]);
}

#[tokio::test]
async fn messages_without_a_message_group_are_one_among_themselves() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["1", "g1", "2"]).await;
    let first = fixture.receive(in_order(1, 0)).await;
    assert_eq!(bodies(&first), ["1"]);
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["g1"]);
    fixture.acknowledge_all(&first).await;
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["2"]);
}

#[tokio::test]
async fn an_acknowledgement_wakes_who_waits_for_the_rest() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["g1", "h1", "g2", "h2"]).await;
    let first = fixture.receive(in_order(2, 0)).await;
    let mut one = Box::pin(fixture.engine.receive(in_order(1, 30)));
    let mut other = Box::pin(fixture.engine.receive(in_order(1, 30)));
    fixture.settle(&mut one).await;
    fixture.settle(&mut other).await;
    let handles: Vec<_> = first.iter().map(|delivery| delivery.handle.as_str().to_owned()).collect();
    fixture.engine.acknowledge_many(&topic("orders"), &group("billing"), &handles).await.unwrap();
    let (one, other) = tokio::join!(soon(one), soon(other));
    let mut received = [bodies(&one.unwrap()), bodies(&other.unwrap())].concat();
    received.sort();
    assert_eq!(received, ["g2", "h2"], "both, though one call freed both");
}

#[tokio::test]
async fn a_dead_letter_frees_its_message_group() {
    for swept in [true, false] {
        let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
        fixture.publish_grouped(&["g1", "g2"]).await;
        assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["g1"]);
        let mut waiting = Box::pin(fixture.engine.receive(in_order(32, 1_000)));
        fixture.settle(&mut waiting).await;
        fixture.clock.advance(seconds(300));
        if swept {
            assert_eq!(fixture.engine.sweep().await.unwrap().dead_lettered, 1);
        }
        let got = soon(waiting).await.unwrap();
        assert_eq!((bodies(&got), got[0].delivery_attempt), (vec!["g2".to_owned()], 1));
        assert_eq!(fixture.bodies("%DLQ%billing", "support").await, ["g1"]);
    }
}

#[tokio::test]
async fn a_dead_letter_that_an_unordered_look_buries_frees_its_message_group() {
    let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
    fixture.publish_grouped(&["g1", "g2"]).await;
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["g1"]);
    assert!(fixture.receive(in_order(1, 0)).await.is_empty());
    fixture.clock.advance(seconds(300));
    // It buries "g1" and takes "g2", which locks again.
    assert_eq!(fixture.bodies("orders", "billing").await, ["g2"]);
    assert!(fixture.receive(in_order(1, 0)).await.is_empty());
}

#[tokio::test]
async fn who_waits_in_order_learns_of_a_dead_letter_that_another_look_moved() {
    let fixture = start(EngineOptions { max_redeliveries: 0, ..EngineOptions::default() });
    for (tag, body) in [("a", "g1"), ("b", "g2")] {
        let (tag, message_group) = (Tag::parse(tag).ok(), MessageGroup::parse("g").ok());
        fixture.engine.publish(Message { tag, message_group, ..message("orders", body) }).await.unwrap();
    }
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["g1"]);
    let mut waiting = Box::pin(fixture.engine.receive(in_order(1, 1_000)));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(300));
    // It moves "g1", and the time at which the group looks again, before the waiting one has noticed the time.
    assert!(fixture.receive(filtered("a", 0)).await.is_empty());
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["g2"]);
}

#[tokio::test]
async fn unordered_receives_neither_wait_nor_are_they_ignored() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["g1", "g2", "g3"]).await;
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["g1"]);
    let mut unordered = Box::pin(fixture.engine.receive(request("orders", "billing", 1, 30)));
    let second = soon(&mut unordered).await.unwrap();
    assert_eq!(bodies(&second), ["g2"]);
    assert!(fixture.receive(in_order(1, 0)).await.is_empty(), "\"g3\" is filtered out now");
    let mut unordered = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    assert_eq!(bodies(&soon(&mut unordered).await.unwrap()), ["g3"]);
    let mut unordered = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut unordered).await;
    fixture.publish_grouped(&["g4"]).await;
    assert_eq!(bodies(&soon(unordered).await.unwrap()), ["g4"]);
}

#[tokio::test]
async fn a_long_backlog_of_one_message_group_hides_no_other() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["g0"]).await;
    let first = fixture.receive(in_order(1, 0)).await;
    let publish = |letter: &'static str, number: usize| {
        let publishes = (0..number).map(move |n| {
            let message_group = MessageGroup::parse(letter).ok();
            Message { message_group, ..message("orders", &format!("{letter}{n}")) }
        });
        futures_util::future::join_all(publishes.map(|message| fixture.engine.publish(message)))
    };
    assert!(publish("g", 2_500).await.iter().all(Result::is_ok));
    fixture.publish_grouped(&["h1", "i1", "h2"]).await;
    let others = fixture.receive(in_order(1, 0)).await;
    assert_eq!(bodies(&others), ["h1"], "behind more than one look goes past");
    // From here on "h2" is behind them among what was filtered out.
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["i1"]);
    assert!(fixture.receive(in_order(1, 0)).await.is_empty());
    fixture.acknowledge_all(&others).await;
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["h2"]);
    fixture.acknowledge_all(&first).await;
    let mut received = Vec::new();
    while received.len() < 2_500 {
        let more = fixture.receive(in_order(256, 0)).await;
        assert!(!more.is_empty(), "only {} came", received.len());
        received.extend(bodies(&more));
        fixture.acknowledge_all(&more).await;
    }
    assert_eq!(received, (0..2_500).map(|n| format!("g{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn unwanted_tags_lock_nothing_and_wanted_ones_keep_their_order() {
    let fixture = start(EngineOptions::default());
    let publish = async |tag: &str, letter: &str, body: &str| {
        let (tag, message_group) = (Tag::parse(tag).ok(), MessageGroup::parse(letter).ok());
        fixture.engine.publish(Message { tag, message_group, ..message("orders", body) }).await.unwrap();
    };
    for (tag, letter, body) in [("b", "g", "1"), ("a", "g", "2"), ("b", "g", "3"), ("a", "g", "4"), ("a", "h", "5")] {
        publish(tag, letter, body).await;
    }
    let of = |tags: &str, max_messages| ConsumeRequest { ordered: true, max_messages, ..filtered(tags, 0) };
    let first = fixture.receive(of("a", 1)).await;
    assert_eq!(bodies(&first), ["2"], "\"1\" before it is unwanted and locks nothing");
    assert_eq!(bodies(&fixture.receive(of("a", 32)).await), ["5"]);
    assert_eq!(bodies(&fixture.receive(of("b", 1)).await), ["1"], "nor does \"2\" lock for those who want \"b\"");
    assert!(fixture.receive(of("a||b", 32)).await.is_empty(), "for those who want both it does");
    assert!(fixture.receive(in_order(32, 0)).await.is_empty());
    fixture.acknowledge_all(&first).await;
    assert_eq!(bodies(&fixture.receive(of("a", 32)).await), ["4"], "\"1\" is out, and unwanted");
    assert!(fixture.receive(of("b", 32)).await.is_empty());
    fixture.clock.advance(seconds(300));
    assert_eq!(bodies(&fixture.receive(of("b", 32)).await), ["1"]);
    assert_eq!(bodies(&fixture.receive(in_order(32, 0)).await), ["5"], "\"4\" is due, and \"1\" is out before it");
    assert_eq!(bodies(&fixture.receive(of("a", 32)).await), ["4"]);
    assert_eq!(fixture.bodies("orders", "billing").await, ["3"]);
}

#[tokio::test]
async fn who_waits_in_order_is_woken_when_the_first_one_is_due_again() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(60), ..EngineOptions::default() });
    fixture.publish_grouped(&["g1", "g2", "g3"]).await;
    assert_eq!(fixture.receive(in_order(2, 0)).await.len(), 2);
    let mut waiting = Box::pin(fixture.engine.receive(in_order(32, 100)));
    fixture.settle(&mut waiting).await;
    fixture.clock.advance(seconds(60));
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["g1", "g2"]);
}

#[tokio::test]
async fn a_receive_dropped_in_order_leaves_the_same_to_the_next() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["g1", "g2", "g3"]).await;
    let mut receive = Box::pin(fixture.engine.receive(in_order(2, 30)));
    let held = fixture.hold();
    assert!(futures_util::FutureExt::now_or_never(receive.as_mut()).is_none());
    drop(receive);
    drop(held);
    let next = fixture.receive(in_order(2, 30)).await;
    assert_eq!((bodies(&next), next[1].delivery_attempt), (vec!["g1".to_owned(), "g2".to_owned()], 1));
}

/// Of each of so many message groups one message that "billing" holds and `behind` that were filtered out since; the
/// deliveries are in the order of the message groups.
async fn locked(fixture: &Fixture, message_groups: usize, behind: usize) -> Vec<Delivery> {
    let publish = async |numbers: std::ops::Range<usize>| {
        let bodies = numbers.flat_map(|n| (0..message_groups).map(move |g| format!("{g:04}-{n}")));
        let publishes = bodies.map(|body| fixture.engine.publish(of_its_group(&body)));
        assert!(futures_util::future::join_all(publishes).await.iter().all(Result::is_ok));
    };
    publish(0..1).await;
    let mut out = Vec::new();
    while out.len() < message_groups {
        out.extend(fixture.receive(in_order(256, 0)).await);
    }
    publish(1..behind + 1).await;
    assert!(fixture.receive(in_order(256, 0)).await.is_empty());
    out
}

/// The parts of "<message group>-<number>".
fn split(body: &str) -> (&str, &str) {
    body.split_once('-').unwrap()
}

/// A message "<message group>-<number>" of that message group.
fn of_its_group(body: &str) -> Message {
    let message_group = MessageGroup::parse(split(body).0).ok();
    Message { message_group, ..message("orders", body) }
}

#[tokio::test]
async fn one_look_goes_through_so_many_locked_message_groups() {
    let fixture = start(EngineOptions::default());
    locked(&fixture, 1_200, 2).await;
    let jobs = async || fixture.engine.stats().await.unwrap().totals.commits.jobs;
    let before = jobs().await;
    assert!(fixture.receive(in_order(16, 0)).await.is_empty());
    assert_eq!(jobs().await - before, 6, "1,200 in five looks, and the statistics");
    let mut waiting = Box::pin(fixture.engine.receive(in_order(16, 1_000)));
    fixture.settle(&mut waiting).await;
    fixture.settle(&mut waiting).await;
    let before = jobs().await;
    fixture.settle(&mut waiting).await;
    assert_eq!(jobs().await - before, 4, "all seen, it sleeps: statistics only");
}

#[tokio::test]
async fn every_free_message_group_is_served_and_in_order_however_many_are_locked() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(10_000), ..EngineOptions::default() });
    let out = locked(&fixture, 700, 2).await;
    // The last ones become free, behind more than one look goes through.
    let is_free = |body: &str| split(body).0.parse::<usize>().unwrap() >= 600;
    let freed: Vec<_> =
        out.into_iter().filter(|delivery| is_free(&bodies(std::slice::from_ref(delivery))[0])).collect();
    fixture.acknowledge_all(&freed).await;
    // What is new of them must not overtake what was filtered out.
    for g in 0..700 {
        fixture.engine.publish(of_its_group(&format!("{g:04}-3"))).await.unwrap();
    }
    let mut numbers: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    let mut total = 0;
    while total < 3 * 100 {
        // Two consumers; one filters, which makes no difference but goes another way.
        let first = fixture.receive(in_order(16, 0)).await;
        let second = fixture.receive(in_order(1, 0)).await;
        assert!(!first.is_empty(), "{total} came");
        for got in [first, second] {
            total += got.len();
            for body in bodies(&got) {
                assert!(is_free(&body), "{body} is locked");
                let (message_group, number) = split(&body);
                numbers.entry(message_group.to_owned()).or_default().push(number.to_owned());
            }
            fixture.acknowledge_all(&got).await;
        }
    }
    assert!(numbers.values().all(|numbers| *numbers == ["1", "2", "3"]), "{numbers:?}");
    assert!(fixture.receive(in_order(16, 0)).await.is_empty());
}

#[tokio::test]
async fn a_filtered_receive_goes_by_message_groups_in_order_over_its_tags() {
    let fixture = start(EngineOptions::default());
    let publish = async |bodies: Vec<String>| {
        let messages = bodies.iter().enumerate().map(|(n, body)| {
            let tag = Tag::parse(["a", "b", "c"][n % 3]).ok();
            fixture.engine.publish(Message { tag, ..of_its_group(body) })
        });
        assert!(futures_util::future::join_all(messages).await.iter().all(Result::is_ok));
    };
    publish(vec!["hot-0".to_owned()]).await;
    let hot = fixture.receive(in_order(1, 0)).await;
    publish((1..4_000).map(|n| format!("hot-{n}")).collect()).await;
    publish((0..90).map(|n| format!("{:02}-{n:02}", n % 10)).collect()).await;
    let of = |max_messages| ConsumeRequest { ordered: true, max_messages, ..filtered("a||b", 0) };
    // All of them are filtered out by one who wants something else.
    assert!(fixture.receive(filtered("d", 0)).await.is_empty());
    let mut numbers: std::collections::BTreeMap<String, Vec<usize>> = std::collections::BTreeMap::new();
    loop {
        let got = fixture.receive(of(4)).await;
        if got.is_empty() {
            break;
        }
        for body in bodies(&got) {
            let (message_group, number) = split(&body);
            numbers.entry(message_group.to_owned()).or_default().push(number.parse().unwrap());
        }
        fixture.acknowledge_all(&got).await;
    }
    assert_eq!(numbers.values().map(Vec::len).sum::<usize>(), 60, "{numbers:?}");
    assert!(numbers.values().all(|numbers| numbers.is_sorted()), "{numbers:?}");
    fixture.acknowledge_all(&hot).await;
    assert_eq!(bodies(&fixture.receive(of(3)).await), ["hot-1", "hot-2", "hot-4"]);
}

#[tokio::test]
async fn who_hangs_up_in_the_middle_leaves_the_wake_up_to_another() {
    for looks in [1, 2] {
        let fixture = start(EngineOptions::default());
        let out = locked(&fixture, 1_500, 1).await;
        let mut early = Box::pin(fixture.engine.receive(in_order(16, 1_000)));
        let mut late = Box::pin(fixture.engine.receive(in_order(16, 1_000)));
        for _ in 0..6 {
            fixture.settle(&mut early).await;
            fixture.settle(&mut late).await;
        }
        // Not among the first that were filtered out, nor where the next round begins.
        let place = fixture.engine.shared().resumptions.of(1).parse::<usize>().unwrap_or(0);
        let last = [1_499, 1_100].into_iter().find(|g| !(place..place + 256).contains(g)).unwrap();
        fixture.acknowledge_all(&out[last..=last]).await;
        for _ in 0..looks {
            assert!(futures_util::FutureExt::now_or_never(&mut early).is_none(), "not found yet");
            fixture.engine.stats().await.unwrap();
        }
        drop(early);
        assert_eq!(bodies(&soon(late).await.unwrap()), [format!("{last:04}-1")]);
    }
}

#[tokio::test]
async fn many_that_are_due_behind_earlier_ones_hide_no_other() {
    let fixture = start(EngineOptions { visibility_timeout: seconds(60), ..EngineOptions::default() });
    let publishes = (0..1_000).map(|n| format!("g-{n}")).chain(["h-0".to_owned()]);
    let publishes = publishes.map(|body| fixture.engine.publish(of_its_group(&body)));
    assert!(futures_util::future::join_all(publishes).await.iter().all(Result::is_ok));
    let mut out = 0;
    while out < 1_001 {
        out += fixture.take_up_to("orders", "billing", 256).await.len();
    }
    fixture.clock.advance(seconds(60));
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["g-0"]);
    assert_eq!(bodies(&fixture.receive(in_order(16, 0)).await), ["h-0"]);
    assert!(fixture.receive(in_order(16, 0)).await.is_empty());
}
