//! Takes a subscription's messages, which the gateway sends, signed by Standard Webhooks. Needs `actix-web` (an HTTP server), `hmac`, `sha2`,
//! `base64` and `serde_json`; the crate `standardwebhooks` verifies the same.
//!
//! ```text
//! PORT=9000 WEBHOOK_SECRETS=whsec_… cargo run --example receiver
//! ```

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "an example says what it does, is configured by its environment, and is no part of the gateway"
)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

const TOLERANCE_SECONDS: u64 = 300;
/// In bytes: above what the MQ takes, as 413 makes a dead letter.
const LARGEST: usize = 8 << 20;

/// What the service is for.
#[expect(clippy::unused_async, reason = "yours waits for something")]
async fn work(event: &Value) -> Result<(), Box<dyn Error>> {
    let text = |field| event.get(field).map(Value::to_string).unwrap_or_default();
    println!("processing {} {}", text("id"), text("data"));
    Ok(())
}

struct Receiver {
    /// One, or several while they rotate.
    secrets: Vec<Vec<u8>>,
    /// Whether an id is done, or is being done. A service remembers them where it keeps the work's result, in the same transaction, and
    /// for longer than the retry schedule takes.
    seen: Mutex<HashMap<String, bool>>,
}

impl Receiver {
    /// Whether somebody who has a secret signed these very bytes a moment ago.
    fn is_genuine(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (id, at) = (header("webhook-id"), header("webhook-timestamp"));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if !at.parse::<u64>().is_ok_and(|at| now.abs_diff(at) <= TOLERANCE_SECONDS) {
            return false;
        }
        self.secrets.iter().any(|secret| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
            mac.update(format!("{id}.{at}.").as_bytes());
            mac.update(body);
            header("webhook-signature").split(' ').any(|given| {
                let given = given.strip_prefix("v1,").and_then(|given| STANDARD.decode(given).ok());
                // In constant time.
                given.is_some_and(|given| mac.clone().verify_slice(&given).is_ok())
            })
        })
    }

    /// The status that answers a request.
    async fn answer(&self, headers: &HeaderMap, body: &[u8]) -> StatusCode {
        if !self.is_genuine(headers, body) {
            return StatusCode::UNAUTHORIZED; // comes again by the schedule: the secret may be on its way to us
        }
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
        let before = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let before = seen.get(&id).copied();
            seen.entry(id.clone()).or_insert(false);
            before
        };
        match before {
            Some(true) => return StatusCode::NO_CONTENT, // the answer to the first did not arrive
            Some(false) => return StatusCode::CONFLICT,  // comes again, when the first has ended
            None => (),
        }
        let done = match serde_json::from_slice(body) {
            Ok(event) => work(&event).await,
            Err(error) => Err(error.into()),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = done {
            eprintln!("failed: {id} {error}");
            seen.remove(&id);
            return StatusCode::INTERNAL_SERVER_ERROR; // comes again by the schedule
        }
        seen.insert(id, true);
        StatusCode::NO_CONTENT // after the work: the message is acknowledged now
    }
}

/// The bytes as they came: whatever parses them first cannot verify them any more.
async fn receive(receiver: Data<Receiver>, request: HttpRequest, body: Bytes) -> HttpResponse {
    HttpResponse::build(receiver.answer(request.headers(), &body).await).finish()
}

fn variable(name: &str, otherwise: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

fn main() -> Result<(), Box<dyn Error>> {
    actix_web::rt::System::new().block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let secrets = std::env::var("WEBHOOK_SECRETS")?;
    let secrets = secrets.split_whitespace().map(|secret| STANDARD.decode(secret.trim_start_matches("whsec_")));
    let receiver = Data::new(Receiver { secrets: secrets.collect::<Result<_, _>>()?, seen: Mutex::default() });
    let server = HttpServer::new(move || {
        let app = App::new().app_data(Data::clone(&receiver)).app_data(PayloadConfig::new(LARGEST));
        app.default_service(web::post().to(receive))
    });
    let server = server.workers(2).bind((variable("HOST", "127.0.0.1"), variable("PORT", "9000").parse()?))?;
    println!("listening on {}", server.addrs().first().map_or(0, std::net::SocketAddr::port));
    Ok(server.run().await?)
}
