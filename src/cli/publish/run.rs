//! Publishes a file, a few batches at a time.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, interval_at, timeout};

use super::batch::{Publisher, Settled};
use super::lines::{Chunk, Input};
use super::report::Report;
use crate::cli::client::GatewayClient;
use crate::cli::failure::{BAD, Failure};
use crate::cli::output::complain;
use crate::cli::progress;
use crate::cli::stop::{Ending, StopSignals};

/// How long a reader may take to say whether there is more, when a run stops.
const READER: Duration = Duration::from_secs(1);

/// How a file is published.
#[derive(Debug)]
pub(super) struct Settings {
    /// The route of batches.
    pub(super) target: String,
    /// Most of them under way.
    pub(super) batches: usize,
    /// How long something is tried again.
    pub(super) patience: Duration,
    pub(super) json: bool,
}

/// Why no more lines are taken, for people.
type Halt = Option<String>;

/// The message groups of which a batch under way has messages: no other batch may overtake it.
type BusyGroups = RefCell<HashSet<String>>;

/// Publishes every line.
pub(super) async fn run(client: &GatewayClient, settings: Settings, input: Input) -> Result<u8, Failure> {
    let mut signals = StopSignals::listen()?;
    let (ending, broken_groups, busy) = (Ending::default(), RefCell::default(), BusyGroups::default());
    let Settings { target, batches, patience, json } = settings;
    let publisher = Publisher { client, target, patience, ending: &ending, broken_groups: &broken_groups };
    let mut report = Report::new(json, input.length);
    let mut chunks = input.read()?;
    let mut ticks = interval_at(Instant::now() + progress::EVERY, progress::EVERY);
    let (mut halt, mut waiting, mut is_ended): (Halt, Option<Chunk>, bool) = (None, None, false);
    let mut under_way = FuturesUnordered::new();
    loop {
        if let Some(chunk) =
            waiting.take_if(|chunk| halt.is_none() && under_way.len() < batches && is_free(chunk, &busy))
        {
            report.reached(chunk.position);
            under_way.push(settle(&publisher, chunk, &busy));
        }
        let may_read = halt.is_none() && !is_ended && waiting.is_none();
        if under_way.is_empty() && !may_read {
            break;
        }
        tokio::select! {
            () = signals.next() => {
                if ending.has_begun() {
                    return Err(Failure::bad("broken off: what was under way may be published"));
                }
                ending.begin();
                halt.get_or_insert_with(|| "asked to end".to_owned());
            }
            Some(settled) = under_way.next() => {
                if let Err(failure) = report.tell(&settled) {
                    halt.get_or_insert(failure.message);
                }
                halt = halt.or(settled.halt);
            }
            chunk = chunks.recv(), if may_read => match chunk {
                Some(Ok(chunk)) => waiting = Some(chunk),
                Some(Err(error)) => halt = Some(format!("--ndjson could not be read on: {error}")),
                None => is_ended = true,
            },
            _ = ticks.tick() => report.show(),
        }
    }
    let numbers = report.end();
    complain(&numbers);
    let Some(reason) = halt else { return Ok(if report.is_good() { 0 } else { BAD }) };
    let next = match waiting {
        Some(chunk) => Some(Some(Ok(chunk))),
        None => timeout(READER, chunks.recv()).await.ok(),
    };
    Err(Failure::bad(format!("stopped: {}{}", reason.trim_end_matches('.'), rest(next.as_ref()))))
}

/// Which lines were not sent: those from the next ones on, where there are any; `None` is that nobody knows yet.
fn rest(next: Option<&Option<io::Result<Chunk>>>) -> String {
    match next {
        Some(Some(Ok(chunk))) => {
            let from = chunk.lines.first().map_or(0, |line| line.number);
            format!("; not sent from line {from} on")
        }
        Some(Some(Err(_)) | None) => String::new(),
        None => "; what comes after these lines was not sent".to_owned(),
    }
}

/// Whether no batch under way has messages of its groups.
fn is_free(chunk: &Chunk, busy: &BusyGroups) -> bool {
    let busy = busy.borrow();
    busy.is_empty() || groups(chunk).all(|group| !busy.contains(group))
}

fn groups(chunk: &Chunk) -> impl Iterator<Item = &String> {
    chunk.lines.iter().filter_map(|line| line.envelope.as_ref().ok()?.group.as_ref())
}

/// The batch's groups are busy from now on, not only when its work begins.
fn settle<'a>(
    publisher: &'a Publisher<'a>,
    chunk: Chunk,
    busy: &'a BusyGroups,
) -> impl Future<Output = Settled> + use<'a> {
    let own: HashSet<String> = groups(&chunk).cloned().collect();
    busy.borrow_mut().extend(own.iter().cloned());
    async move {
        let settled = publisher.settle(chunk.lines).await;
        busy.borrow_mut().retain(|group| !own.contains(group));
        settled
    }
}
