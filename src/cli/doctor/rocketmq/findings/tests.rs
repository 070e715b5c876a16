use super::*;
use crate::cli::doctor::probes::{Name, placeholder_topic};

const DENIED: Code = Code::Unauthorized;

fn named(text: &str) -> Name {
    Name { text: text.to_owned(), is_placeholder: false }
}

fn about_topic(name: Name, requires: &[Feature], answer: Answer<Route>) -> (TopicQuestion, Answer<Route>) {
    (TopicQuestion { topic: name, requires: requires.to_vec() }, answer)
}

fn about_group(topic: Name, ordered: bool, answer: Answer<GroupSettings>) -> (GroupQuestion, Answer<GroupSettings>) {
    (GroupQuestion { topic, group: "GID_a".to_owned(), ordered }, answer)
}

fn route(types: &[MessageType]) -> Answer<Route> {
    Answer::Known(Route { types: types.to_vec(), brokers: 2 })
}

fn known(ordered: bool, max_attempts: Option<u32>) -> Answer<GroupSettings> {
    Answer::Known(GroupSettings { ordered, max_attempts })
}

type Topics = Vec<(TopicQuestion, Answer<Route>)>;
type Groups = Vec<(GroupQuestion, Answer<GroupSettings>)>;

/// The finding of one check; the only one, unless it is of a group.
#[track_caller]
fn assert_finding(topics: Topics, groups: Groups, signed: bool, (check, verdict, words): (Check, Verdict, &[&str])) {
    let answers = Answers { topics, groups, answers_anyone: None, left_out: 0 };
    let findings = of_answers(&answers, signed);
    for finding in &findings {
        let wants_advice = matches!(finding.verdict, Verdict::Warning | Verdict::Failed);
        assert_eq!(finding.advice.is_some(), wants_advice, "{finding:?}");
    }
    let [found] = findings.iter().filter(|it| it.check == check).collect::<Vec<_>>()[..] else {
        panic!("{findings:#?}")
    };
    let text = format!("{} {}", found.detail, found.advice.as_deref().unwrap_or_default());
    assert_eq!(found.verdict, verdict, "{text}");
    for word in words {
        assert!(text.contains(word), "{word} in {text}");
    }
}

#[test]
fn keys() {
    let named = || named("orders");
    let refused = Answer::Refused(Code::InternalServerError);
    for (name, answer, signed, verdict, words) in [
        (named(), route(&[]), true, Verdict::Ok, &["accepted a signed request"][..]),
        (named(), Answer::Missing(Code::TopicNotFound), true, Verdict::Ok, &["accepted a signed request"]),
        (named(), route(&[]), false, Verdict::Ok, &["not signed"]),
        (
            named(),
            Answer::Denied(DENIED),
            true,
            Verdict::Failed,
            &["40100 (UNAUTHORIZED)", "does not say why", "listAcl"],
        ),
        (named(), Answer::Denied(DENIED), false, Verdict::Failed, &["demands keys", "set `credentials`"]),
        (
            placeholder_topic(),
            Answer::Denied(DENIED),
            true,
            Verdict::Warning,
            &["placeholder", "name a topic and a group"],
        ),
        (named(), refused, true, Verdict::Failed, &["50001 (INTERNAL_SERVER_ERROR)", "could not serve"]),
        (named(), Answer::Foreign, true, Verdict::Failed, &["no RocketMQ 5 proxy", "gRPC port", "8081"]),
        (named(), Answer::None("reset".to_owned()), true, Verdict::Failed, &["no usable answer: reset"]),
    ] {
        let topics = vec![about_topic(name, &[], answer)];
        assert_finding(topics, vec![], signed, (Check::Credentials, verdict, words));
    }
    let anyone = Answers {
        topics: vec![about_topic(named(), &[], route(&[]))],
        groups: vec![],
        answers_anyone: Some(true),
        left_out: 3,
    };
    let findings = of_answers(&anyone, true);
    assert!(findings[0].detail.contains("checks no keys") && findings[0].verdict == Verdict::Ok, "{findings:#?}");
    assert!(findings.last().unwrap().detail.starts_with("3 more topics and groups"), "{findings:#?}");
}

#[test]
fn topics() {
    use Feature::{DelayedDelivery, MessageGroups, Nack};
    use MessageType::{Delay, Fifo, Normal, Transaction};
    for (requires, answer, verdict, words) in [
        (
            &[Nack][..],
            route(&[Normal]),
            Verdict::Ok,
            &["type NORMAL (without message_group and time), at 2 brokers"][..],
        ),
        (&[MessageGroups], route(&[Fifo]), Verdict::Ok, &["type FIFO (with a message_group)"]),
        (&[DelayedDelivery, MessageGroups], route(&[Normal, Fifo, Delay]), Verdict::Ok, &["DELAY (with a time)"]),
        (&[MessageGroups], route(&[]), Verdict::Ok, &["the MQ does not say"]),
        (
            &[MessageGroups],
            route(&[Normal]),
            Verdict::Failed,
            &[
                "`requires` has message_groups",
                "mqadmin updateTopic -n NAMESRV -c CLUSTER -t orders -a +message.type=FIFO",
            ],
        ),
        (&[DelayedDelivery], route(&[Fifo]), Verdict::Failed, &["has delayed_delivery", "+message.type=DELAY"]),
        (&[], route(&[Transaction]), Verdict::Warning, &["type TRANSACTION", "sends none", "another topic"]),
        (
            &[],
            Answer::Known(Route { types: vec![Normal], brokers: 0 }),
            Verdict::Warning,
            &["no broker lets it be read", "mqadmin updateTopicPerm"],
        ),
        (&[], Answer::Missing(Code::TopicNotFound), Verdict::Failed, &["40402", "+message.type=NORMAL"]),
        (&[MessageGroups], Answer::Missing(Code::TopicNotFound), Verdict::Failed, &["+message.type=FIFO"]),
        (&[], Answer::Refused(Code::IllegalTopic), Verdict::Failed, &["40002 (ILLEGAL_TOPIC)", "1 to 127"]),
        (&[], Answer::Denied(DENIED), Verdict::Skipped, &["together with the credentials"]),
        (&[], Answer::None("x".to_owned()), Verdict::Skipped, &["see the credentials"]),
    ] {
        let topics = vec![about_topic(named("orders"), requires, answer)];
        assert_finding(topics, vec![], true, (Check::Topic, verdict, words));
    }
    // Keys that were accepted elsewhere are good.
    let denied = about_topic(named("orders"), &[], Answer::Denied(DENIED));
    let words = &["is denied to the profile's user: 40100", "mqadmin createAcl", "-r Topic:orders -a Pub,Sub"];
    let group = about_group(named("orders"), false, known(false, Some(17)));
    assert_finding(vec![denied], vec![group], true, (Check::Topic, Verdict::Failed, words));
    let wildcard = about_topic(placeholder_topic(), &[], Answer::Missing(Code::TopicNotFound));
    assert_finding(vec![wildcard], vec![], true, (Check::Topic, Verdict::Skipped, &["no topic is named"]));
}

#[test]
fn groups() {
    let make = "mqadmin updateSubGroup -n NAMESRV -c CLUSTER -g GID_a";
    for (topic, ordered, answer, verdict, words) in [
        (named("orders"), false, known(false, Some(17)), Verdict::Ok, &["`GID_a` on `orders`", "at most 17 times"][..]),
        (named("orders"), true, known(true, Some(4)), Verdict::Ok, &["in order, at most 4 times"]),
        (named("orders"), false, known(true, Some(4)), Verdict::Ok, &["in order"]),
        (named("orders"), false, known(false, None), Verdict::Failed, &["is not known to the MQ", make]),
        (named("orders"), true, known(false, None), Verdict::Failed, &[make, "GID_a -o true"]),
        (named("orders"), true, known(false, Some(17)), Verdict::Failed, &["not deliver to it in order", "-o true"]),
        (named("orders"), false, Answer::Missing(Code::ConsumerGroupNotFound), Verdict::Failed, &["40403", make]),
        (
            named("orders"),
            false,
            Answer::Denied(DENIED),
            Verdict::Failed,
            &["is denied", "-r Group:GID_a,Topic:orders -a Sub"],
        ),
        (placeholder_topic(), false, Answer::Denied(DENIED), Verdict::Skipped, &["with the placeholder: 40100"]),
        (placeholder_topic(), false, known(false, Some(17)), Verdict::Ok, &["on a placeholder topic"]),
        (named("orders"), false, Answer::Refused(Code::IllegalConsumerGroup), Verdict::Failed, &["40003", "1 to 255"]),
        (named("orders"), false, Answer::None("x".to_owned()), Verdict::Skipped, &["see the credentials"]),
    ] {
        let topics = vec![about_topic(named("orders"), &[], route(&[]))];
        assert_finding(topics, vec![about_group(topic, ordered, answer)], true, (Check::Group, verdict, words));
    }
}
