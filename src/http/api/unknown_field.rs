//! What is said of a field or parameter that is none of ours: which one was probably meant, and which ones there are.

use crate::near_word::{near_word, plain};

/// What others call it, in lower case and joined, and what it is here. The first that the request could have is suggested.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("content", &["body"]),
    ("data", &["body"]),
    ("message", &["body"]),
    ("messagebody", &["body"]),
    ("payload", &["body"]),
    ("text", &["body"]),
    ("value", &["body"]),
    ("bodyencoding", &["encoding"]),
    ("messagetag", &["tag"]),
    ("messagekey", &["keys", "key"]),
    ("attributes", &["properties"]),
    ("headers", &["properties"]),
    ("property", &["properties"]),
    ("userproperties", &["properties"]),
    ("group", &["message_group"]),
    ("groupid", &["message_group"]),
    ("messagegroupid", &["message_group"]),
    ("orderingkey", &["message_group"]),
    ("partitionkey", &["message_group"]),
    ("shardingkey", &["message_group"]),
    ("delay", &["delay_seconds"]),
    ("delaymillis", &["delay_seconds"]),
    ("delayms", &["delay_seconds"]),
    ("delaytime", &["delay_seconds"]),
    ("delaytimeseconds", &["delay_seconds"]),
    ("delivertime", &["deliver_at"]),
    ("scheduledat", &["deliver_at"]),
    ("startdelivertime", &["deliver_at"]),
    ("batch", &["messages"]),
    ("entries", &["messages"]),
    ("handle", &["receipt_handles"]),
    ("handles", &["receipt_handles"]),
    ("count", &["max_messages"]),
    ("limit", &["max_messages"]),
    ("max", &["max_messages"]),
    ("maxnumber", &["max_messages"]),
    ("num", &["max_messages"]),
    ("numofmessages", &["max_messages"]),
    ("size", &["max_messages"]),
    ("wait", &["wait_seconds"]),
    ("waittime", &["wait_seconds"]),
    ("waittimeseconds", &["wait_seconds"]),
    ("visibility", &["visibility_timeout_seconds"]),
    ("visibilitytimeout", &["visibility_timeout_seconds"]),
];

/// The one of `known` that was probably meant.
pub(super) fn suggestion<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = written.trim();
    if let Some(near) = near_word(written, known.iter().copied()) {
        return Some(near);
    }
    let joined = plain(written);
    let (_, ours) = SYNONYMS.iter().find(|(theirs, _)| *theirs == joined)?;
    ours.iter().find_map(|name| known.iter().copied().find(|known| known == name))
}

/// What is wrong with a name that is none of `known`. What is there already, `taken`, was not meant.
pub(super) fn is_unknown(written: &str, known: &[&str], taken: impl Fn(&str) -> bool) -> String {
    let free: Vec<&str> = known.iter().copied().filter(|name| !taken(name)).collect();
    let advice = match suggestion(written, &free) {
        Some(near) => format!("did you mean {near}?"),
        None => "leave it out".to_owned(),
    };
    format!("is unknown: {advice} (known are {})", known.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENVELOPE: &[&str] =
        &["body", "encoding", "tag", "keys", "properties", "message_group", "deliver_at", "delay_seconds"];
    const RECEIVE: &[&str] = &["max_messages", "wait_seconds", "visibility_timeout_seconds", "tags"];

    #[test]
    fn slips_and_the_words_of_others_lead_to_ours() {
        for (written, expected) in [
            ("delaySeconds", Some("delay_seconds")),
            ("delay-seconds", Some("delay_seconds")),
            ("delay", Some("delay_seconds")),
            ("tags", Some("tag")),
            ("Tag", Some("tag")),
            (" tag", Some("tag")),
            ("key", Some("keys")),
            ("messageGroup", Some("message_group")),
            ("group", Some("message_group")),
            ("property", Some("properties")),
            ("deliverAt", Some("deliver_at")),
            ("payload", Some("body")),
            ("Body", Some("body")),
            ("order", None),
            ("state", None),
            ("", None),
        ] {
            assert_eq!(suggestion(written, ENVELOPE), expected, "{written:?}");
        }
        for (written, expected) in [
            ("tag", Some("tags")),
            ("wait", Some("wait_seconds")),
            ("maxMessages", Some("max_messages")),
            ("visibilityTimeout", Some("visibility_timeout_seconds")),
            ("payload", None),
        ] {
            assert_eq!(suggestion(written, RECEIVE), expected, "{written:?}");
        }
        assert_eq!(suggestion("handle", &["receipt_handles"]), Some("receipt_handles"));
    }

    #[test]
    fn what_is_there_already_was_not_meant() {
        let detail = is_unknown("tags", &["tag", "keys"], |name| name == "tag");
        assert_eq!(detail, "is unknown: leave it out (known are tag, keys)");
    }

    #[test]
    fn every_synonym_leads_to_a_field_that_there_is() {
        let fields = [ENVELOPE, RECEIVE, &["messages", "receipt_handles", "key"]].concat();
        for (theirs, ours) in SYNONYMS {
            assert_eq!(*theirs, plain(theirs));
            assert!(ours.iter().all(|name| fields.contains(name)), "{theirs}");
        }
    }
}
