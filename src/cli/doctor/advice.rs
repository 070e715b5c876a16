//! What to do about an answer, in the words that fit the protocol.

use super::questions::Respondent;
use crate::model::Protocol;

pub(super) const CLOCK: &str =
    "mend the clock first and ask again: before that nothing can be said about keys, topics and groups";
pub(super) const DELAY: &str = "see whether something on the way holds requests back or writes their time anew";
pub(super) const HEADERS: &str =
    "see whether a proxy on the way takes `Authorization` or `Date` out, or writes them anew";
pub(super) const FOREIGN: &str = "see whether this is the address of the MQ's HTTP interface, and no proxy's or \
                                  website's, and whether it speaks the profile's `protocol`";
pub(super) const UNABLE: &str = "ask whoever runs the MQ, or try again later";
pub(super) const OTHER_ENDPOINT: &str = "the endpoint that runs there has another data directory: name it with \
                                         --data-dir, or end that one";
pub(super) const NAME_THEM: &str = "name a topic and a group in the configuration and ask again";
pub(super) const NAME_A_GROUP: &str = "name a group of the topic in the configuration and ask again";
/// Of MQ HTTP: its answers tell a lack of permission from a lack of keys.
pub(super) const PERMISSION: &str = "see at the vendor's console that the access key is active, that topic, group and \
                                     instance belong to its account, and that its user may receive from them";

/// The embedded endpoint has the topics that its configuration lists.
const LISTED_TOPICS: &str = "add it to `topics` below [embedded], or leave that list empty";
/// Where it may be that, or other keys.
const LISTED_TOPICS_OR_ENDPOINT: &str = "add the topic to `topics` below [embedded], or leave that list empty; or the endpoint \
                                         that runs there has another data directory: name it with --data-dir, or end \
                                         that one";
/// The MQ does not know the access key.
pub(super) const ACCESS_KEY: &str = "compare the access key with the vendor's console, character by character, and see there \
                                     that it is active; a temporary one ends, and needs the file security_token beside it";
/// The MQ knows the access key, and the signature is another.
pub(super) const SIGNATURE: &str = "compare the secret key with the vendor's console, character by character; \
                                    `mq-gateway sign --explain` shows what is signed, and a proxy on the way must not \
                                    change it";

/// Where the keys are in doubt.
pub(super) const fn keys(respondent: &Respondent) -> &'static str {
    if respondent.embedded {
        return LISTED_TOPICS_OR_ENDPOINT;
    }
    match respondent.protocol {
        Protocol::OnsHttp => {
            "compare access key and secret key with the vendor's console, character by character, and see there that \
             topic and group exist and belong to this account; `mq-gateway sign --explain` shows what is signed"
        }
        Protocol::MqHttp => {
            "compare access key and secret key with the vendor's console, character by character; temporary ones need \
             the file security_token beside them, and end; `mq-gateway sign --explain` shows what is signed"
        }
    }
}

/// Where a topic or a group is in doubt.
pub(super) const fn name(respondent: &Respondent) -> &'static str {
    if respondent.embedded {
        return LISTED_TOPICS;
    }
    match respondent.protocol {
        Protocol::OnsHttp => {
            "create it at the vendor's console or mend the name in the configuration; names are exact, letter case \
             included"
        }
        Protocol::MqHttp => {
            "create it at the vendor's console or mend the name in the configuration; names are exact, letter case \
             included, and those of an instance with a namespace need the profile's `instance_id`"
        }
    }
}

/// Where a group is in doubt: the embedded endpoint has every group whose name is legal.
pub(super) const fn group_name(respondent: &Respondent) -> &'static str {
    if respondent.embedded { "mend the name in the configuration" } else { name(respondent) }
}

/// Where a topic or a group was refused to good keys.
pub(super) const fn refused_name(respondent: &Respondent) -> &'static str {
    match respondent.protocol {
        Protocol::MqHttp if !respondent.embedded => PERMISSION,
        Protocol::OnsHttp | Protocol::MqHttp => name(respondent),
    }
}
