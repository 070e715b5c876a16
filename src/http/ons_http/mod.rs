//! The ONS HTTP protocol: what is read and written at the edge, for the relay on the data listener and for the embedded
//! endpoint alike.

pub(super) mod edge;
pub(super) mod endpoint;
pub(super) mod relay;
