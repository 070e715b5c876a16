//! The configuration file of most tests: one profile towards the checking endpoint, any topic and group.

/// Lines to add to the sections of the usual file.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    server: String,
    profile: String,
    topic: String,
    topics: Option<String>,
    more: String,
}

impl Settings {
    pub fn new() -> Self {
        Self::default()
    }

    /// A line of `[server]`.
    pub fn server(mut self, line: &str) -> Self {
        push_line(&mut self.server, line);
        self
    }

    /// A line of `[profiles.main]`.
    pub fn profile(mut self, line: &str) -> Self {
        push_line(&mut self.profile, line);
        self
    }

    /// A line of the only `[[topics]]`.
    pub fn topic(mut self, line: &str) -> Self {
        push_line(&mut self.topic, line);
        self
    }

    /// The whole of `[[topics]]`, in place of the wildcard.
    pub fn topics(mut self, text: &str) -> Self {
        self.topics = Some(text.to_owned());
        self
    }

    /// Further sections.
    pub fn more(mut self, text: &str) -> Self {
        push_line(&mut self.more, text);
        self
    }

    /// The file; `{secrets}` is filled in when it is written.
    pub fn text(&self, endpoint: &str) -> String {
        self.with(endpoint, "main") + "[credentials.main]\ndirectory = \"{secrets}\"\n"
    }

    /// The file of a gateway whose MQ is its embedded endpoint, in memory; `lines` are more of `[embedded]`.
    pub fn text_on_embedded(&self, lines: &str) -> String {
        self.with("embedded", "embedded") + "[embedded]\nenabled = true\nstorage = \"memory\"\n" + lines
    }

    fn with(&self, endpoint: &str, credentials: &str) -> String {
        let Self { server, profile, topic, topics, more } = self;
        let wildcard = || format!("[[topics]]\nname = \"*\"\nprofile = \"main\"\ngroups = [\"*\"]\n{topic}");
        let topics = topics.clone().unwrap_or_else(wildcard);
        // A key given by the test takes the place of the usual one: TOML allows no second value.
        let unless = |given: &str, key: &str, value: &str| {
            if given.lines().any(|line| line.starts_with(key)) { String::new() } else { format!("{key} = {value}\n") }
        };
        let usual_server = unless(server, "drain_delay", "\"0s\"") + &unless(server, "shutdown_timeout", "\"5s\"");
        let usual_profile = unless(profile, "protocol", "\"ons-http\"")
            + &unless(profile, "endpoints", &format!("[\"{endpoint}\"]"))
            + &unless(profile, "producer_group", "\"PID_ours\"")
            + &unless(profile, "empty_poll_pause", "\"50ms\"");
        format!(
            "[server]\n{usual_server}{server}\n\
             [profiles.main]\ncredentials = \"{credentials}\"\n{usual_profile}{profile}\n\
             {topics}\n{more}"
        )
    }
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
