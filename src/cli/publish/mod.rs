//! `mq-gateway publish`: one message, or a file of them, through a running gateway.
//!
//! One message goes as its bytes, whatever they are, with its options in the query. A file's lines go as batches (`lines`,
//! `batch`, `run`): what was certainly not published is tried again where that may help, what may have been published never.

mod arguments;
mod batch;
mod body;
mod envelope;
mod limit;
mod lines;
mod one;
mod report;
mod run;

use super::client::segment;
use super::failure::Failure;
use crate::tasks;

pub(super) use arguments::PublishArguments;

/// Publishes, and prints what came of it.
pub(super) fn publish(arguments: &PublishArguments) -> Result<u8, Failure> {
    let client = arguments.gateway.client()?;
    let topic = format!("/v1/topics/{}", segment(&arguments.topic));
    match (&arguments.ndjson, &arguments.body) {
        (Some(path), _) => {
            let input = lines::Input::open(path)?;
            let settings = run::Settings {
                target: format!("{topic}/messages:batch"),
                batches: usize::from(arguments.concurrency),
                patience: arguments.retry_for,
                json: arguments.json,
            };
            tasks::block_on(run::run(&client, settings, input))
        }
        (None, body) => {
            let bytes = body.as_deref().map_or_else(body::of_stdin, body::read)?;
            let query = one::query(arguments)?;
            let target = format!("{topic}/messages{query}");
            tasks::block_on(one::publish(&client, target, bytes, arguments.json))
        }
    }
}
