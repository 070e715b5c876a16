//! Fuzz target: routes, which say where brokers are.

use prost::Message as _;

use super::place::{Place, Spot};
use super::routes::read;
use crate::model::MessageGroup;
use crate::outbound::EndpointAddress;
use crate::protocol::rocketmq::wire::QueryRouteResponse;

/// A server's answer: where it leads can be dialled, and what is of one message group has one place.
pub(crate) fn routes(data: &[u8]) {
    let Ok(QueryRouteResponse { message_queues, .. }) = QueryRouteResponse::decode(data) else { return };
    let configured = [EndpointAddress { tls: true, host: "mq.example".to_owned(), port: 8081 }];
    let route = read(&message_queues, |named| Place::of(named, &configured, 0));
    for broker in route.readable() {
        assert!(route.place_of(broker).is_some_and(is_dialled), "{broker}");
    }
    let places = route.places_for(None);
    assert!((1..=3).contains(&places.len()) && places.iter().all(is_dialled), "{places:?}");
    for group in ["a", "user 7", "z"].iter().filter_map(|group| MessageGroup::parse(group).ok()) {
        let places = route.places_for(Some(&group));
        assert!(!places.is_empty() && places == route.places_for(Some(&group)), "{places:?}");
    }
}

fn is_dialled(place: &Place) -> bool {
    let is_address = |address: &EndpointAddress| {
        let letters = address.host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte));
        address.tls && address.port > 0 && !address.host.is_empty() && address.host.len() <= 253 && letters
    };
    match place {
        Place::Anywhere | Place::Nowhere => true,
        Place::At(Spot::Configured(index)) => *index == 0,
        Place::At(Spot::Named(address)) => is_address(address),
        Place::Echoed { named, dialled } => is_address(named) && *dialled == 0,
    }
}
