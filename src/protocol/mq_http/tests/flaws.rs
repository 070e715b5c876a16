//! What the MQ behind a topic has against a request, as a client of this protocol reads it.

use super::super::*;
use crate::model::Flaw;

#[test]
fn every_flaw_in_the_words_of_a_client() {
    let base64 = "the MQ behind this topic takes text only, without control characters but tabs and line ends: encode it, for \
                  example in base64";
    let properties = "the MQ behind this topic takes KEYS, __SHARDINGKEY and __STARTDELIVERTIME only: put the others into \
                      MessageBody";
    let other_tags = "this group selects by other tags, and what it leaves out is acknowledged for all of it: leave it out, or \
                      consume for a group that selects by these";
    let no_tags = "this group takes every message, and what a tag left out would be acknowledged for all of it: leave it out, or \
                   ask the gateway's operator for a group that selects by it";
    let expected = [
        ("MessageBody", "the MQ behind this topic takes no empty body: send something"),
        ("MessageBody", base64),
        ("Properties", properties),
        ("__SHARDINGKEY", "the MQ behind this topic keeps no order: leave it out"),
        ("__STARTDELIVERTIME", "the MQ behind this topic delays no messages: leave it out"),
        ("tag", "the MQ behind this topic does not select by tag: leave it out, and look at each message's MessageTag"),
        ("trans", "the MQ behind this topic has no consuming in order: consume without order"),
        ("consumer", "the time until messages come again cannot be chosen"),
        ("__STARTDELIVERTIME", "a message with a __SHARDINGKEY cannot be delayed: leave one of the two out"),
        ("__STARTDELIVERTIME", "it should be at most 701 hours ahead: choose an earlier time"),
        ("MessageTag", "it must not be so: leave that out"),
        ("KEYS", "a key must not be so: leave that out"),
        ("KEYS", "it has 709 characters, the limit of this topic is 701: send fewer or shorter keys"),
        ("__SHARDINGKEY", "it must not be so: leave that out"),
        ("__SHARDINGKEY", "it has 709 bytes, the limit of this topic is 701: shorten it"),
        ("Properties", "a name must not be so: choose another"),
        ("Properties", "names and values must not be so: leave that out"),
        ("Properties", "they are 709, the limit of this topic is 701: put some of them into MessageBody"),
        ("Properties", "it has 709 bytes, the limit of this topic is 701: put some of it into MessageBody"),
        ("tag", other_tags),
        ("tag", no_tags),
    ];
    let all = Flaw::all();
    assert_eq!(all.len(), expected.len());
    for (flaw, (name, what)) in all.iter().zip(expected) {
        let refusal = Refusal::from(flaw);
        assert_eq!(refusal, Refusal::InvalidArgument(format!("The value of {name} is invalid: {what}.").into()));
        assert_eq!(refusal.status(), 400);
    }
}
