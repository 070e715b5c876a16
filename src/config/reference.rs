//! `config/reference.md`, written from the table of keys, so that it is never wrong.

use super::schema::SECTIONS;
use super::section::{Key, Preset, Section};
use super::sections::TracingConfig;
use super::sources::{Sets, VARIABLES, Variable};

const INTRODUCTION: &str = "\
# Configuration reference

Generated from the code (`UPDATE_REFERENCE=1 cargo test reference`); do not edit.

A TOML file (`--config FILE`). Above the defaults lies the file, above the file the environment, above the environment
the flags. Unknown keys, wrong types and values out of range are errors; `mq-gateway check FILE` shows them all: first all mistakes
of keys and values, then, when there are none, those between settings.

Durations have a unit: `\"250ms\"`, `\"5s\"`, `\"1m30s\"`, `\"72h\"`. Sizes are `\"64KiB\"`, `\"4MiB\"`, `\"1GB\"` or a whole
number of bytes. Files that are read are relative to the configuration file; `data_dir` is relative to the working
directory. Only keys with a variable in the last column can be set by the environment, and no secret ever.
";

/// The text of `config/reference.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    for section in SECTIONS {
        text += &format!("\n## {}\n\n{}\n\n", header(section), section.meaning.trim_start());
        text += "| key | value | default | meaning | variable |\n|---|---|---|---|---|\n";
        for key in section.keys {
            text += &row(section, key);
        }
        if section.path == TracingConfig::SECTION.path {
            text += &opentelemetry();
        }
    }
    text
}

/// The table of OpenTelemetry's own variables.
fn opentelemetry() -> String {
    let mut text = "\nWhere there is an endpoint, from whatever source, and traces are not switched off, OpenTelemetry's own variables set \
                    these keys, too. They are above the file and below `MQ_GATEWAY__TRACING__…`; an empty one is as good as none. \
                    `…_TRACES_…` is above the same without it. Only what is above the others for a key is checked. Times in them are milliseconds. `check` tells of keys in the file that one of them is above, and `/config` \
                    shows what holds.\n\n| variable | sets |\n|---|---|\n"
        .to_owned();
    for Variable { name, sets } in VARIABLES {
        let what = match sets {
            Sets::Key(key @ "sampler_ratio") => format!("`{key}`, where the sampler is one with `traceidratio`"),
            Sets::Key(key) => format!("`{key}`"),
            Sets::Disabled => "`exporter = \"none\"` where it is `true`".to_owned(),
            Sets::Propagators => "nothing: `tracecontext` has to be in it, the only one that is spoken".to_owned(),
            Sets::Refused(why) => format!("refused: {why}"),
        };
        text += &format!("| `{name}` | {what} |\n");
    }
    text
}

fn header(section: &Section) -> String {
    let table = match section.path {
        "" => "Top".to_owned(),
        path => match path.strip_suffix("[]") {
            Some(path) => format!("`[[{}]]`", path.replace("[]", "").replace('*', "NAME")),
            None => format!("`[{}]`", path.replace('*', "NAME")),
        },
    };
    match section.protocol {
        Some(protocol) => format!("{table} with `protocol = \"{protocol}\"`"),
        None => table,
    }
}

fn row(section: &Section, key: &Key) -> String {
    let default = match key.preset {
        Preset::Value(value) => format!("`{value}`"),
        Preset::Machine(_, effect) | Preset::Unset(effect) => format!("not set: {effect}"),
        Preset::Required => "required".to_owned(),
    };
    let variable = section.variable(key).map(|variable| format!("`{variable}`")).unwrap_or_default();
    let cells = [format!("`{}`", key.name), key.kind.expects(), default, key.meaning.trim_start().to_owned(), variable];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}
