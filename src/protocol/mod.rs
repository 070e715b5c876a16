//! The vendors' wire formats, pure codecs in both directions: no socket, no clock, no HTTP library.
//!
//! The upstream encodes what the embedded endpoint decodes, and the other way round for answers, so each format is
//! written down once.

pub mod form;
pub mod mq_http;
pub mod ons_http;
