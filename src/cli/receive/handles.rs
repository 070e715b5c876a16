//! What becomes of deliveries: acknowledged, or given back.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::cli::client::{ClientError, GatewayClient, Problem};
use crate::cli::stop::Ending;

const LIMIT: Duration = Duration::from_secs(30);
/// How long an acknowledgement is tried again: it may be sent twice without harm.
const PATIENCE: Duration = Duration::from_secs(15);
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// For giving back, of which nothing depends.
const LIMIT_OF_GIVING_BACK: Duration = Duration::from_secs(3);

/// One delivery.
#[derive(Debug, Clone)]
pub(super) struct Delivery {
    pub(super) message_id: String,
    pub(super) receipt_handle: String,
}

/// What came of an acknowledgement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Acknowledged {
    /// It is.
    Yes,
    /// It is, but so late that the message may come again.
    Late,
    /// It is not, for people.
    No(String),
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    late: bool,
    #[serde(default)]
    problem: Option<Problem>,
}

/// Acknowledges the deliveries, at most 100; the results are in the same order.
pub(super) async fn acknowledge(
    client: &GatewayClient,
    target: &str,
    deliveries: &[Delivery],
    ending: &Ending,
) -> Vec<Acknowledged> {
    let mut results: Vec<Option<Acknowledged>> = deliveries.iter().map(|_| None).collect();
    let until = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let open: Vec<usize> = (0..).zip(&results).filter(|(_, it)| it.is_none()).map(|(at, _)| at).collect();
        if open.is_empty() {
            break;
        }
        let may_retry = Instant::now() < until && !ending.has_begun();
        let handles: Vec<&Delivery> = open.iter().filter_map(|at| deliveries.get(*at)).collect();
        let items = send(client, format!("{target}:ack"), &handles, LIMIT).await;
        for (place, at) in open.iter().enumerate() {
            let result = match &items {
                Ok(items) => items.get(place).map(|item| of_item(item, may_retry)),
                Err(error) if may_retry && error.may_pass() => Some(None),
                Err(error) => Some(Some(Acknowledged::No(error.to_string()))),
            };
            let result = result.unwrap_or_else(|| Some(Acknowledged::No("the answer does not say".to_owned())));
            if let Some(slot) = results.get_mut(*at) {
                *slot = result;
            }
        }
        if results.iter().any(Option::is_none) {
            ending.wait(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
    results.into_iter().flatten().collect()
}

/// `None`: it is to be tried again.
fn of_item(item: &Item, may_retry: bool) -> Option<Acknowledged> {
    match &item.problem {
        None if item.late => Some(Acknowledged::Late),
        None => Some(Acknowledged::Yes),
        Some(problem) if problem.retryable && may_retry => None,
        Some(problem) => Some(Acknowledged::No(problem.to_string())),
    }
}

/// Lets the group have the deliveries at once, where the MQ has a way for that; they come again in any case.
pub(super) async fn give_back(client: &GatewayClient, target: &str, deliveries: &[Delivery]) {
    let handles: Vec<&Delivery> = deliveries.iter().collect();
    if !handles.is_empty() {
        drop(send(client, format!("{target}:nack"), &handles, LIMIT_OF_GIVING_BACK).await);
    }
}

async fn send(
    client: &GatewayClient,
    target: String,
    deliveries: &[&Delivery],
    limit: Duration,
) -> Result<Vec<Item>, ClientError> {
    let handles: Vec<&str> = deliveries.iter().map(|delivery| delivery.receipt_handle.as_str()).collect();
    let body = Bytes::from(json!({ "receipt_handles": handles }).to_string());
    let answer: Answer = client.post(target, body, limit).await?.json()?;
    Ok(answer.results)
}
