//! What the fuzzer calls (`fuzz/`), by name; the tests call it with every file of its corpus. It is there for both alone: no program
//! that is built otherwise has it.
//!
//! A target takes any bytes and fails by a panic. It holds what it calls to more than not to panic: to an oracle, which is
//! another reader of the same bytes, the way back, or a rule written down a second time; errors to their form, and to hiding what
//! was written. Each is beside what it calls, in a file `fuzzing.rs`.

/// A target: its name, which is also that of its corpus, and what is called.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("api_bodies", crate::http::fuzzing::bodies),
    ("api_queries", crate::http::fuzzing::queries),
    ("cloud_events", crate::protocol::cloud_events::fuzzing::events),
    ("config_environment", crate::config::fuzzing::environment),
    ("config_file", crate::config::fuzzing::file),
    ("connection", crate::listener::fuzzing::connection),
    ("dead_letters", crate::protocol::dead_letter::fuzzing::dead_letters),
    ("event_stream", crate::http::fuzzing::event),
    ("head", crate::http::fuzzing::head),
    ("mq_http_documents", crate::protocol::mq_http::fuzzing::documents),
    ("mq_http_head", crate::protocol::mq_http::fuzzing::head),
    ("ons_http_answers", crate::protocol::ons_http::fuzzing::answers),
    ("ons_http_request", ons_http_request),
    ("protobuf", protobuf),
    ("push_answer", crate::push::fuzzing::answer),
    ("receipt_handles", receipt_handles),
    ("secret_files", crate::config::fuzzing::secret_files),
    ("user_properties", crate::config::fuzzing::vendors_file),
];

/// Calls a target.
///
/// # Panics
/// The target fails, or there is none of this name.
pub fn run(name: &str, data: &[u8]) {
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => target(data),
        None => unreachable!("no target is called {name}"),
    }
}

/// Requests of ONS HTTP: what they say, and the messages that some of them are.
fn ons_http_request(data: &[u8]) {
    crate::protocol::ons_http::fuzzing::request(data);
    crate::http::fuzzing::vendors_message(data);
}

/// Messages of gRPC, whoever sends them, and bodies that came compressed.
fn protobuf(data: &[u8]) {
    #[cfg(feature = "rocketmq")]
    {
        crate::protocol::rocketmq::fuzzing::messages(data);
        crate::protocol::rocketmq::fuzzing::compressed(data);
        crate::upstream::fuzzing::routes(data);
    }
    #[cfg(feature = "traces")]
    crate::otlp::fuzzing::messages(data);
    #[cfg(not(any(feature = "rocketmq", feature = "traces")))]
    let _no_messages = data;
}

/// Receipt handles of every kind.
fn receipt_handles(data: &[u8]) {
    crate::gateway::fuzzing::receipt_handle(data);
    // As they come in a request: the first line.
    let line = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    crate::embedded::fuzzing::handle(line);
    #[cfg(feature = "rocketmq")]
    crate::protocol::rocketmq::fuzzing::handle(line);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::panic::catch_unwind;
    use std::path::{Path, PathBuf};

    use super::*;

    fn fuzz(below: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(below)
    }

    /// The names in a folder.
    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Finds what somebody has forgotten who adds a target.
    #[test]
    fn every_target_has_a_program_and_a_corpus_and_the_other_way_round() {
        let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(targets.len(), TARGETS.len(), "a name is there twice");
        assert_eq!(names(&fuzz("corpus")), targets);
        let program = |name: &String| format!("{name}.rs");
        assert_eq!(names(&fuzz("fuzz_targets")), targets.iter().map(program).collect());
        let manifest: toml::Table = fs::read_to_string(fuzz("Cargo.toml")).unwrap().parse().unwrap();
        let programs = manifest["bin"].as_array().unwrap().iter().map(|program| program["name"].as_str().unwrap());
        assert_eq!(programs.map(str::to_owned).collect::<BTreeSet<_>>(), targets);
        for name in &targets {
            let text = fs::read_to_string(fuzz("fuzz_targets").join(program(name))).unwrap();
            assert!(text.contains(&format!("fuzzing::run(\"{name}\", data)")), "{name}: {text}");
        }
    }

    /// Each corpus has what its target is for, and no file that is only large.
    #[test]
    fn every_file_of_every_corpus_passes() {
        let mut failed = Vec::new();
        for (name, target) in TARGETS {
            let folder = fuzz("corpus").join(name);
            let files = names(&folder);
            assert!((5..=150).contains(&files.len()), "{name} has {} files", files.len());
            for file in files {
                let data = fs::read(folder.join(&file)).unwrap();
                assert!(data.len() <= 8 << 10, "{name}/{file} has {} bytes", data.len());
                if catch_unwind(|| target(&data)).is_err() {
                    failed.push(format!("fuzz/corpus/{name}/{file}"));
                }
            }
        }
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
