//! Callers that go away.

use futures_util::FutureExt;

use super::*;

/// Where a receive is when its caller hangs up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dropped {
    /// Its job waits for the storage thread.
    WhileQueued,
    /// Its job is committed and the answer lies in the channel.
    AfterTheCommit,
}

#[tokio::test]
async fn a_dropped_receive_leaves_its_messages_to_the_next() {
    for dropped in [Dropped::WhileQueued, Dropped::AfterTheCommit] {
        let fixture = start(EngineOptions::default());
        fixture.publish("orders", "1").await;
        let mut receive = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
        let held = fixture.hold();
        assert!(receive.as_mut().now_or_never().is_none());
        match dropped {
            Dropped::WhileQueued => {
                drop(receive);
                drop(held);
            }
            Dropped::AfterTheCommit => {
                drop(held);
                // Behind the receive's job.
                fixture.engine.stats().await.unwrap();
                drop(receive);
            }
        }
        let next = soon(fixture.engine.receive(request("orders", "billing", 32, 30))).await.unwrap();
        assert_eq!((bodies(&next), next[0].delivery_attempt), (vec!["1".to_owned()], 1), "{dropped:?}");
    }
}

#[tokio::test]
async fn a_dropped_receive_wakes_the_one_that_waits() {
    let fixture = start(EngineOptions::default());
    let mut first = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    let mut second = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut first).await;
    fixture.settle(&mut second).await;
    fixture.publish("orders", "1").await;
    // The first one takes the wake-up and queues its look, then its caller hangs up.
    let held = fixture.hold();
    assert!(first.as_mut().now_or_never().is_none());
    drop(first);
    drop(held);
    assert_eq!(bodies(&soon(second).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn a_receive_dropped_before_it_noticed_its_wake_up_passes_it_on() {
    let fixture = start(EngineOptions::default());
    let mut first = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    let mut second = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut first).await;
    fixture.settle(&mut second).await;
    fixture.publish("orders", "1").await;
    drop(first);
    assert_eq!(bodies(&soon(second).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn a_publish_whose_caller_is_gone_is_stored_and_wakes() {
    let fixture = start(EngineOptions::default());
    let mut waiting = Box::pin(fixture.engine.receive(request("orders", "billing", 32, 30)));
    fixture.settle(&mut waiting).await;
    let mut publish = Box::pin(fixture.engine.publish(message("orders", "1")));
    let held = fixture.hold();
    assert!(publish.as_mut().now_or_never().is_none());
    drop(publish);
    drop(held);
    assert_eq!(bodies(&soon(waiting).await.unwrap()), ["1"]);
}

#[tokio::test]
async fn what_is_given_back_while_the_queue_is_full_is_written_later() {
    let fixture = start(EngineOptions::default());
    fixture.publish("orders", "1").await;
    let delivery = fixture.take("orders", "billing").await.remove(0);
    let held = fixture.hold();
    while fixture.engine.shared().storage.submit(Access::Reads, |_| Ok(()), |_| ()).is_ok() {}
    fixture.engine.give_back(vec![delivery.handle]);
    let error = fixture.engine.publish(message("orders", "2")).await.unwrap_err();
    assert!(matches!(error, crate::embedded::EngineError::Overloaded), "{error}");
    drop(held);
    // The queue empties in its own time.
    let taken = soon(async {
        loop {
            match fixture.engine.receive(request("orders", "billing", 32, 0)).await {
                Ok(deliveries) if !deliveries.is_empty() => return deliveries,
                Ok(_) | Err(_) => tokio::task::yield_now().await,
            }
        }
    });
    assert_eq!(bodies(&taken.await), ["1"]);
}
