//! What breaks the rules still, each with its reason. The lists can only shrink: an excuse that is no longer needed
//! fails the test until it is deleted.

/// Uses that close a cycle between files of a module: the file, the files that it uses, why.
pub type ExcusedUses = (&'static str, &'static [&'static str], &'static str);

const SHARED_ITEMS: &str = "mod.rs defines what the file needs, beside the code that uses the file";

pub const CYCLES: &[ExcusedUses] = &[
    ("config/mod.rs", &["config/loader.rs"], SHARED_ITEMS),
    ("config/capabilities.rs", &["config/topics.rs"], "a topic names features, and the check of features reads topics"),
    (
        "config/schema.rs",
        &[
            "config/callers.rs",
            "config/credentials.rs",
            "config/dropin.rs",
            "config/embedded.rs",
            "config/limits.rs",
            "config/log.rs",
            "config/management.rs",
            "config/profiles.rs",
            "config/root.rs",
            "config/server.rs",
            "config/topics.rs",
        ],
        "the table of keys lists the sections, which are made of its types",
    ),
    ("embedded/engine.rs", &["embedded/stats.rs"], "the engine keeps counters, whose file reads them from the engine"),
    ("outbound/http/mod.rs", &["outbound/http/awc_client.rs"], SHARED_ITEMS),
    ("storage/mod.rs", &["storage/thread.rs"], SHARED_ITEMS),
    ("upstream/mod.rs", &["upstream/http/mq.rs", "upstream/http/ons.rs"], SHARED_ITEMS),
    (
        "upstream/plan.rs",
        &["upstream/http/monitor.rs", "upstream/http/mq.rs", "upstream/http/ons.rs", "upstream/http/plan.rs"],
        "the plan holds its HTTP half, which takes the profile that stands beside the plan",
    ),
];

/// Files that name a crate outside its modules: the files, the crate as the table has it, why.
pub type ExcusedCrate = (&'static [&'static str], &'static str, &'static str);

pub const CRATES: &[ExcusedCrate] =
    &[(&["tasks/runtime.rs"], "actix*", "starts the HTTP library's runtime, on which every task runs")];
