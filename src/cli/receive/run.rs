//! Receives until there is nothing more, enough, an interruption, or nobody who reads.

use std::io;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::{Instant, interval_at, timeout};

use super::handles::{Acknowledged, Delivery, acknowledge, give_back};
use super::message::{Message, json_line};
use super::poll::{Poller, Trouble};
use super::text_line::Look;
use super::writer::Writer;
use crate::cli::client::GatewayClient;
use crate::cli::failure::{BAD, Failure};
use crate::cli::output::complain;
use crate::cli::progress::{self, Progress, per_second};
use crate::cli::stop::{Ending, StopSignals};
use crate::cli::visible::visible;

/// How long lines that are being written are waited for at the end.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What to do.
#[derive(Debug)]
pub(super) struct Settings {
    /// The group's messages, without a verb.
    pub(super) target: String,
    /// `None`: JSON.
    pub(super) look: Option<Look>,
    pub(super) follow: bool,
    pub(super) ack: bool,
    /// Ends after so many.
    pub(super) most: Option<u64>,
    /// In seconds.
    pub(super) wait: u8,
    pub(super) visibility_timeout: Option<Duration>,
    pub(super) tags: Option<String>,
    /// Lines appear where the progress would.
    pub(super) is_terminal: bool,
}

/// The numbers so far.
#[derive(Debug, Default)]
struct Counts {
    written: u64,
    not_acknowledged: u64,
    /// When the first message that is not acknowledged comes again.
    again_at: Option<String>,
}

/// Whether to go on.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    All,
    /// Nobody reads any more.
    ReaderGone,
    /// Not all in the time that an end leaves.
    Interrupted,
}

/// What runs.
struct Run<'a> {
    client: &'a GatewayClient,
    settings: &'a Settings,
    writer: Writer,
    signals: StopSignals,
    ending: Ending,
    progress: Progress,
    counts: Counts,
}

/// Receives, writes, acknowledges.
pub(super) async fn run(client: &GatewayClient, settings: Settings) -> Result<u8, Failure> {
    if settings.visibility_timeout.is_some_and(|timeout| timeout.subsec_nanos() > 0) {
        return Err(Failure::usage("--visibility-timeout: whole seconds only"));
    }
    let progress = Progress::start();
    let mut run = Run {
        client,
        settings: &settings,
        writer: Writer::start()?,
        signals: StopSignals::listen()?,
        ending: Ending::default(),
        progress: if settings.is_terminal { progress.without_line() } else { progress },
        counts: Counts::default(),
    };
    let ended = run.until_the_end().await;
    run.progress.clear();
    run.say_what_comes_again();
    ended?;
    Ok(if settings.ack && run.counts.not_acknowledged > 0 { BAD } else { 0 })
}

/// Asked to end twice.
fn broken_off() -> Failure {
    Failure::bad("broken off: messages that were written last may not be acknowledged, and come again")
}

impl Run<'_> {
    async fn until_the_end(&mut self) -> Result<(), Failure> {
        let (client, settings) = (self.client, self.settings);
        let mut poller = Poller {
            target: settings.target.clone(),
            visibility_timeout: settings.visibility_timeout,
            tags: settings.tags.clone(),
            persists: settings.follow,
            client,
            trouble: Trouble::default(),
        };
        let mut ticks = interval_at(Instant::now() + progress::EVERY, progress::EVERY);
        while let Some(left @ 1..) = self.left() {
            // What comes after the first messages is either there or not wanted.
            let wait = if settings.follow || self.counts.written == 0 { settings.wait } else { 0 };
            let next = {
                let polled = poller.next(left, wait);
                tokio::pin!(polled);
                loop {
                    tokio::select! {
                        // A poll that is dropped hangs up: the gateway gives back what comes for it.
                        () = self.signals.next() => return Ok(()),
                        polled = &mut polled => break polled?,
                        // Who has what he wanted does not wait for one more message.
                        _ = ticks.tick() => if Writer::reader_is_gone() { return Ok(()) } else {
                            let rate = per_second(self.counts.written, self.progress.elapsed());
                            self.progress.show(&format!("{} received, {rate}", self.counts.written));
                        }
                    }
                }
            };
            if next.is_empty() && !settings.follow {
                return Ok(());
            }
            if self.take(&next).await? != Written::All || self.ending.has_begun() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// How many more are wanted.
    fn left(&self) -> Option<u64> {
        self.settings.most.map_or(Some(u64::MAX), |most| most.checked_sub(self.counts.written))
    }

    /// Writes the messages and acknowledges those that were written.
    async fn take(&mut self, raw: &[Box<RawValue>]) -> Result<Written, Failure> {
        let messages = raw.iter().map(|raw| serde_json::from_str(raw.get()));
        let messages: Vec<Message<'_>> = messages.collect::<Result<_, _>>().map_err(|_| {
            Failure::bad("what the gateway gave is no message: it is of another version, or something else answers")
        })?;
        let lines = match self.settings.look {
            Some(look) => messages.iter().map(|message| look.line(message)).collect(),
            None => raw.iter().map(|raw| json_line(raw, self.settings.is_terminal)).collect(),
        };
        let deliveries: Vec<Delivery> = messages
            .iter()
            .map(|message| Delivery {
                message_id: message.message_id.clone().into_owned(),
                receipt_handle: message.receipt_handle.clone().into_owned(),
            })
            .collect();
        self.progress.clear();
        let (written, how) = self.write(lines).await;
        self.counts.written += written as u64;
        let (written, unwritten) = deliveries.split_at_checked(written).unwrap_or((&deliveries, &[]));
        if self.settings.ack {
            self.acknowledge(written).await?;
        } else {
            self.counts.not_acknowledged += written.len() as u64;
            let times = messages.iter().take(written.len()).filter_map(|message| message.visible_again_at.clone());
            // Times of one form are in order as text.
            self.counts.again_at = self.counts.again_at.take().into_iter().chain(times).min();
        }
        let given_back = give_back(self.client, &self.settings.target, unwritten);
        self.signals.see_through(&self.ending, given_back).await.ok_or_else(broken_off)?;
        match how.map_err(|error| (error.kind(), error)) {
            Ok(()) => Ok(Written::All),
            Err((io::ErrorKind::BrokenPipe, _)) => Ok(Written::ReaderGone),
            Err((io::ErrorKind::Interrupted, _)) => Ok(Written::Interrupted),
            Err((_, error)) => Err(Failure::bad(format!("could not write to stdout: {error}"))),
        }
    }

    /// How many lines were written, and whether all were.
    async fn write(&mut self, lines: Vec<String>) -> (usize, io::Result<()>) {
        let mut writing = self.writer.write(lines).await;
        let done = tokio::select! {
            done = &mut writing.done => done,
            () = self.signals.next() => {
                self.ending.begin();
                let last = timeout(LAST_LINES, &mut writing.done);
                let last = self.signals.see_through(&self.ending, last).await;
                last.and_then(Result::ok).unwrap_or_else(|| Ok(Err(io::ErrorKind::Interrupted.into())))
            }
        };
        (writing.written(), done.unwrap_or_else(|_| Err(io::Error::other("the thread that writes has ended"))))
    }

    async fn acknowledge(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let acknowledging = acknowledge(self.client, &self.settings.target, deliveries, &self.ending);
        let results = self.signals.see_through(&self.ending, acknowledging).await.ok_or_else(broken_off)?;
        for (delivery, result) in deliveries.iter().zip(results) {
            let id = visible(&delivery.message_id);
            match result {
                Acknowledged::Yes => (),
                Acknowledged::Late => {
                    complain(&format!("{id}: acknowledged after its visibility timeout: it may come again"));
                }
                Acknowledged::No(reason) => {
                    self.counts.not_acknowledged += 1;
                    complain(&format!("{id}: not acknowledged, so that it comes again: {reason}"));
                }
            }
        }
        Ok(())
    }

    fn say_what_comes_again(&self) {
        let Counts { written, not_acknowledged, again_at } = &self.counts;
        if !self.settings.ack && *not_acknowledged > 0 {
            let from = again_at.as_deref().map(|at| format!(" from {} on", visible(at))).unwrap_or_default();
            let messages = if *written == 1 { "message".to_owned() } else { "messages".to_owned() };
            complain(&format!("{written} {messages}, not acknowledged (--ack): the group gets them again{from}"));
        }
    }
}
