//! The words of the project as types: parsed once at the door, trusted inside. No serde, no HTTP.

mod capabilities;
mod delivery;
mod features;
mod flaw;
mod message;
mod names;
mod operation;
mod outcome;
mod request_field;
mod side;
mod tag_filter;
mod timestamp;
mod verb;
mod visibility_change;
mod words;

pub use capabilities::{Capabilities, OptionalFeatures, Protocol, ProtocolLimits, VisibilityTimeouts};
pub use delivery::Delivery;
pub use features::{Feature, Features};
pub use flaw::Flaw;
pub use message::{MAX_DELAY, MAX_KEYS, MAX_PROPERTIES, Message};
pub use names::{
    ConsumerGroup, Key, MAX_MESSAGE_GROUP_CHARS, MAX_NAME_CHARS, MAX_TAG_CHARS, MessageGroup, MessageId, Name,
    NameError, Tag, Topic, UpstreamHandle,
};
pub use operation::Operation;
pub use outcome::{Durability, Outcome, Published};
pub use request_field::RequestField;
pub use side::Side;
pub use tag_filter::{MAX_FILTER_TAGS, TagFilter};
pub use timestamp::UnixMillis;
pub use verb::Verb;
pub use visibility_change::{ChangedDelivery, VisibilityChange};
pub use words::Word;

pub(crate) use words::words;
