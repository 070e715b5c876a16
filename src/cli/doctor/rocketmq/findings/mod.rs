//! Answers in, findings out.

use super::answer::{Answer, Answers, Route};
use super::questions::{GroupQuestion, TopicQuestion};
use crate::cli::doctor::advice;
use crate::cli::doctor::report::{Check, Finding, Verdict};
use crate::model::Feature;
use crate::protocol::rocketmq::wire::MessageType;
use crate::protocol::rocketmq::{Code, GroupSettings, type_name};

/// Stand in for what only the operator knows.
const WHERE: &str = "-n NAMESRV -c CLUSTER";
const KEYS: &str = "compare user and password with those of the cluster (`mqadmin getUser`), and see that the user has Pub and Sub on the \
                    topics and Sub on the groups (`mqadmin listAcl`)";
const ADDRESS: &str = "see whether this is the gRPC port of a RocketMQ 5 proxy (8081 unless it is configured; on Aliyun 8080), and not \
                       its remoting port, a broker or a name server";

/// The findings on keys, topics and groups, in this order.
pub(super) fn of_answers(answers: &Answers, signed: bool) -> Vec<Finding> {
    let mut findings = vec![credentials(answers, signed)];
    let is_accepted = answers.is_accepted();
    let named = answers.topics.iter().filter(|(question, _)| !question.topic.is_placeholder);
    let topics: Vec<Finding> = named.map(|(question, answer)| topic(question, answer, is_accepted)).collect();
    if topics.is_empty() {
        findings.push(Finding::new(Check::Topic, Verdict::Skipped, "no topic is named in the configuration, only `*`"));
    }
    findings.extend(topics);
    if answers.groups.is_empty() {
        findings.push(Finding::new(Check::Group, Verdict::Skipped, "no group is named in the configuration"));
    }
    findings.extend(answers.groups.iter().map(|(question, answer)| group(question, answer, is_accepted)));
    if answers.left_out > 0 {
        let detail = format!("{} more topics and groups were not checked", answers.left_out);
        findings.push(Finding::new(Check::Group, Verdict::Skipped, detail));
    }
    findings
}

/// An answer without what it holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// Who asked was checked.
    Accepted,
    Denied(String),
    Refused(String),
    Foreign,
    None(String),
}

impl<T> Answer<T> {
    fn standing(&self) -> Standing {
        match self {
            Self::Known(_) | Self::Missing(_) => Standing::Accepted,
            Self::Denied(reply) => Standing::Denied(reply.to_string()),
            Self::Refused(reply) => Standing::Refused(reply.to_string()),
            Self::Foreign => Standing::Foreign,
            Self::None(reason) => Standing::None(reason.clone()),
        }
    }
}

impl Answers {
    /// What says most about the keys.
    fn standing(&self) -> Standing {
        let topics = self.topics.iter().map(|(_, answer)| answer.standing());
        let all = topics.chain(self.groups.iter().map(|(_, answer)| answer.standing()));
        all.min().unwrap_or_else(|| Standing::None("nothing was asked".to_owned()))
    }

    fn is_accepted(&self) -> bool {
        self.standing() == Standing::Accepted
    }

    fn has_names(&self) -> bool {
        self.topics.iter().any(|(question, _)| !question.topic.is_placeholder)
    }
}

fn credentials(answers: &Answers, signed: bool) -> Finding {
    let new = |verdict, detail: String| Finding::new(Check::Credentials, verdict, detail);
    match (answers.standing(), signed) {
        (Standing::Accepted, true) if answers.answers_anyone == Some(true) => {
            let detail = "the MQ answers signed requests and others: it checks no keys, so nothing is known of these";
            new(Verdict::Ok, detail.to_owned())
        }
        (Standing::Accepted, true) => new(Verdict::Ok, "the MQ accepted a signed request for a route".to_owned()),
        (Standing::Accepted, false) => {
            new(Verdict::Ok, "the MQ answers requests that are not signed, as ours are".to_owned())
        }
        (Standing::Denied(reply), false) => {
            let detail = format!("refused with {reply}: the MQ demands keys, and the profile names none");
            new(Verdict::Failed, detail)
                .advise("set `credentials` of the profile: a user of the cluster and its password")
        }
        (Standing::Denied(reply), true) => {
            let mut detail = format!(
                "refused with {reply}; the MQ does not say why: the user, the password, or permissions that the user lacks"
            );
            if answers.has_names() {
                return new(Verdict::Failed, detail).advise(KEYS);
            }
            detail += "; the topic was a placeholder, since the configuration names none, so good keys may be refused";
            new(Verdict::Warning, detail).advise(advice::NAME_BOTH)
        }
        (Standing::Refused(reply), _) => {
            let detail = format!("not known: the MQ answered {reply}, so it could not serve the request");
            new(Verdict::Failed, detail).advise(advice::UNAVAILABLE)
        }
        (Standing::Foreign, _) => {
            new(Verdict::Failed, "what answers there is no RocketMQ 5 proxy".to_owned()).advise(ADDRESS)
        }
        (Standing::None(reason), _) => {
            new(Verdict::Failed, format!("the MQ gave no usable answer: {reason}")).advise(ADDRESS)
        }
    }
}

fn topic(question: &TopicQuestion, answer: &Answer<Route>, is_accepted: bool) -> Finding {
    let name = &question.topic.text;
    let new = |verdict, detail: &str| Finding::new(Check::Topic, verdict, format!("`{name}` {detail}"));
    match answer {
        Answer::Known(route) => route_finding(question, route),
        Answer::Missing(reply) => {
            let wanted = question.requires.iter().find_map(|feature| type_for(*feature)).unwrap_or(MessageType::Normal);
            let advice = format!(
                "`mqadmin updateTopic {WHERE} -t {name} -a +message.type={}` makes it (types: NORMAL, FIFO, DELAY), or correct \
                 the name; the proxies notice after 20 s at most",
                type_name(wanted)
            );
            new(Verdict::Failed, &format!("is not known to the MQ: {reply}")).advise(advice)
        }
        Answer::Denied(reply) if is_accepted => denied(new, reply, &format!("-r Topic:{name} -a Pub,Sub")),
        Answer::Denied(_) => new(Verdict::Skipped, "was refused together with the credentials"),
        Answer::Refused(reply) => new(Verdict::Failed, &format!("could not be asked about: {reply}")).advise(
            "see the proxy's log; names hold 1 to 127 of A-Z a-z 0-9 _ % | - on RocketMQ 5, and system topics are refused",
        ),
        Answer::Foreign | Answer::None(_) => new(Verdict::Skipped, "could not be checked, see the credentials"),
    }
}

/// The type of the messages that have a feature.
fn type_for(feature: Feature) -> Option<MessageType> {
    if feature == Feature::MessageGroups {
        return Some(MessageType::Fifo);
    }
    (feature == Feature::DelayedDelivery).then_some(MessageType::Delay)
}

fn route_finding(question: &TopicQuestion, route: &Route) -> Finding {
    let name = &question.topic.text;
    let new = |verdict, detail: String| Finding::new(Check::Topic, verdict, format!("`{name}` {detail}"));
    let words = takes(&route.types);
    let lacking = question.requires.iter().find(|feature| {
        !route.types.is_empty() && type_for(**feature).is_some_and(|wanted| !route.types.contains(&wanted))
    });
    if let Some((feature, wanted)) = lacking.and_then(|feature| Some((feature, type_for(*feature)?))) {
        let advice = format!(
            "have it made {0} with `mqadmin updateTopic {WHERE} -t {name} -a +message.type={0}`, or take `{feature}` out of its \
             `requires`",
            type_name(wanted)
        );
        return new(Verdict::Failed, format!("{words}; its `requires` has {feature}")).advise(advice);
    }
    if route.types == [MessageType::Transaction] {
        let advice = format!(
            "publish to another topic, or have this one made NORMAL with `mqadmin updateTopic {WHERE} -t {name} -a +message.type=NORMAL`"
        );
        return new(Verdict::Warning, format!("{words}, and the gateway sends none")).advise(advice);
    }
    if route.brokers == 0 {
        let advice = format!("`mqadmin updateTopicPerm {WHERE} -t {name} -p 6` lets it be read and written");
        return new(Verdict::Warning, format!("{words}, and no broker lets it be read")).advise(advice);
    }
    let brokers = if route.brokers == 1 { "1 broker".to_owned() } else { format!("{} brokers", route.brokers) };
    new(Verdict::Ok, format!("{words}, at {brokers}"))
}

/// `takes NORMAL messages (without message_group and time)`.
fn takes(types: &[MessageType]) -> String {
    let word = |kind: &MessageType| {
        let publishes = match kind {
            MessageType::Normal => " (without message_group and time)",
            MessageType::Fifo => " (with a message_group)",
            MessageType::Delay => " (with a time)",
            MessageType::Unspecified | MessageType::Transaction | MessageType::Lite | MessageType::Priority => "",
        };
        format!("{}{publishes}", type_name(*kind))
    };
    match types {
        [] => "is there; the MQ does not say which messages it takes".to_owned(),
        types => format!("takes messages of type {}", types.iter().map(word).collect::<Vec<_>>().join(", ")),
    }
}

fn group(question: &GroupQuestion, answer: &Answer<GroupSettings>, is_accepted: bool) -> Finding {
    let (name, topic) = (&question.group, &question.topic);
    let of = if topic.is_placeholder { "a placeholder topic".to_owned() } else { format!("`{}`", topic.text) };
    let new = |verdict, detail: &str| Finding::new(Check::Group, verdict, format!("`{name}` on {of} {detail}"));
    let make = format!("mqadmin updateSubGroup {WHERE} -g {name}{}", if question.ordered { " -o true" } else { "" });
    match answer {
        Answer::Known(GroupSettings { max_attempts: None, .. }) => new(Verdict::Failed, "is not known to the MQ")
            .advise(format!("`{make}` makes it, before the first publish: a new group begins at the end; or correct the name")),
        Answer::Missing(reply) => new(Verdict::Failed, &format!("is not known to the MQ: {reply}"))
            .advise(format!("`{make}` makes it, before the first publish: a new group begins at the end; or correct the name")),
        Answer::Known(GroupSettings { ordered: false, .. }) if question.ordered => {
            new(Verdict::Failed, "is configured as ordered, and the MQ does not deliver to it in order")
                .advise(format!("`{make}` makes it so, or take `ordered` out of its configuration"))
        }
        Answer::Known(GroupSettings { ordered, max_attempts: Some(attempts) }) => {
            let order = if *ordered { ", in order" } else { "" };
            new(Verdict::Ok, &format!("gets each message{order}, at most {attempts} times"))
        }
        Answer::Denied(reply) if topic.is_placeholder && is_accepted => {
            new(Verdict::Skipped, &format!("was refused together with the placeholder: {reply}"))
        }
        Answer::Denied(reply) if is_accepted => {
            denied(new, reply, &format!("-r Group:{name},Topic:{} -a Sub", topic.text))
        }
        Answer::Denied(_) => new(Verdict::Skipped, "was refused together with the credentials"),
        Answer::Refused(reply) => new(Verdict::Failed, &format!("could not be asked about: {reply}"))
            .advise("see the proxy's log; names hold 1 to 255 of A-Z a-z 0-9 _ % | - on RocketMQ 5, and system groups are refused"),
        Answer::Foreign | Answer::None(_) => new(Verdict::Skipped, "could not be checked, see the credentials"),
    }
}

/// Good keys that may not have this topic or group.
fn denied(new: impl Fn(Verdict, &str) -> Finding, reply: &Code, what: &str) -> Finding {
    let advice =
        format!("`mqadmin createAcl {WHERE} -s User:USER {what} -d Allow` permits it (updateAcl where there is one)");
    new(Verdict::Failed, &format!("is denied to the profile's user: {reply}")).advise(advice)
}

#[cfg(test)]
mod tests;
