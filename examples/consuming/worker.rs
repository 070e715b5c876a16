//! Works on a group's messages as they come, over one stream. Needs `awc` (an HTTP client), `serde_json` and `futures-util`.
//!
//! ```text
//! GATEWAY_URL=http://127.0.0.1:8080 TOPIC=orders GROUP=billing cargo run --example worker
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "an example says what it does, is configured by its environment, and is no part of the gateway"
)]

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Duration;

use awc::Client;
use awc::http::StatusCode;
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// So many may be under way here. What waits for its turn does so within its visibility timeout: that has to be longer than the work on
/// all of them.
const IN_FLIGHT: usize = 10;
/// The gateway says something every 15 s.
const SILENCE: Duration = Duration::from_secs(45);
/// Most bytes of one event.
const LARGEST: usize = 64 << 20;

type Failure = Box<dyn Error>;

/// What the service is for. It may be called twice for one message, and has to bear that.
#[expect(clippy::unused_async, reason = "yours waits for something")]
async fn work(message: &Value) -> Result<(), Failure> {
    println!("processing {} {}", text(message, "message_id"), text(message, "body"));
    Ok(())
}

struct Worker {
    client: Client,
    messages: String,
    pause: Duration,
    /// Ends after so many; 0: never.
    enough: usize,
}

impl Worker {
    async fn acknowledge(&self, message: &Value) -> Result<(), Failure> {
        let handles = json!({ "receipt_handles": [text(message, "receipt_handle")] });
        let request = self.client.post(format!("{}:ack", self.messages)).timeout(Duration::from_secs(30));
        let mut answer = request.send_json(&handles).await?;
        // 207: not acknowledged, `results` say why.
        if answer.status() != StatusCode::OK {
            return Err(String::from_utf8_lossy(&answer.body().await?).into());
        }
        println!("acknowledged {}", text(message, "message_id"));
        Ok(())
    }

    /// Works until the stream ends, or enough was done.
    async fn stream(&mut self) -> Result<ControlFlow<()>, Failure> {
        let url = format!("{}:stream?max_in_flight={IN_FLIGHT}", self.messages);
        let request = self.client.get(url).insert_header(("Accept", "text/event-stream"));
        let mut answer = timeout(SILENCE, request.send()).await??;
        if answer.status() != StatusCode::OK {
            let body = answer.body().await?;
            let problem = format!("{} {}", answer.status(), String::from_utf8_lossy(&body));
            let is_lasting = answer.status().is_client_error() && answer.status() != StatusCode::TOO_MANY_REQUESTS;
            eprintln!("stream: {problem}");
            // Such as a topic that is not there: coming back does not help.
            return if is_lasting { Err(problem.into()) } else { Ok(ControlFlow::Continue(())) };
        }
        let (mut unread, mut data) = (Vec::new(), Vec::new());
        while let Some(bytes) = timeout(SILENCE, answer.next()).await? {
            unread.extend_from_slice(&bytes?);
            while let Some(end) = unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = unread.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                if let Some(value) = line.strip_prefix("data:") {
                    data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
                } else if let Some(millis) = line.strip_prefix("retry:").and_then(|value| value.trim().parse().ok()) {
                    self.pause = Duration::from_millis(millis);
                } else if line.is_empty() && !data.is_empty() {
                    let message: Value = serde_json::from_str(&std::mem::take(&mut data).join("\n"))?;
                    if self.settle(&message).await.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            if unread.len() > LARGEST {
                return Err("an event without an end".into());
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The work comes first, then the acknowledgement: whatever ends in between brings the message again.
    async fn settle(&mut self, message: &Value) -> ControlFlow<()> {
        let settled = match work(message).await {
            Ok(()) => self.acknowledge(message).await,
            Err(error) => Err(error),
        };
        match settled {
            Ok(()) => {
                self.enough = self.enough.wrapping_sub(1);
                if self.enough == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
            Err(error) => {
                // Not acknowledged: it comes again after its visibility timeout.
                eprintln!("left for later: {} {error}", text(message, "message_id"));
                ControlFlow::Continue(())
            }
        }
    }
}

fn text<'a>(message: &'a Value, field: &str) -> &'a str {
    message.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn variable(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

fn main() -> Result<(), Failure> {
    actix_web::rt::System::new().block_on(run())
}

async fn run() -> Result<(), Failure> {
    let messages = format!(
        "{}/v1/topics/{}/groups/{}/messages",
        variable("GATEWAY_URL", "http://127.0.0.1:8080"),
        variable("TOPIC", "orders"),
        variable("GROUP", "billing")
    );
    // The stream has no end in time; what is short has a limit of its own.
    let client = Client::builder().disable_timeout().finish();
    let enough = variable("MESSAGES", "0").parse()?;
    let mut worker = Worker { client, messages, pause: Duration::from_secs(3), enough };
    loop {
        match worker.stream().await {
            Ok(ControlFlow::Break(())) => return Ok(()),
            Ok(ControlFlow::Continue(())) => (),
            Err(error) => eprintln!("stream: {error}"),
        }
        // A stream ends whenever a gateway is replaced. What was not acknowledged comes again.
        sleep(worker.pause).await;
    }
}
