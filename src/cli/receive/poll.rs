//! One receive after the other, over a gateway's restarts where the command is to go on.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use serde_json::value::RawValue;

use super::message::Received;
use crate::cli::client::{ClientError, GatewayClient};
use crate::cli::output::complain;

/// Most messages of one receive, the API's own limit.
const MOST_AT_ONCE: u64 = 32;
/// What a gateway may take longer than it was asked to wait.
const MARGIN: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What is asked for each time.
pub(super) struct Poller<'a> {
    pub(super) target: String,
    pub(super) visibility_timeout: Option<Duration>,
    pub(super) tags: Option<String>,
    /// Whether failures that may pass are waited out, once a receive has worked.
    pub(super) persists: bool,
    pub(super) client: &'a GatewayClient,
    pub(super) trouble: Trouble,
}

/// What went wrong since the last success.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    has_worked: bool,
    /// As it was last told.
    told: Option<String>,
    pause: Option<Duration>,
}

impl Poller<'_> {
    /// Waits `wait` seconds at most for up to `most` messages.
    ///
    /// # Errors
    /// What a person has to mend, or what may pass where nobody wants to wait for it.
    pub(super) async fn next(&mut self, most: u64, wait: u8) -> Result<Vec<Box<RawValue>>, ClientError> {
        loop {
            match self.once(most, wait).await {
                Ok(messages) => {
                    let trouble = std::mem::take(&mut self.trouble);
                    self.trouble.has_worked = true;
                    if trouble.told.is_some() {
                        complain("the gateway answers again");
                    }
                    return Ok(messages);
                }
                Err(error) if self.persists && self.trouble.has_worked && error.may_pass() => {
                    self.trouble.tell(&error);
                    tokio::time::sleep(self.trouble.next_pause()).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn once(&self, most: u64, wait: u8) -> Result<Vec<Box<RawValue>>, ClientError> {
        let mut asked = json!({ "max_messages": most.min(MOST_AT_ONCE), "wait_seconds": wait });
        if let Some(fields) = asked.as_object_mut() {
            let timeout = self.visibility_timeout.map(|timeout| timeout.as_secs());
            fields.extend(timeout.map(|seconds| ("visibility_timeout_seconds".to_owned(), json!(seconds))));
            fields.extend(
                self.tags
                    .as_ref()
                    .map(|tags| ("tags".to_owned(), json!(tags.split("||").map(str::trim).collect::<Vec<_>>()))),
            );
        }
        let limit = Duration::from_secs(u64::from(wait)) + MARGIN;
        let body = Bytes::from(asked.to_string());
        let reply = self.client.post(format!("{}:receive", self.target), body, limit).await?;
        Ok(reply.json::<Received>()?.messages)
    }
}

impl Trouble {
    /// Once for each kind of it.
    fn tell(&mut self, error: &ClientError) {
        if self.told.as_deref() != Some(error.code()) {
            complain(&format!("{error}. Trying again until it answers"));
            self.told = Some(error.code().to_owned());
        }
    }

    fn next_pause(&mut self) -> Duration {
        let pause = self.pause.unwrap_or(FIRST_PAUSE);
        self.pause = Some((pause * 2).min(LONGEST_PAUSE));
        pause
    }
}
