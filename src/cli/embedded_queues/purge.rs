//! `purge`: one piece after the other.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{LIMIT, PurgeArguments};
use crate::cli::client::segment;
use crate::cli::failure::Failure;
use crate::cli::output;
use crate::cli::progress::{Progress, per_second};
use crate::tasks;

#[derive(Deserialize)]
struct Purged {
    purged: u64,
    until: String,
    remaining: bool,
}

/// Empties what is named.
pub(in crate::cli) fn purge(arguments: &PurgeArguments) -> Result<u8, Failure> {
    tasks::block_on(pieces(arguments))
}

async fn pieces(arguments: &PurgeArguments) -> Result<u8, Failure> {
    let client = arguments.gateway.client()?;
    let target = format!("/v1/embedded/topics/{}/messages:purge", segment(&arguments.topic));
    let mut options = Map::new();
    if let Some(group) = &arguments.group {
        options.insert("group".to_owned(), json!(group));
    }
    if arguments.yes {
        options.insert("confirmed".to_owned(), json!(true));
    }
    let mut progress = Progress::start();
    let mut gone = 0;
    loop {
        let body = Bytes::from(Value::Object(options.clone()).to_string());
        let purged = client.post(target.clone(), body, LIMIT).await.and_then(|reply| reply.json::<Purged>());
        let purged = match purged {
            Ok(purged) => purged,
            Err(error) if gone > 0 => {
                progress.clear();
                return Err(Failure::bad(format!("{error} ({gone} messages are gone; it can be run again)")));
            }
            Err(error) => return Err(error.into()),
        };
        gone += purged.purged;
        progress.show(&format!("{gone} messages, {}", per_second(gone, progress.elapsed())));
        if !purged.remaining {
            progress.clear();
            output::print(&format!("purged {gone}"))?;
            return Ok(0);
        }
        options.insert("until".to_owned(), json!(purged.until));
    }
}
