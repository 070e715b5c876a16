//! What the MQ behind a topic has against a request, in the words of a client of this protocol: by its own names, and with what
//! it can do.

use super::refusal::Refusal;
use crate::model::Flaw;

impl From<&Flaw> for Refusal {
    fn from(flaw: &Flaw) -> Self {
        let (parameter, what) = words(flaw);
        Self::Invalid(parameter, what.into())
    }
}

/// The name of what is wrong, and what is wrong with it.
fn words(flaw: &Flaw) -> (&'static str, String) {
    match flaw {
        Flaw::EmptyBody => ("Body", "the MQ behind this topic takes no empty body: send something".into()),
        Flaw::BinaryBody => {
            let what = "the MQ behind this topic takes text only (UTF-8), without control characters but tabs and line ends: \
                        encode it, for example in base64";
            ("Body", what.into())
        }
        // A client of this protocol has no properties but its tag, its key and its sharding key.
        Flaw::NoProperties => ("Key", "the MQ behind this topic takes none: leave it out".into()),
        Flaw::NoMessageGroups => ("ShardingKey", "the MQ behind this topic keeps no order: leave it out".into()),
        Flaw::NoDelay => ("StartDeliverTime", "the MQ behind this topic delays no messages: leave it out".into()),
        // It has no word for these four: they are the group's own settings.
        Flaw::NoTagFilter | Flaw::OtherTags | Flaw::GroupWithoutTags => (
            "ConsumerId",
            "the MQ behind this topic does not select for this group as it is set up to: use another".into(),
        ),
        Flaw::NoOrderedGroups => (
            "ConsumerId",
            "this group is set up to be read in order, which the MQ behind this topic cannot: use another".into(),
        ),
        Flaw::NoVisibilityTimeout => ("ConsumerId", "the time until messages come again cannot be chosen".into()),
        Flaw::DelayedMessageGroup => {
            ("StartDeliverTime", "a message with a ShardingKey cannot be delayed: leave one of the two out".into())
        }
        Flaw::TooFarAhead { hours } => {
            ("StartDeliverTime", format!("it must be at most {hours} hours ahead: choose an earlier time"))
        }
        Flaw::Tag(rule) => ("Tag", format!("it {rule}: leave that out")),
        Flaw::Key(rule) => ("Key", format!("it {rule}: leave that out")),
        Flaw::KeysTooLong { limit, actual } => {
            ("Key", format!("it has {actual} characters, the limit is {limit}: shorten it"))
        }
        Flaw::MessageGroup(rule) => ("ShardingKey", format!("it {rule}: leave that out")),
        Flaw::MessageGroupTooLong { limit, actual } => {
            ("ShardingKey", format!("it has {actual} bytes, the limit of this topic is {limit}: shorten it"))
        }
        Flaw::PropertyName(rule) | Flaw::Property(rule) => ("Key", format!("it {rule}: leave that out")),
        Flaw::TooManyProperties { limit, actual } => {
            ("Key", format!("there are {actual}, the limit of this topic is {limit}: send fewer"))
        }
        Flaw::PropertiesTooLong { limit, actual } => {
            let what = format!(
                "with the ShardingKey it has {actual} bytes, the limit of this topic is {limit}: shorten one of the two"
            );
            ("Key", what)
        }
    }
}

/// A message of another type than its topic's: the types are RocketMQ 5's.
#[must_use]
pub fn wrong_topic_type() -> Refusal {
    let what = "it takes messages of another type: a FIFO topic takes those with isOrder and a ShardingKey, a DELAY topic those \
                with a StartDeliverTime, a NORMAL topic those with neither";
    Refusal::Invalid("Topic", what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flaw_in_the_words_of_a_client() {
        let base64 = "the MQ behind this topic takes text only (UTF-8), without control characters but tabs and line ends: \
                      encode it, for example in base64";
        let selects = "the MQ behind this topic does not select for this group as it is set up to: use another";
        let order = "this group is set up to be read in order, which the MQ behind this topic cannot: use another";
        let bytes = "with the ShardingKey it has 709 bytes, the limit of this topic is 701: shorten one of the two";
        let expected = [
            ("Body", "the MQ behind this topic takes no empty body: send something"),
            ("Body", base64),
            ("Key", "the MQ behind this topic takes none: leave it out"),
            ("ShardingKey", "the MQ behind this topic keeps no order: leave it out"),
            ("StartDeliverTime", "the MQ behind this topic delays no messages: leave it out"),
            ("ConsumerId", selects),
            ("ConsumerId", order),
            ("ConsumerId", "the time until messages come again cannot be chosen"),
            ("StartDeliverTime", "a message with a ShardingKey cannot be delayed: leave one of the two out"),
            ("StartDeliverTime", "it must be at most 701 hours ahead: choose an earlier time"),
            ("Tag", "it must not be so: leave that out"),
            ("Key", "it must not be so: leave that out"),
            ("Key", "it has 709 characters, the limit is 701: shorten it"),
            ("ShardingKey", "it must not be so: leave that out"),
            ("ShardingKey", "it has 709 bytes, the limit of this topic is 701: shorten it"),
            ("Key", "it must not be so: leave that out"),
            ("Key", "it must not be so: leave that out"),
            ("Key", "there are 709, the limit of this topic is 701: send fewer"),
            ("Key", bytes),
            ("ConsumerId", selects),
            ("ConsumerId", selects),
        ];
        let all = Flaw::all();
        assert_eq!(all.len(), expected.len());
        for (flaw, (name, what)) in all.iter().zip(expected) {
            let body = Refusal::from(flaw).body();
            assert_eq!(body, format!(r#"{{"code":"SC_BAD_REQUEST","info":"parameter:{name} is invalid,{what}"}}"#));
        }
    }
}
