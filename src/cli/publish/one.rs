//! Publishes one message.

use bytes::Bytes;
use serde::Deserialize;

use super::arguments::PublishArguments;
use super::limit::LIMIT;
use crate::cli::client::{Asked, GatewayClient, segment};
use crate::cli::failure::Failure;
use crate::cli::output::{complain, print, print_json};
use crate::cli::visible::visible;
use crate::http_message::Method;

/// What a gateway says of a message that it took.
#[derive(Deserialize)]
struct Published {
    #[serde(default)]
    message_id: Option<String>,
    /// Of a message that waits at the gateway.
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    durability: Option<String>,
}

/// The options of a message, as the query of a raw publish.
pub(super) fn query(arguments: &PublishArguments) -> Result<String, Failure> {
    let mut pairs: Vec<(String, &str)> = Vec::new();
    let delay = arguments.delay.map(|delay| delay.as_secs().to_string());
    if arguments.delay.is_some_and(|delay| delay.subsec_nanos() > 0) {
        return Err(Failure::usage("--delay: whole seconds only"));
    }
    for (name, value) in [
        ("tag", arguments.tag.as_deref()),
        ("message_group", arguments.message_group.as_deref()),
        ("deliver_at", arguments.deliver_at.as_deref()),
        ("delay_seconds", delay.as_deref()),
    ] {
        pairs.extend(value.map(|value| (name.to_owned(), value)));
    }
    pairs.extend(arguments.keys.iter().map(|key| ("key".to_owned(), key.as_str())));
    pairs.extend(arguments.properties.iter().map(|(name, value)| (format!("property.{name}"), value.as_str())));
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", segment(name), segment(value))).collect();
    Ok(if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) })
}

/// Publishes these bytes and prints the message id.
pub(super) async fn publish(client: &GatewayClient, target: String, bytes: Bytes, json: bool) -> Result<u8, Failure> {
    let body = Some(("application/octet-stream".to_owned(), bytes));
    let reply = client.ask(Asked { method: Method::Post, target, body, limit: LIMIT }).await?;
    let published: Published = reply.json()?;
    if json {
        print_json(&String::from_utf8_lossy(&reply.body))?;
    } else {
        print(&visible(&published.message_id.or(published.id).unwrap_or_default()))?;
    }
    if reply.status == 202 {
        complain("queued at the gateway: the MQ does not have the message yet");
    }
    if let Some(durability) = published.durability {
        complain(&format!(
            "published, but its durability is {}: the MQ did not confirm every copy",
            visible(&durability)
        ));
    }
    Ok(0)
}
