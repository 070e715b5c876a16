//! What breaks the rules still, each with its reason. The lists can only shrink: an excuse that is no longer needed
//! fails the test until it is deleted.

/// Uses that close a cycle between files of a module: the file, the files that it uses, why.
pub type ExcusedUses = (&'static str, &'static [&'static str], &'static str);

const SHARED_ITEMS: &str = "mod.rs defines what the file needs, beside the code that uses the file";

pub const CYCLES: &[ExcusedUses] = &[
    ("app/mod.rs", &["app/embedded.rs", "app/gateway.rs"], SHARED_ITEMS),
    (
        "cli/mod.rs",
        &[
            "cli/check.rs",
            "cli/credentials.rs",
            "cli/doctor/mod.rs",
            "cli/import.rs",
            "cli/issue_key.rs",
            "cli/run.rs",
            "cli/sign/mod.rs",
        ],
        SHARED_ITEMS,
    ),
    ("cli/sign/mod.rs", &["cli/sign/mq_http.rs", "cli/sign/ons_http.rs"], SHARED_ITEMS),
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
    (
        "http/data.rs",
        &[
            "http/api/acknowledge.rs",
            "http/api/batch.rs",
            "http/api/docs.rs",
            "http/api/publish.rs",
            "http/api/receive.rs",
            "http/api/topics.rs",
            "http/dropin/mod.rs",
        ],
        "dispatching stands beside the request's context, which every handler takes",
    ),
    ("http/dropin/mod.rs", &["http/dropin/mq_http.rs", "http/dropin/ons_http.rs"], SHARED_ITEMS),
    (
        "http/embedded_mq/service.rs",
        &["http/embedded_mq/mq_http.rs", "http/embedded_mq/ons_http.rs"],
        "dispatching stands beside the service, which either protocol takes",
    ),
    ("http/vendor/mod.rs", &["http/vendor/mq_http.rs", "http/vendor/ons_http.rs"], SHARED_ITEMS),
    ("listener/stream.rs", &["listener/watch.rs"], "the watch makes the streams that report to it"),
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
    &[(&["tasks.rs"], "actix*", "starts the HTTP library's runtime, on which every task runs")];
