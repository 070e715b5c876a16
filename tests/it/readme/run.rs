//! Performs a document's blocks in their order and compares what is printed.

use super::blocks::{Block, blocks};

/// Performs commands; variables are kept from one to the next.
pub trait Shell {
    /// Starts the gateway; it is ready when this returns.
    fn start(&mut self, command: &str) -> Result<Printed, String>;

    /// An error is why the command could not be performed, or how it failed.
    fn perform(&mut self, command: &str) -> Result<Printed, String>;
}

/// What a command did.
#[derive(Debug, Default)]
pub struct Printed {
    /// The HTTP status of each answer that curl got.
    pub statuses: Vec<u16>,
    pub text: String,
}

#[derive(Debug, Default)]
pub struct Report {
    /// How many HTTP answers came.
    pub answers: usize,
    /// How many commands' output was compared.
    pub compared: usize,
    pub failures: Vec<String>,
}

/// `name` is the document's, for what is said of failures.
pub fn perform_all(name: &str, markdown: &str, shell: &mut impl Shell) -> Report {
    let blocks = blocks(markdown);
    let mut report = Report::default();
    for (index, block) in blocks.iter().enumerate().filter(|(_, block)| block.kind() == "sh") {
        let follower = blocks.get(index + 1).filter(|next| next.follows && matches!(next.kind(), "json" | "text"));
        let server = block.info.iter().any(|word| word == "server");
        let commands = commands(&block.text);
        for (number, command) in commands.iter().enumerate() {
            let answer = follower.filter(|_| !server && number + 1 == commands.len());
            report.compared += usize::from(answer.is_some());
            let result = if server { shell.start(command) } else { shell.perform(command) };
            report.answers += result.as_ref().map_or(0, |printed| printed.statuses.len());
            if let Err(problem) = result.and_then(|printed| printed.check(answer)) {
                report.failures.push(format!("{name}:{}: {command}\n{problem}", block.line));
            }
        }
    }
    report
}

/// One command in each line, without comments.
fn commands(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

impl Printed {
    fn check(&self, answer: Option<&Block>) -> Result<(), String> {
        let wanted = answer.and_then(Block::status);
        let good = |status: u16| wanted.map_or((200..300).contains(&status), |wanted| wanted == status);
        let wrong_statuses = self.statuses.iter().filter(|status| !good(**status));
        let wrong_statuses = wrong_statuses.map(|status| format!("HTTP status {status}"));
        let difference = answer.and_then(|answer| answer.difference(&self.text));
        let problems: Vec<String> = wrong_statuses.chain(difference).collect();
        if problems.is_empty() {
            return Ok(());
        }
        let expected = answer.map_or("a status of 2xx", |answer| answer.text.as_str());
        Err(format!("{}\n--- printed\n{}\n--- expected\n{expected}", problems.join("; "), self.text))
    }
}
