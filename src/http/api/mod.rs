//! The REST API: one file per operation.

mod acknowledge;
mod batch;
mod change_visibility;
mod cloud_events;
mod compact;
mod content_type;
mod docs;
mod envelope;
mod forgotten_type;
#[cfg(any(test, fuzzing))]
pub(in crate::http) mod fuzzing;
mod handle_results;
mod json;
mod json_body;
mod markup;
mod openapi;
mod plain_envelope;
mod prefer;
mod problems_page;
mod publish;
mod published;
mod raw;
mod read_envelope;
mod receive;
mod received_body;
mod shape;
mod stream;
mod stream_body;
mod stream_item;
mod times;
mod topics;
mod unknown_field;

pub(super) use acknowledge::acknowledge;
pub(super) use batch::batch;
pub(super) use change_visibility::{extend, nack};
pub(super) use content_type::{has_no_body, require_json};
pub(super) use docs::{asset, index, problems, redirect, to_index};
pub(super) use openapi::openapi;
pub(super) use publish::publish;
pub(super) use receive::{receive, receive_by_query};
pub(super) use shape::{Field, FieldKind, TWICE, object_of_shape};
pub(super) use stream::{come_back_later, stream};
pub(super) use times::rfc3339;
pub(super) use topics::{topic, topics};
