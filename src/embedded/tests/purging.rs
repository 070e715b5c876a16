//! Emptying topics and backlogs.

use super::*;
use crate::embedded::{Acknowledgement, PurgeRequest};

impl Fixture {
    /// Empties in pieces; how many pieces, and messages.
    async fn purge(&self, group_name: Option<&str>, at_once: usize) -> (u32, u64) {
        let mut request = PurgeRequest { topic: topic("orders"), group: group_name.map(group), until: None, at_once };
        let (mut pieces, mut messages) = (0, 0);
        loop {
            let purged = soon(self.engine.purge(request.clone())).await.unwrap();
            pieces += 1;
            messages += purged.messages;
            if !purged.remaining {
                return (pieces, messages);
            }
            request.until = Some(purged.until);
            // Not part of it.
            self.publish("orders", "meanwhile").await;
        }
    }

    async fn counts(&self, group_name: &str) -> (u64, u64, u64, u64) {
        let stats = self.engine.stats().await.unwrap();
        let found = stats.groups.iter().find(|it| it.group.as_str() == group_name).unwrap();
        (found.ready, found.in_flight, found.delayed, found.filtered_out)
    }
}

#[tokio::test]
async fn a_groups_backlog_goes_and_others_keep_theirs() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["a1", "b2", "a3", "a4", "a5", "b6", "a7", "a8"]).await;
    fixture.publish_at("orders", "later", UnixMillis(START.0 + 60_000)).await;
    let taken = fixture.receive(ConsumeRequest { max_messages: 3, ..filtered("a", 0) }).await;
    assert_eq!(bodies(&taken), ["a1", "a3", "a4"]);
    fixture.take_up_to("orders", "shipping", 1).await;
    assert_eq!(fixture.counts("billing").await, (4, 3, 1, 1));
    let (pieces, messages) = fixture.purge(Some("billing"), 2).await;
    assert_eq!((pieces, messages), (2, 8));
    // What came meanwhile, and what is not due yet.
    assert_eq!(fixture.counts("billing").await, (1, 0, 1, 0));
    assert_eq!(fixture.bodies("orders", "billing").await, ["meanwhile"]);
    let late = fixture.acknowledge("orders", "billing", taken[0].handle.as_str()).await;
    assert_eq!(late, Acknowledgement::AlreadyDone);
    assert_eq!(fixture.counts("shipping").await, (8, 1, 1, 0));
    assert_eq!(fixture.purge(Some("nobody"), 2).await, (1, 0));
}

#[tokio::test]
async fn what_was_filtered_out_goes_in_pieces_too() {
    let fixture = start(EngineOptions::default());
    fixture.publish_tagged(&["b1", "a2", "b3", "b4", "a5", "b6", "b7"]).await;
    let taken = fixture.receive(ConsumeRequest { max_messages: 2, ..filtered("a", 0) }).await;
    assert_eq!(bodies(&taken), ["a2", "a5"]);
    assert_eq!(fixture.receive(filtered("a", 0)).await, []);
    assert_eq!(fixture.counts("billing").await, (0, 2, 0, 5));
    let mut request = PurgeRequest { topic: topic("orders"), group: Some(group("billing")), until: None, at_once: 3 };
    let mut pieces = Vec::new();
    loop {
        let purged = soon(fixture.engine.purge(request.clone())).await.unwrap();
        pieces.push((purged.messages, fixture.counts("billing").await));
        request.until = Some(purged.until);
        if !purged.remaining {
            break;
        }
    }
    assert_eq!(pieces, [(3, (0, 0, 0, 4)), (3, (0, 0, 0, 1)), (1, (0, 0, 0, 0))]);
}

#[tokio::test]
async fn a_topic_goes_for_everybody() {
    let fixture = start(EngineOptions::default());
    for index in 0..10 {
        fixture.publish("orders", &format!("{index}")).await;
    }
    fixture.publish_at("orders", "later", UnixMillis(START.0 + 60_000)).await;
    let by_delay = Message {
        deliver_at: Some(UnixMillis(START.0 + 60_000)),
        deliver_at_is_delay: true,
        ..message("orders", "delayed")
    };
    soon(fixture.engine.publish(by_delay)).await.unwrap();
    fixture.take_up_to("orders", "billing", 3).await;
    fixture.publish("other", "stays").await;
    fixture.clock.advance(seconds(1));
    let (pieces, messages) = fixture.purge(None, 5).await;
    assert_eq!(messages, 12);
    let meanwhile = pieces - 1;
    assert_eq!(fixture.counts("billing").await, (u64::from(meanwhile), 0, 0, 0));
    assert_eq!(fixture.bodies("orders", "billing").await.len(), usize::try_from(meanwhile).unwrap());
    assert_eq!(fixture.bodies("other", "billing").await, ["stays"]);
    // The counts hold: what is published afterwards is delivered, to old groups and new ones.
    fixture.publish("orders", "new").await;
    assert_eq!(fixture.bodies("orders", "billing").await, ["new"]);
    assert!(fixture.bodies("orders", "shipping").await.contains(&"new".to_owned()));
    let stats = fixture.engine.stats().await.unwrap();
    let orders = stats.topics.iter().find(|it| it.topic.as_str() == "orders").unwrap();
    assert_eq!(orders.messages, u64::from(meanwhile) + 1);
}

#[tokio::test]
async fn what_is_emptied_frees_its_message_groups() {
    let fixture = start(EngineOptions::default());
    fixture.publish_grouped(&["x1", "x2"]).await;
    assert_eq!(bodies(&fixture.receive(in_order(1, 0)).await), ["x1"]);
    assert_eq!(fixture.receive(in_order(1, 0)).await, []);
    let waiting = in_order(1, 5);
    let mut waiting = Box::pin(fixture.engine.receive(waiting));
    fixture.settle(&mut waiting).await;
    fixture.purge(Some("billing"), 100).await;
    fixture.publish_grouped(&["x3"]).await;
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["x3"]);
}

#[tokio::test]
async fn nothing_is_emptied_where_there_is_nothing() {
    let fixture = start(EngineOptions::default());
    assert_eq!(fixture.purge(None, 10).await, (1, 0));
    assert_eq!(fixture.purge(Some("billing"), 10).await, (1, 0));
    let stats = fixture.engine.stats().await.unwrap();
    assert!(stats.topics.is_empty(), "no look makes a topic");
}

#[tokio::test]
async fn what_everybody_has_acknowledged_can_go_at_once() {
    let fixture = start(EngineOptions::default());
    for index in 0..4 {
        fixture.publish("orders", &format!("{index}")).await;
        fixture.publish("other", "x").await;
    }
    let drop_them = async || fixture.engine.drop_acknowledged(&topic("orders")).await.unwrap();
    assert_eq!(drop_them().await, 0, "nobody reads it");
    let taken = fixture.take_up_to("orders", "billing", 3).await;
    fixture.acknowledge_all(&taken[..2]).await;
    let others = fixture.take("other", "billing").await;
    fixture.acknowledge("other", "billing", others[0].handle.as_str()).await;
    assert_eq!((drop_them().await, drop_them().await), (2, 0));
    let stats = fixture.engine.stats().await.unwrap();
    let messages: Vec<_> = stats.topics.iter().map(|it| (it.topic.as_str(), it.messages)).collect();
    assert_eq!(messages, [("orders", 2), ("other", 4)]);
    assert_eq!(fixture.counts("billing").await, (1, 1, 0, 0));
}
