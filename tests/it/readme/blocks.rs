//! The fenced blocks of the README and of the pages in [`super::documents`], and what they mean. The blocks of a document run in their
//! order, in one shell, in the repository's root, and begin without data:
//!
//! | fence | holds |
//! |---|---|
//! | `sh server` | the one command that starts the gateway on its default ports; it runs until the end, and what follows waits until it is ready |
//! | `sh` | commands without a prompt, one a line; each must end with 0, and variables are kept from block to block |
//! | `json`, directly below `sh` | what the last command prints, as JSON: neither the order of keys nor white space counts |
//! | `text`, directly below `sh` | the same line by line; white space at the end of a line does not count |
//! | `toml` | a configuration that `mq-gateway check` accepts; a `toml addition` is, together with the last one that is none |
//! | anything else | nothing that is run |
//!
//! `…` stands for what differs from run to run: anywhere in a JSON string or a line of text for any characters, as a whole
//! JSON string for any value, as a line of its own for any number of lines, as the last element of an array for any
//! further elements.
//!
//! Each curl's HTTP status is checked too: the answer's fence gives it (`json 202`), else the answer's own member `status`
//! (a problem), else it is any 2xx.

use serde_json::Value;

use super::expected::{json_difference, text_difference};

/// A fenced block.
#[derive(Debug)]
pub struct Block {
    /// The words behind the fence.
    pub info: Vec<String>,
    /// The number of the fence's line.
    pub line: usize,
    pub text: String,
    /// Whether nothing stands between the block before and this one.
    pub follows: bool,
}

impl Block {
    pub fn kind(&self) -> &str {
        self.info.first().map_or("", String::as_str)
    }

    /// The HTTP status that an answer has to have; `None` is any 2xx.
    pub fn status(&self) -> Option<u16> {
        let fence = self.info.get(1).map(|word| word.parse().expect("the word behind an answer's fence is a status"));
        let own = || serde_json::from_str::<Value>(&self.text).ok()?["status"].as_u64()?.try_into().ok();
        fence.or_else(|| if self.kind() == "json" { own() } else { None })
    }

    pub fn difference(&self, printed: &str) -> Option<String> {
        if self.kind() == "text" {
            return text_difference(&self.text, printed);
        }
        match (serde_json::from_str(&self.text), serde_json::from_str(printed)) {
            (Ok(expected), Ok(actual)) => json_difference(&expected, &actual, "$"),
            (Err(error), _) => Some(format!("the expected answer is no JSON: {error}")),
            (_, Err(error)) => Some(format!("no JSON was printed: {error}")),
        }
    }
}

pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut alone = false;
    let mut lines = (1..).zip(markdown.lines());
    while let Some((number, line)) = lines.next() {
        if !line.starts_with("```") {
            alone = alone && line.trim().is_empty();
            continue;
        }
        let info = line.trim_start_matches('`');
        let fence = line.strip_suffix(info).expect("the fence stands before its words");
        let body: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim_end() != fence).collect();
        let info = info.split_whitespace().map(str::to_owned).collect();
        found.push(Block { info, line: number, text: body.join("\n"), follows: alone });
        alone = true;
    }
    found
}
