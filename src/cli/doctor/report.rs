//! What the doctor found, as lines for people and as JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::cli::visible::visible;

/// Everything that was checked, in order.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
}

/// What came of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// `None` for what concerns the whole configuration.
    pub(super) profile: Option<String>,
    pub(super) check: Check,
    pub(super) verdict: Verdict,
    /// What was seen. Never a key, never a signature, nothing that the MQ wrote but a code made of letters.
    pub(super) detail: String,
    /// What to do, where something is to be done.
    pub(super) advice: Option<String>,
}

/// The checks, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    Configuration,
    EmbeddedStore,
    CredentialsFiles,
    Dns,
    Connect,
    Tls,
    ClockSkew,
    Credentials,
    Topic,
    Group,
}

impl Check {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::EmbeddedStore => "embedded_store",
            Self::CredentialsFiles => "credentials_files",
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::ClockSkew => "clock_skew",
            Self::Credentials => "credentials",
            Self::Topic => "topic",
            Self::Group => "group",
        }
    }
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ok,
    /// It works, or it could not be found out; a person should look.
    Warning,
    Failed,
    /// Not checked; the detail says why.
    Skipped,
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// Select Graphic Rendition: green, yellow, red, faint.
    const fn colour(self) -> &'static str {
        match self {
            Self::Ok => "\u{1b}[32m",
            Self::Warning => "\u{1b}[33m",
            Self::Failed => "\u{1b}[31m",
            Self::Skipped => "\u{1b}[2m",
        }
    }
}

const PLAIN: &str = "\u{1b}[0m";

impl Finding {
    /// A finding without advice that belongs to no profile yet.
    pub(super) fn new(check: Check, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { profile: None, check, verdict, detail: detail.into(), advice: None }
    }

    /// What to do about it.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

impl Report {
    /// Nothing failed.
    pub(super) fn is_ok(&self) -> bool {
        self.count(Verdict::Failed) == 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.findings.iter().filter(|finding| finding.verdict == verdict).count()
    }

    /// `{"ok", "checks": [{"profile", "check", "verdict", "detail", "advice"}]}`.
    pub(super) fn to_json(&self) -> Value {
        let checks: Vec<Value> = self
            .findings
            .iter()
            .map(|finding| {
                json!({
                    "profile": finding.profile,
                    "check": finding.check.as_str(),
                    "verdict": finding.verdict.as_str(),
                    "detail": finding.detail,
                    "advice": finding.advice,
                })
            })
            .collect();
        json!({ "ok": self.is_ok(), "checks": checks })
    }

    /// A line for each finding, one more for its advice, and one that sums up; no newline at the end.
    pub(super) fn to_text(&self, colours: bool) -> String {
        let mut text = String::new();
        let mut profile = None;
        for finding in &self.findings {
            if finding.profile.as_ref() != profile {
                profile = finding.profile.as_ref();
                // Writing to a string cannot fail.
                writeln!(text, "profile {}", profile.map_or("-", String::as_str)).ok();
            }
            let verdict = finding.verdict.as_str();
            let (colour, plain) = if colours { (finding.verdict.colour(), PLAIN) } else { ("", "") };
            let check = finding.check.as_str().replace('_', " ");
            writeln!(text, "  {colour}{verdict:<8}{plain} {check:<18} {}", visible(&finding.detail)).ok();
            if let Some(advice) = &finding.advice {
                writeln!(text, "{:<30}-> {}", "", visible(advice)).ok();
            }
        }
        text + &self.summary()
    }

    fn summary(&self) -> String {
        let number = |count: usize, thing: &str| format!("{count} {thing}{}", if count == 1 { "" } else { "s" });
        let mut parts = Vec::new();
        match self.count(Verdict::Failed) {
            0 => parts.push("ok".to_owned()),
            failed => parts.push(format!("{} failed", number(failed, "check"))),
        }
        match self.count(Verdict::Warning) {
            0 => {}
            warnings => parts.push(number(warnings, "warning")),
        }
        match self.count(Verdict::Skipped) {
            0 => {}
            skipped => parts.push(format!("{skipped} skipped")),
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let of_main = |finding: Finding| Finding { profile: Some("main".into()), ..finding };
        Report {
            findings: vec![
                Finding::new(Check::Configuration, Verdict::Ok, "gateway.toml"),
                of_main(Finding::new(Check::Connect, Verdict::Failed, "refused\u{1b}[2J").advise("start it")),
                of_main(Finding::new(Check::ClockSkew, Verdict::Skipped, "no answer")),
            ],
        }
    }

    #[test]
    fn lines_are_aligned_and_a_terminal_is_not_commanded() {
        let expected = "  ok       configuration      gateway.toml\nprofile main\n  failed   connect            refused\\u{1b}[2J\
                        \n                              -> start it\n  skipped  clock skew         no answer\n\
                        1 check failed, 1 skipped";
        assert_eq!(report().to_text(false), expected);
        let coloured = report().to_text(true);
        assert!(coloured.contains("\u{1b}[31mfailed  \u{1b}[0m connect"), "{coloured:?}");
        for code in ["\u{1b}[31m", "\u{1b}[32m", "\u{1b}[2m", "\u{1b}[0m"] {
            assert!(coloured.contains(code), "{code:?}");
        }
    }

    #[test]
    fn the_json_has_the_documented_members() {
        let expected = json!({"ok": false, "checks": [
            {"profile": null, "check": "configuration", "verdict": "ok", "detail": "gateway.toml", "advice": null},
            {"profile": "main", "check": "connect", "verdict": "failed", "detail": "refused\u{1b}[2J", "advice": "start it"},
            {"profile": "main", "check": "clock_skew", "verdict": "skipped", "detail": "no answer", "advice": null},
        ]});
        assert_eq!(report().to_json(), expected);
    }

    #[test]
    fn warnings_are_good_enough() {
        let finding = Finding::new(Check::Dns, Verdict::Warning, "one of two");
        let report = Report { findings: vec![finding] };
        assert!(report.is_ok());
        assert!(report.to_text(false).ends_with("\nok, 1 warning"), "{}", report.to_text(false));
    }
}
