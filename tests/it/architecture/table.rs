//! The tables: which module may use which, and which crates stay at their edges. Changing them is a visible act.

/// A module, its layer, and what it may use besides what every module of its layer may: from layer 2 on, layers 0 and 1;
/// in layer 1, layer 0. `*` is everything of lower layers. A use within a layer or downwards only; a module that is in
/// `src` and not here, or the other way round, fails the test.
pub type Row = (&'static str, u8, &'static [&'static str]);

pub const LAYERS: &[Row] = &[
    ("model", 0, &[]),
    ("change_report", 0, &[]),
    ("clock", 0, &["model"]),
    ("context", 0, &["spans", "trace_context"]),
    ("http_message", 0, &[]),
    ("json_text", 0, &["control_characters"]),
    ("retry_schedule", 0, &["model"]),
    ("memory", 0, &[]),
    ("control_characters", 0, &[]),
    ("counted", 0, &[]),
    ("fuzz_input", 0, &[]),
    ("plain_json", 0, &["control_characters"]),
    ("near_word", 0, &[]),
    ("file_watch", 0, &[]),
    ("random", 0, &[]),
    ("spans", 0, &["clock", "random", "trace_context"]),
    ("tasks", 0, &[]),
    ("trace_context", 0, &[]),
    ("signature", 1, &[]),
    ("protocol", 1, &["signature"]),
    ("config", 1, &["signature"]),
    ("telemetry", 1, &["config"]),
    ("outbound", 2, &[]),
    ("storage", 2, &[]),
    ("embedded", 3, &["storage"]),
    ("otlp", 3, &["outbound"]),
    ("upstream", 4, &["outbound"]),
    ("gateway", 6, &["storage", "upstream"]),
    ("push", 7, &["gateway", "upstream", "outbound"]),
    ("listener", 8, &[]),
    ("http", 8, &["gateway", "push", "embedded", "upstream", "listener"]),
    ("app", 9, &["*"]),
    ("cli", 9, &["*", "app"]),
    ("fuzzing", 9, &["*"]),
];

/// A crate (`name*`: all that begin with it), and the modules that may name it.
pub type CrateRow = (&'static str, &'static [&'static str]);

pub const CRATES: &[CrateRow] = &[
    ("actix*", &["outbound", "listener", "http", "app"]),
    ("awc", &["outbound", "listener", "http", "app"]),
    ("prometheus", &["telemetry"]),
    ("prost*", &["protocol", "outbound", "otlp", "upstream"]),
    ("tonic*", &["outbound"]),
    ("hyper*", &["outbound"]),
    ("notify", &["file_watch"]),
    (
        "tokio*",
        &[
            "clock",
            "context",
            "file_watch",
            "memory",
            "spans",
            "tasks",
            "outbound",
            "storage",
            "embedded",
            "otlp",
            "upstream",
            "gateway",
            "push",
            "listener",
            "http",
            "app",
            "cli",
        ],
    ),
    ("serde*", &["counted", "plain_json", "protocol", "config", "embedded", "push", "http", "cli"]),
];
