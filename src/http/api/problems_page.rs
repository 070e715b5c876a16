//! `/docs/problems`: what each problem means, made from the tables that the answers are made from. The frame is `docs/api/problems.html`.

use std::sync::LazyLock;

use actix_web::http::StatusCode;
use bytes::Bytes;

use super::markup::{escaped, json, prose};
use crate::http::problem::{Code, Example, OfPublish, Row};
use crate::model::{Outcome, Side};

const FRAME: &str = include_str!("../../../docs/api/problems.html");

/// The same for every caller and as long as the process runs.
static PAGE: LazyLock<Bytes> =
    LazyLock::new(|| FRAME.replace("<!-- index -->\n", &index()).replace("<!-- problems -->\n", &problems()).into());

/// The page.
pub(super) fn page() -> Bytes {
    PAGE.clone()
}

/// The problems of a side, in the order of the contract.
fn of(side: Side) -> impl Iterator<Item = Code> {
    Code::ALL.into_iter().filter(move |code| code.side() == side)
}

/// A side's anchor, heading and what its problems have in common.
fn heading(side: Side) -> (&'static str, &'static str, &'static str) {
    match side {
        Side::Caller => {
            ("in-the-request", "In the request", "It asks for what cannot be done, or for more than was agreed.")
        }
        Side::Gateway => ("at-the-gateway", "At the gateway", "It is full, it stops, or it has a bug."),
        Side::Mq => ("at-the-mq", "At the MQ", "It refused, failed, did not answer or could not be reached."),
    }
}

/// Links to all problems.
fn index() -> String {
    let mut html = String::new();
    for side in Side::ALL {
        let (anchor, name, _) = heading(side);
        html.push_str(&format!(
            "<section class=\"{side}\">\n<h3><a href=\"#{anchor}\">{name}</a></h3>\n<ul>\n",
            side = side.as_str()
        ));
        for Row { code, status, .. } in of(side).map(Code::row) {
            html.push_str(&format!("<li><span>{status}</span> <a href=\"#{code}\">{code}</a></li>\n"));
        }
        html.push_str("</ul>\n</section>\n");
    }
    html
}

fn problems() -> String {
    let mut html = String::new();
    for side in Side::ALL {
        let (anchor, name, common) = heading(side);
        html.push_str(&format!(
            "<div class=\"group\" id=\"{anchor}\">\n<h2>{name}</h2>\n<p>{common}</p>\n<a href=\"#all\">All problems</a>\n</div>\n",
            common = prose(common),
        ));
        of(side).for_each(|code| html.push_str(&problem(code)));
    }
    html
}

fn problem(code: Code) -> String {
    let row = code.row();
    let (kind, outcome) = outcome(code.of_publish());
    format!(
        "<section class=\"problem\" id=\"{name}\">\n\
         <div class=\"about\">\n\
         <h3><a href=\"#{name}\">{name}</a></h3>\n\
         <p class=\"title\">{title}</p>\n\
         <dl>\n\
         <div class=\"status\"><dt>Status</dt><dd>{status}</dd></div>\n\
         <div class=\"outcome {kind}\"><dt>Outcome</dt><dd>{outcome}</dd></div>\n\
         <div class=\"retry\"><dt>Retry</dt><dd>{retry}</dd></div>\n\
         <div class=\"advice\"><dt>What to do</dt><dd>{advice}</dd></div>\n\
         </dl>\n\
         </div>\n\
         {example}\
         </section>\n",
        name = row.code,
        title = prose(row.title),
        status = status(row.status),
        outcome = prose(outcome),
        retry = prose(retry(row, code.of_publish())),
        advice = prose(row.advice),
        example = example(&code.example()),
    )
}

/// With the words that the protocol has for it.
fn status(number: u16) -> String {
    let words = StatusCode::from_u16(number).ok().and_then(|status| status.canonical_reason());
    format!("{number} {}", escaped(words.unwrap_or_default()))
}

/// A word for the style, and the words for the reader.
fn outcome(of_publish: OfPublish) -> (&'static str, &'static str) {
    match of_publish {
        OfPublish::Always(outcome) => {
            let words = match outcome {
                Outcome::Published => "`published`: the message was stored.",
                Outcome::NotPublished => "`not_published`: the message was certainly not stored.",
                Outcome::Unknown => "`unknown`: the message may be stored.",
            };
            (outcome.as_str(), words)
        }
        OfPublish::Depends => ("depends", "Depends: the answer says `not_published` or `unknown`."),
        OfPublish::Nothing => ("none", "None: no publish is answered with this."),
    }
}

/// Whether the same request may be sent again, and when.
fn retry(row: Row, of_publish: OfPublish) -> &'static str {
    let has_time = matches!(row.status, 429 | 503);
    match (row.retryable, of_publish) {
        (false, _) => "Not as it is: the same request fails again.",
        (true, OfPublish::Always(Outcome::Unknown)) => {
            "A publish only where a duplicate does no harm; anything else, yes, with growing pauses."
        }
        (true, OfPublish::Depends) => {
            "As `outcome` says: where it is `unknown`, only if a duplicate does no harm. With growing pauses."
        }
        (true, _) if has_time => "Yes, after as many seconds as `Retry-After` says.",
        (true, _) => "Yes, with growing pauses: it works once the cause is gone.",
    }
}

fn example(example: &Example) -> String {
    let Example { request, problem } = example;
    let name = if example.is_of_a_result() { "Its problem in the results" } else { "Answer" };
    format!(
        "<figure>\n\
         <figcaption>Request</figcaption>\n<pre class=\"request\"><code>{request}</code></pre>\n\
         <p class=\"caption\">{name}</p>\n<pre class=\"answer\"><code>{answer}</code></pre>\n\
         </figure>\n",
        request = escaped(request),
        answer = json(&problem.json_in_lines(Example::REQUEST_ID)),
    )
}
