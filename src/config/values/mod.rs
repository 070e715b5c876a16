//! Values of keys: their kinds and rules as written, and the types that they become. Knows no section.

mod binary_bodies;
mod endpoint;
mod flaw;
mod kind;
mod names;
mod printable_name;
mod secret_text;
mod setting;
mod tracing;
mod units;

pub use binary_bodies::BinaryBodies;
pub use endpoint::Endpoint;

pub(super) use crate::near_word::did_you_mean;
pub(super) use endpoint::{EMBEDDED, ENDPOINT};
pub(super) use flaw::Flaw;
pub(super) use kind::{Kind, TextRule, Written, hours, millis, minutes, seconds};
pub(super) use names::{
    ANY, CONTENT_TYPE, FEATURE, FILTER_TAG, GROUP, GROUP_OR_ANY, INSTANCE, KEY, PRODUCER_GROUP, TABLE_NAME, TAG, TOPIC,
    TOPIC_OR_ANY,
};
pub(super) use printable_name::{looks_like_a_key, withheld};
pub(super) use secret_text::{check_secret, is_in_quotes, is_placeholder, template};
pub(super) use setting::{Setting, setting};
pub(super) use tracing::{COLLECTOR, RATE, RESOURCE_ATTRIBUTES, SAMPLER_RATIO, SERVICE_NAME, read_resource_attributes};
