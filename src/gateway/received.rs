//! What a receive asks for, and what it brings.

use std::time::Duration;

use super::recall::Recall;
use super::receipt_handle::ReceiptHandle;
use crate::memory::Charge;
use crate::model::{Delivery, TagFilter};

/// What a caller asks for, inside the contract's ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiveRequest {
    /// 1 to 32.
    pub max_messages: u32,
    /// 0 to 30 s.
    pub wait: Duration,
    /// Which tags; `None` is any.
    pub tags: Option<TagFilter>,
    /// In order within each message group, also where the group is not configured so.
    pub ordered: bool,
    /// How long what comes is hidden from others; `None` is as long as the MQ hides it by itself.
    pub visibility_timeout: Option<Duration>,
    /// Whether the MQ is told that there is no wait, in the caller's own words, where the profile would leave that out.
    pub says_no_wait: bool,
}

/// What a caller gets.
#[derive(Debug)]
pub struct Received {
    /// Each delivery with the receipt handle that acknowledges it.
    pub messages: Vec<(Delivery, ReceiptHandle)>,
    /// Set when the request was lowered to what the profile can do, or to what there was memory for.
    pub applied_max_messages: Option<u32>,
    /// Set when the profile has none that is so short, or so long.
    pub applied_visibility_timeout: Option<Duration>,
    /// What the messages take until they are written.
    pub memory: Charge,
    /// For a caller who is gone; `None` where the MQ takes nothing back.
    pub recall: Option<Recall>,
}

/// What a caller gets that knows the MQ's own handles.
#[derive(Debug)]
pub struct Deliveries {
    /// The messages.
    pub messages: Vec<Delivery>,
    /// Most messages that were asked for.
    pub max_messages: u32,
    /// What the messages take until they are written.
    pub memory: Charge,
    /// For a caller who is gone; `None` where the MQ takes nothing back.
    pub recall: Option<Recall>,
}
