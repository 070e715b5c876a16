//! Messages that are sent one after the other, and the others side by side.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ending::Ending;
use super::worker::{Held, Stop, Worker};
use crate::model::{Delivery, MessageGroup};

/// What is to be sent one after the other: each message by itself, or those of a message group together.
pub(super) fn chains(messages: Vec<Delivery>, ordered: bool) -> Vec<Vec<Delivery>> {
    if !ordered {
        return messages.into_iter().map(|delivery| vec![delivery]).collect();
    }
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut chains: Vec<Vec<Delivery>> = Vec::new();
    for delivery in messages {
        let Some(group) = delivery.message_group.as_ref().map(MessageGroup::as_str).map(str::to_owned) else {
            chains.push(vec![delivery]);
            continue;
        };
        let place = *places.entry(group).or_insert(chains.len());
        match chains.get_mut(place) {
            Some(chain) => chain.push(delivery),
            None => chains.push(vec![delivery]),
        }
    }
    chains
}

/// Takes messages to their ends, one after the other. Behind one that comes again none is sent: they keep their order.
pub(super) async fn carry_all(worker: &Worker, messages: Vec<Held>) {
    let mut is_blocked = false;
    for held in messages {
        if is_blocked {
            worker.let_go(&held, Stop::Paused, Duration::ZERO).await;
        } else {
            is_blocked = worker.carry(held).await == Ending::ComesAgain;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(id: &str, group: Option<&str>) -> Delivery {
        let message_group = group.map(|group| MessageGroup::parse(group).unwrap());
        Delivery { message_group, ..Delivery::for_tests(id) }
    }

    #[test]
    fn messages_of_a_group_go_one_after_the_other_and_the_rest_side_by_side() {
        let messages =
            [("1", Some("a")), ("2", Some("b")), ("3", None), ("4", Some("a")), ("5", None), ("6", Some("b"))];
        let made = |ordered| -> Vec<Vec<String>> {
            let messages = messages.iter().map(|(id, group)| delivery(id, *group)).collect();
            let ids = |chain: Vec<Delivery>| chain.iter().map(|it| it.message_id.as_str().to_owned()).collect();
            chains(messages, ordered).into_iter().map(ids).collect()
        };
        assert_eq!(made(true), [vec!["1", "4"], vec!["2", "6"], vec!["3"], vec!["5"]]);
        assert_eq!(made(false), [["1"], ["2"], ["3"], ["4"], ["5"], ["6"]]);
    }
}
