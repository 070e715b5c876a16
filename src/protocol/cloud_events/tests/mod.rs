//! The codec against what official libraries of four languages write and read.

mod deliveries;
mod messages;
mod vectors;
