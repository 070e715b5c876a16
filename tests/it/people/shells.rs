//! Completions and manual pages.

use std::process::{Command, Stdio};

use crate::support::Launch;
use crate::support::app::Finished;

#[track_caller]
fn good(arguments: &[&str]) -> Finished {
    let finished = Launch::bare().arguments(arguments).run();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    finished
}

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = good(&["--help"]).stdout;
    let listed =
        help.lines().skip_while(|line| !line.starts_with("Commands:")).skip(1).take_while(|line| !line.is_empty());
    listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn each_shell_gets_a_script_that_knows_every_command() {
    let commands = commands();
    assert!(commands.len() > 8 && commands.contains(&"publish".to_owned()), "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = good(&["completions", shell]).stdout;
        for command in &commands {
            assert!(script.contains(command.as_str()), "{command} for {shell}");
        }
        assert!(script.contains("message-group"), "{shell}");
    }
    assert_eq!(Launch::bare().arguments(&["completions", "cmd"]).run().code, Some(2));
}

#[test]
fn bash_completes_commands_and_flags() {
    let script = good(&["completions", "bash"]).stdout;
    let asked = |words: &str, last: usize| {
        let text = format!(
            "{script}\nCOMP_WORDS=({words}); COMP_CWORD={last}; _mq__gateway mq-gateway \"${{COMP_WORDS[{last}]}}\" \
             \"${{COMP_WORDS[{last}-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &text]).stdin(Stdio::null()).output().expect("bash runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(asked("mq-gateway pub", 1), ["publish"]);
    assert_eq!(asked("mq-gateway publish --nd", 2), ["--ndjson"]);
}

#[test]
fn every_command_has_a_manual_page_that_is_never_overwritten() {
    let launch = Launch::bare().arguments(&["man", "--out", "pages"]);
    assert_eq!(launch.run().code, Some(0));
    for command in commands() {
        let page = std::fs::read_to_string(launch.path(&format!("pages/mq-gateway-{command}.1"))).unwrap();
        assert!(page.contains(".TH") && page.contains(".SH SYNOPSIS"), "{command}: {page}");
    }
    let publish = std::fs::read_to_string(launch.path("pages/mq-gateway-publish.1")).unwrap();
    assert!(publish.contains("MQ_GATEWAY_URL") && publish.contains("ndjson"), "{publish}");
    let again = launch.run();
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("exists already"), "{again:?}");
    let whole = good(&["man"]).stdout;
    assert!(whole.contains(".TH MQ\\-GATEWAY") || whole.contains(".TH MQ-GATEWAY"), "{whole}");
}

#[test]
fn the_page_names_every_flag() {
    let page = include_str!("../../../docs/develop/command-line.md");
    for command in ["publish", "receive"] {
        let help = good(&[command, "--help"]).stdout;
        let words = help.lines().flat_map(|line| line.trim_start().strip_prefix("--").map(|rest| format!("--{rest}")));
        let flags: Vec<String> = words.filter_map(|line| Some(line.split_whitespace().next()?.to_owned())).collect();
        assert!(flags.len() > 7, "{help}");
        for flag in flags {
            assert!(page.contains(&format!("`{flag}")), "{flag} of {command}");
        }
    }
}
