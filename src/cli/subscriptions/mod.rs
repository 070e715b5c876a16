//! `subscriptions`: how they are in each of several gateways, and pausing them there.
//!
//! A pause is a process's own: with replicas, name all of them. Whoever does not answer is told on stderr, and the others are
//! asked all the same.

mod arguments;
mod table;

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

pub(super) use arguments::SubscriptionsArguments;

use super::client::{ClientError, GatewayClient, ManagementArguments, segment};
use super::failure::{BAD, Failure};
use super::format::Format;
use super::output;
use crate::tasks;
use arguments::{ChangeArguments, SubscriptionsCommand};

/// How long a gateway may take to answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Runs the command.
pub(super) fn subscriptions(arguments: &SubscriptionsArguments) -> Result<u8, Failure> {
    match &arguments.command {
        None => ask_all(&arguments.gateways, arguments.format, async |client| {
            client.get("/v1/subscriptions".to_owned(), LIMIT).await?.json()
        }),
        Some(SubscriptionsCommand::Pause(change)) => change_all(change, "pause"),
        Some(SubscriptionsCommand::Resume(change)) => change_all(change, "resume"),
    }
}

fn change_all(change: &ChangeArguments, verb: &str) -> Result<u8, Failure> {
    let target = format!("/v1/subscriptions/{}:{verb}", segment(&change.name));
    ask_all(&change.gateways, change.format, async |client| {
        client.post(target.clone(), Bytes::new(), LIMIT).await?.json()
    })
}

/// Asks each gateway and prints all answers; bad where one of them has none.
fn ask_all(
    gateways: &ManagementArguments,
    format: Format,
    ask: impl AsyncFn(&GatewayClient) -> Result<Value, ClientError>,
) -> Result<u8, Failure> {
    let clients = gateways.clients()?;
    let answers = tasks::block_on(async {
        let mut answers = Vec::with_capacity(clients.len());
        for client in &clients {
            answers.push((client.url(), ask(client).await));
        }
        answers
    });
    let (mut good, mut code) = (Vec::new(), 0);
    for (url, answer) in answers {
        match answer {
            Ok(answer) => good.push((url, answer)),
            Err(error) => {
                code = BAD;
                output::complain(&format!("{url}: {error}"));
            }
        }
    }
    if code == 0 || !good.is_empty() {
        match format {
            Format::Text => output::print(&table::table(&good))?,
            Format::Json => output::print_json(&json_of(&good))?,
        }
    }
    Ok(code)
}

/// Each gateway's answer beside where it was asked.
fn json_of(gateways: &[(String, Value)]) -> String {
    let gateways: Vec<Value> = gateways
        .iter()
        .map(|(url, answer)| json!({"url": url, "pod": answer["pod"], "subscriptions": answer["subscriptions"]}))
        .collect();
    json!({ "gateways": gateways }).to_string()
}
