//! What to do about a finding, in the words that fit the protocol.

use super::http_protocol::HttpProtocol;
use super::probes::Target;
use crate::app::CredentialsError;
use crate::embedded;

pub(super) const CLOCK: &str =
    "correct the clock first and run this again: before that nothing can be said about keys, topics and groups";
pub(super) const DELAY: &str = "see whether something on the way delays requests or rewrites their time";
pub(super) const HEADERS: &str = "see whether a proxy on the way removes or rewrites `Authorization` or `Date`";
pub(super) const ADDRESS: &str = "see whether this is the address of the MQ's HTTP interface, and no proxy's or \
                                  website's, and whether it speaks the profile's `protocol`";
pub(super) const UNAVAILABLE: &str = "ask whoever runs the MQ, or try again later";
pub(super) const OTHER_ENDPOINT: &str = "the endpoint that runs there has another data directory: name it with \
                                         --data-dir, or stop that endpoint";
pub(super) const NAME_BOTH: &str = "name a topic and a group in the configuration and run this again";
pub(super) const NAME_A_GROUP: &str = "name a group of the topic in the configuration and run this again";
/// Of MQ HTTP: its answers tell a lack of permission from a lack of keys.
pub(super) const PERMISSION: &str = "see at the vendor's console that the access key is active, that topic, group and \
                                     instance belong to its account, and that its user may receive from them";

/// What answers at `management.listen` tells nothing of a store.
pub(super) const MANAGEMENT: &str = "see whether the gateway that is to be asked runs with this configuration, and whether \
                                     `management.listen` is its own address alone";
pub(super) const STORE_FULL: &str = "make room on the disk of its data directory (where `when_full` is \"refuse\": raise \
                                     `retention_bytes`), or receive and acknowledge what is there; it heals by itself";
pub(super) const STORE_IO: &str = "see what the kernel's log says of the disk of its data directory; once a write reaches the \
                                   disk it heals by itself";
pub(super) const STORE_DAMAGE: &str = "have memory and disk of this machine checked, and keep a backup of the data directory, \
                                       made while the gateway is stopped";
/// Their rows are not shown to anybody: only who published them has their content.
pub(super) const SET_ASIDE: &str = "have memory and disk of this machine checked; the log tells when they were found; have \
                                    publishers send again what no group got, since only they have it as it was; retention \
                                    takes what is set aside like any other message";

/// The embedded endpoint has the topics that its configuration lists.
const LISTED_TOPICS: &str = "add it to `topics` below [embedded], or leave that list empty";
/// Where it may be that, or other keys.
const LISTED_TOPICS_OR_ENDPOINT: &str = "add the topic to `topics` below [embedded], or leave that list empty; or the endpoint \
                                         that runs there has another data directory: name it with --data-dir, or stop \
                                         that endpoint";
/// The MQ does not know the access key.
pub(super) const ACCESS_KEY: &str = "compare the access key with the vendor's console, character by character, and see there \
                                     that it is active; a temporary one expires, and needs the file security_token beside it";
/// The MQ knows the access key, and the signature is another.
pub(super) const SIGNATURE: &str = "compare the secret key with the vendor's console, character by character; \
                                    `mq-gateway sign --explain` shows what is signed, and a proxy on the way must not \
                                    change it";

/// Where the keys cannot be read.
pub(super) const fn key_files(error: &CredentialsError) -> &'static str {
    match error {
        CredentialsError::NoTable(_) | CredentialsError::Files(_) => {
            "write the key into this file, alone and without quotes, readable by the gateway's user; in Kubernetes compare \
             the Secret's keys with the names of the files"
        }
        CredentialsError::Endpoint(embedded::CredentialsError::Missing { .. })
        | CredentialsError::NoEndpoint
        | CredentialsError::Nowhere => {
            "start `mq-gateway` (or `mq-gateway embedded-mq`) with this data directory, or name another with --data-dir"
        }
        CredentialsError::Endpoint(
            embedded::CredentialsError::Malformed { .. }
            | embedded::CredentialsError::Io { .. }
            | embedded::CredentialsError::Random(_),
        ) => "correct the file or its permissions; without it the endpoint makes new keys at its next start",
    }
}

/// Where the keys are in doubt.
pub(super) const fn keys(target: &Target) -> &'static str {
    if target.embedded {
        return LISTED_TOPICS_OR_ENDPOINT;
    }
    match target.protocol {
        HttpProtocol::OnsHttp => {
            "compare access key and secret key with the vendor's console, character by character, and see there that \
             topic and group exist and belong to this account; `mq-gateway sign --explain` shows what is signed"
        }
        HttpProtocol::MqHttp => {
            "compare access key and secret key with the vendor's console, character by character; temporary ones need \
             the file security_token beside them, and expire; `mq-gateway sign --explain` shows what is signed"
        }
    }
}

/// Where a topic or a group is in doubt.
pub(super) const fn name(target: &Target) -> &'static str {
    if target.embedded {
        return LISTED_TOPICS;
    }
    match target.protocol {
        HttpProtocol::OnsHttp => {
            "create it at the vendor's console or correct the name in the configuration; names are exact, letter case \
             included"
        }
        HttpProtocol::MqHttp => {
            "create it at the vendor's console or correct the name in the configuration; names are exact, letter case \
             included, and those of an instance with a namespace need the profile's `instance_id`"
        }
    }
}

/// Where a group is in doubt: the embedded endpoint has every group whose name is legal.
pub(super) const fn group_name(target: &Target) -> &'static str {
    if target.embedded { "correct the name in the configuration" } else { name(target) }
}

/// Where a topic or a group was refused to good keys.
pub(super) const fn refused_name(target: &Target) -> &'static str {
    match target.protocol {
        HttpProtocol::MqHttp if !target.embedded => PERMISSION,
        HttpProtocol::OnsHttp | HttpProtocol::MqHttp => name(target),
    }
}
