//! Values of keys: their kinds and rules as written, and the types that they become. Knows no section.

mod address_range;
mod binary_bodies;
mod endpoint;
mod extra_header;
mod flaw;
mod kind;
mod names;
mod printable_name;
mod secret_text;
mod setting;
mod subscription;
mod target_url;
mod tracing;
mod units;

pub use address_range::AddressRange;
pub use binary_bodies::BinaryBodies;
pub use endpoint::Endpoint;
pub use extra_header::ExtraHeader;
pub use target_url::TargetUrl;

pub(super) use crate::near_word::did_you_mean;
pub(super) use address_range::ADDRESS_RANGE;
pub(super) use endpoint::{EMBEDDED, ENDPOINT};
pub(super) use extra_header::HEADER;
pub(super) use flaw::Flaw;
pub(super) use kind::{Kind, TextRule, Written};
pub(super) use names::{
    ANY, CONTENT_TYPE, EVENT_TEXT, FEATURE, FILTER_TAG, GROUP, GROUP_OR_ANY, INSTANCE, KEY, PRODUCER_GROUP, TABLE_NAME,
    TAG, TOPIC, TOPIC_OR_ANY,
};
pub(super) use printable_name::{is_visible, looks_like_a_key, withheld};
pub(super) use secret_text::{check_secret, is_in_quotes, is_placeholder, template};
pub(super) use setting::{Setting, optional, setting};
pub(super) use subscription::{
    EVENT_SOURCE, EVENT_TYPE, PAUSE, SECRET_FILE, SUBSCRIBED_GROUP, SUBSCRIBED_TOPIC, UNTIL,
};
pub(super) use target_url::TARGET;
pub(super) use tracing::{COLLECTOR, RATE, RESOURCE_ATTRIBUTES, SAMPLER_RATIO, SERVICE_NAME, read_resource_attributes};
pub use units::parse_duration;
pub(super) use units::{duration_text, hours, millis, minutes, seconds};
