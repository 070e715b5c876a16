//! The fuzz targets of upstreams.

pub(crate) use super::rocketmq::fuzzing::routes;
