//! The commands of people: `publish`, `receive`, `completions`, `man`, against running gateways, and against servers that answer what
//! a test wants.

mod errors;
mod fake_gateway;
mod lines;
mod person;
mod publish;
mod receive;
mod redrive;
mod shells;
mod terminal;
