//! `mq-gateway receive`: a group's messages, a line each, from a running gateway.
//!
//! It polls like any caller (`poll`), so it may ask another replica each time. A message is acknowledged only after its line was
//! written to stdout and flushed (`writer`, `handles`); what could not be written is given back. What people read says nothing of
//! what a terminal would act on (`text_line`).

mod arguments;
mod handles;
mod message;
mod poll;
mod run;
mod text_line;
mod writer;

use std::io::{self, IsTerminal as _};

use super::client::segment;
use super::environment::environment;
use super::failure::Failure;
use super::format::Format;
use super::width::columns;
use crate::tasks;
use text_line::Look;

pub(super) use arguments::ReceiveArguments;

/// Messages of one receive without --max and --follow.
const USUAL_MESSAGES: u64 = 32;

/// Receives, and writes what came.
pub(super) fn receive(arguments: &ReceiveArguments) -> Result<u8, Failure> {
    let client = arguments.gateway.client()?;
    let is_terminal = io::stdout().is_terminal();
    let no_colour = environment().get("NO_COLOR").is_some_and(|value| !value.is_empty());
    let look = Look { columns: is_terminal.then(columns), colours: is_terminal && !no_colour };
    let format = arguments.format.unwrap_or(if is_terminal { Format::Text } else { Format::Json });
    let settings = run::Settings {
        target: format!("/v1/topics/{}/groups/{}/messages", segment(&arguments.topic), segment(&arguments.group)),
        look: (format == Format::Text).then_some(look),
        follow: arguments.follow,
        ack: arguments.ack,
        most: arguments.max.or((!arguments.follow).then_some(USUAL_MESSAGES)),
        wait: arguments.wait.unwrap_or(if arguments.follow { 20 } else { 5 }),
        visibility_timeout: arguments.visibility_timeout,
        tags: arguments.tags.clone(),
        is_terminal,
    };
    tasks::block_on(run::run(&client, settings))
}
