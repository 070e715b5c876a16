//! `mq-gateway dead-letters`: looks at dead letters, sends them again, or drops them.
//!
//! The gateway does the work and holds the keys; this asks for one bounded step after the other (`steps`), so that what is broken off
//! loses nothing. What a step left hidden is let go at the end.

mod arguments;
mod end;
mod list;
mod listing;
mod place;
mod steps;
mod sum;

use serde_json::{Map, Value, json};

use super::client::segment;
use super::failure::Failure;
use crate::tasks;
use arguments::{DeadLetterCommand, PaceArguments, PlaceArguments, WhichArguments};
use place::group_option;
use steps::Steps;

pub(super) use arguments::DeadLetterArguments;

/// Most ids that one command takes, as they go into every step.
const MOST_IDS: usize = 100;

/// Does what is asked for.
pub(super) fn dead_letters(arguments: &DeadLetterArguments) -> Result<u8, Failure> {
    match &arguments.command {
        DeadLetterCommand::List(list) => tasks::block_on(list::list(list)),
        DeadLetterCommand::Show(show) => tasks::block_on(list::show(show)),
        DeadLetterCommand::Redrive(redrive) => {
            let mut options = Map::new();
            if let Some(to) = &redrive.to {
                options.insert("to".to_owned(), json!(to));
            }
            if redrive.new_id {
                options.insert("new_id".to_owned(), json!(true));
            }
            let target = Target { topic: &redrive.topic, verb: "redrive", done: "redriven", is_confirmed: redrive.yes };
            run(&target, &redrive.which, &redrive.pace, &redrive.place, options)
        }
        DeadLetterCommand::Drop(drop) => {
            let target = Target { topic: &drop.topic, verb: "drop", done: "dropped", is_confirmed: drop.yes };
            run(&target, &drop.which, &drop.pace, &drop.place, Map::new())
        }
    }
}

/// What is done, and where.
struct Target<'a> {
    topic: &'a str,
    verb: &'static str,
    done: &'static str,
    is_confirmed: bool,
}

fn run(
    target: &Target<'_>,
    which: &WhichArguments,
    pace: &PaceArguments,
    place: &PlaceArguments,
    mut options: Map<String, Value>,
) -> Result<u8, Failure> {
    let filter = which.filter.options();
    if which.ids.is_empty() && filter.is_empty() && !which.all {
        return Err(Failure::usage("which ones? name message ids, a filter such as --reason, or --all"));
    }
    if which.ids.len() > MOST_IDS {
        return Err(Failure::usage(format!("at most {MOST_IDS} ids at once: run it several times")));
    }
    options.extend(filter);
    if !which.ids.is_empty() {
        options.insert("message_ids".to_owned(), json!(which.ids));
    }
    if target.is_confirmed {
        options.insert("confirmed".to_owned(), json!(true));
    }
    options.extend(group_option(place.group.as_deref()));
    let steps = Steps {
        client: place.gateway.client()?,
        topic: segment(target.topic),
        verb: target.verb,
        done: target.done,
        options,
        group: place.group.clone(),
        ids: which.ids.clone(),
        rate: pace.rate,
        most: pace.max,
        hide: pace.hide,
    };
    tasks::block_on(steps.run())
}
