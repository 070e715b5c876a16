//! How the steps end, and what is said of it.

use std::time::Duration;

use super::sum::Sum;
use crate::cli::client::ClientError;
use crate::cli::failure::{BAD, Failure};
use crate::cli::output;
use crate::cli::progress::per_second;

/// Why it ends.
pub(super) enum End {
    /// Nothing is left, or enough is done.
    Complete,
    /// Nothing is to be had any more. How many are there all the same, where that is known.
    Empty(Option<u64>),
    /// What was left came again before all was seen.
    CameAround,
    Interrupted,
    /// Asked for twice: at once.
    BrokenOff,
    Failed(ClientError),
}

impl End {
    /// Says what came of it: what is called `done`, of these ids where some are wanted by id; so many that are still there stay hidden.
    pub(super) fn report(
        &self,
        (done, ids): (&str, &[String]),
        sum: &Sum,
        hidden: u64,
        time: Duration,
    ) -> Result<u8, Failure> {
        let mut text =
            format!("{done} {}, {} failed, {} unknown, {} left", sum.done, sum.failed, sum.unknown, sum.left);
        text.push_str(&format!(" ({:.1} s, {})", time.as_secs_f64(), per_second(sum.done, time)));
        output::print(&text)?;
        if sum.not_acknowledged > 0 {
            output::complain(&format!(
                "{} of those that are {done} are still in the topic, as they were not acknowledged: they are sent once more next time",
                sum.not_acknowledged
            ));
        }
        if sum.unknown > 0 {
            output::complain("unknown: perhaps sent again, and still in the topic");
        }
        if hidden > 0 {
            output::complain(&format!(
                "{hidden} that are still there stay hidden from others until the visibility timeout is over: this MQ takes nothing back"
            ));
        }
        let missing = ids.iter().filter(|id| !sum.seen.contains(*id)).count();
        if !sum.not_begun.is_empty() {
            output::complain(&format!(
                "{} were taken and not begun, as there was no time for them: run it again, with a longer --hide",
                sum.not_begun.len()
            ));
        }
        let is_bad = sum.failed + sum.unknown + sum.not_acknowledged > 0 || !sum.not_begun.is_empty();
        match self {
            Self::Complete | Self::Empty(_) if missing > 0 => {
                output::complain(&format!(
                    "{missing} of the ids were not found: done already, or hidden from this group"
                ));
                Ok(BAD)
            }
            Self::Empty(Some(unseen @ 1..)) => {
                output::complain(&format!(
                    "{unseen} more are there and hidden from this group, by somebody else or by an earlier run: run it again when \
                     their visibility timeout is over"
                ));
                Ok(BAD)
            }
            Self::Empty(None) => {
                output::complain(
                    "none is visible now; any that are hidden come back when their visibility timeout is over",
                );
                Ok(if is_bad { BAD } else { 0 })
            }
            Self::Complete | Self::Empty(Some(0)) => Ok(if is_bad { BAD } else { 0 }),
            Self::CameAround => {
                output::complain(
                    "those that are left came again before all were seen, so some may not have been looked at: run it again, with a \
                     longer --hide",
                );
                Ok(BAD)
            }
            Self::Interrupted | Self::BrokenOff => {
                output::complain("interrupted: what is not done is still there");
                Ok(BAD)
            }
            Self::Failed(error) => {
                let after = if error.is_certain() {
                    "what is not done is still there"
                } else {
                    "the last step may be done; what is not done is there again when its visibility timeout is over"
                };
                Err(Failure::bad(format!("{error} ({after}; it can be run again)")))
            }
        }
    }
}
