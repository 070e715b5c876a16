//! OpenTelemetry's own variables, where traces are on: each sets a key of `[tracing]`, above the file and below
//! `MQ_GATEWAY__TRACING__…`.

use std::collections::BTreeMap;

use super::Layer;
use crate::config::findings::Findings;
use crate::config::problem::Location;
use crate::config::section::{Key, Table};
use crate::config::sections::TracingConfig;
use crate::config::values::{Flaw, Kind, Written};

/// A variable, and what it sets.
#[derive(Debug)]
pub(in crate::config) struct Variable {
    pub(in crate::config) name: &'static str,
    pub(in crate::config) sets: Sets,
}

/// What a variable does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum Sets {
    /// This key, with the same text; a number of milliseconds where the key is a duration.
    Key(&'static str),
    /// `exporter = "none"` where it is `true`.
    Disabled,
    /// Nothing: it has to have `tracecontext` in it, which is what is spoken.
    Propagators,
    /// Nothing: it is refused, and why.
    Refused(&'static str),
}

const KEYS_IN_FILES: &str = "keys do not belong into variables, which are shown in many places";
/// The samplers that take an argument end in this.
const RATIO: &str = "traceidratio";
const NO_CLIENT_CERTIFICATE: &str = "no client certificate can be shown to the collector";

/// Every variable that means something here. Of two for one key the later one counts, and the other is not looked at.
pub(in crate::config) const VARIABLES: &[Variable] = &[
    of("OTEL_SDK_DISABLED", Sets::Disabled),
    of("OTEL_TRACES_EXPORTER", Sets::Key("exporter")),
    of("OTEL_EXPORTER_OTLP_ENDPOINT", Sets::Key("endpoint")),
    of("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Sets::Key("endpoint")),
    of("OTEL_EXPORTER_OTLP_PROTOCOL", Sets::Key("protocol")),
    of("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", Sets::Key("protocol")),
    of("OTEL_EXPORTER_OTLP_COMPRESSION", Sets::Key("compression")),
    of("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", Sets::Key("compression")),
    of("OTEL_EXPORTER_OTLP_TIMEOUT", Sets::Key("timeout")),
    of("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", Sets::Key("timeout")),
    of("OTEL_EXPORTER_OTLP_CERTIFICATE", Sets::Key("ca_file")),
    of("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", Sets::Key("ca_file")),
    of("OTEL_EXPORTER_OTLP_HEADERS", Sets::Refused(KEYS_IN_FILES)),
    of("OTEL_EXPORTER_OTLP_TRACES_HEADERS", Sets::Refused(KEYS_IN_FILES)),
    of("OTEL_EXPORTER_OTLP_CLIENT_KEY", Sets::Refused(NO_CLIENT_CERTIFICATE)),
    of("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", Sets::Refused(NO_CLIENT_CERTIFICATE)),
    of("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", Sets::Refused(NO_CLIENT_CERTIFICATE)),
    of("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", Sets::Refused(NO_CLIENT_CERTIFICATE)),
    of("OTEL_SERVICE_NAME", Sets::Key("service_name")),
    of("OTEL_RESOURCE_ATTRIBUTES", Sets::Key("resource_attributes")),
    of("OTEL_TRACES_SAMPLER", Sets::Key("sampler")),
    of("OTEL_TRACES_SAMPLER_ARG", Sets::Key("sampler_ratio")),
    of("OTEL_BSP_SCHEDULE_DELAY", Sets::Key("schedule_delay")),
    of("OTEL_BSP_EXPORT_TIMEOUT", Sets::Key("export_timeout")),
    of("OTEL_BSP_MAX_QUEUE_SIZE", Sets::Key("max_queue_size")),
    of("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", Sets::Key("max_export_batch_size")),
    of("OTEL_PROPAGATORS", Sets::Propagators),
];

const fn of(name: &'static str, sets: Sets) -> Variable {
    Variable { name, sets }
}

impl Variable {
    /// The key that is decided here, or by what is above this variable.
    fn key(&self) -> Option<&'static str> {
        match self.sets {
            Sets::Key(key) => Some(key),
            Sets::Disabled => Some("exporter"),
            Sets::Refused(KEYS_IN_FILES) => Some("headers_file"),
            Sets::Refused(_) | Sets::Propagators => None,
        }
    }
}

/// The layer that the variables make above `file`. Where there are no traces none of them is looked at: they may be meant for
/// others. So may be those that others are above, and the argument of a sampler that takes none. An empty one is as good as none.
pub(in crate::config) fn read_opentelemetry(
    environment: &BTreeMap<String, String>,
    file: &Table,
    findings: &mut Findings,
) -> Layer {
    let mut layer = Layer::default();
    let given = |name: &str| environment.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    let winner = |key: &'static str| {
        VARIABLES.iter().rfind(|variable| variable.sets == Sets::Key(key) && given(variable.name).is_some())
    };
    let of_key = |key: &'static str| winner(key).and_then(|variable| given(variable.name));
    let own = |key: &str| {
        let row = TracingConfig::SECTION.key(key)?;
        environment.get(&TracingConfig::SECTION.variable(row)?).map(|text| text.trim())
    };
    let in_file = |key: &str| {
        let table = file.get("tracing").and_then(|table| table.clone().into_table().ok())?;
        table.get(key).and_then(|value| value.clone().into_string().ok())
    };
    if of_key("endpoint").is_none() && own("endpoint").is_none_or(str::is_empty) && in_file("endpoint").is_none() {
        return layer;
    }
    let is_disabled = given("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let exporter = own("exporter").or(is_disabled.then_some("none")).or(of_key("exporter")).map(str::to_owned);
    let is_off = exporter.or_else(|| in_file("exporter")).as_deref() == Some("none");
    let sampler = own("sampler").or(of_key("sampler")).map(str::to_owned).or_else(|| in_file("sampler"));
    let has_ratio = sampler.is_some_and(|sampler| sampler.ends_with(RATIO));
    for variable @ Variable { name, sets } in VARIABLES {
        let Some(text) = given(name) else { continue };
        let is_overridden = variable.key().is_some_and(|key| {
            let is_beaten = winner(key).is_some_and(|winner| winner.name != *name) && *sets == Sets::Key(key);
            is_beaten || own(key).is_some() || (key == "sampler_ratio" && !has_ratio)
        });
        if is_overridden {
            continue;
        }
        if is_off && !matches!(sets, Sets::Disabled | Sets::Key("exporter")) {
            continue;
        }
        let mut refuse = |key: &str, flaw: Flaw| {
            findings.add_at(Location::Environment((*name).to_owned()), &format!("tracing.{key}"), flaw);
        };
        let (key, text) = match sets {
            Sets::Key(key) => (*key, text),
            Sets::Disabled if text.eq_ignore_ascii_case("true") => ("exporter", "none"),
            Sets::Disabled if text.eq_ignore_ascii_case("false") => continue,
            Sets::Disabled => {
                refuse("exporter", Flaw::new("expects true or false; this is something else"));
                continue;
            }
            Sets::Propagators if text.split(',').any(|it| it.trim() == "tracecontext") => continue,
            Sets::Propagators => {
                let flaw = Flaw::new("leaves out tracecontext, and no other propagator is spoken");
                refuse("endpoint", flaw.hint("write tracecontext, alone or with others for other services"));
                continue;
            }
            Sets::Refused(why) => {
                let flaw = Flaw::new(format!("is not taken: {why}"));
                let (key, hint) = if *why == KEYS_IN_FILES {
                    ("headers_file", "unset it, and name a file with `name: value` lines by tracing.headers_file")
                } else {
                    ("endpoint", "unset it; headers_file has a place for a key")
                };
                refuse(key, flaw.hint(hint));
                continue;
            }
        };
        // Whoever disables all of it says nothing against an exporter's name.
        if key == "exporter" && is_disabled && *sets != Sets::Disabled {
            continue;
        }
        let Some(row) = TracingConfig::SECTION.key(key) else { continue };
        match check(row, text) {
            Ok(value) => {
                let path = TracingConfig::SECTION.key_path(row);
                layer.0.insert(path.clone(), value);
                findings.set_above(path, Location::Environment((*name).to_owned()));
            }
            Err(flaw) => refuse(key, flaw),
        }
    }
    layer
}

/// A variable's text as its key has it.
fn check(key: &Key, text: &str) -> Result<config::Value, Flaw> {
    let (Kind::Duration { .. }, Ok(_)) = (key.kind, text.parse::<u64>()) else {
        if matches!(key.kind, Kind::Duration { .. }) {
            return Err(Flaw::new("expects a whole number of milliseconds; this is not one"));
        }
        return key.kind.check(key.kind.read_text(text), None);
    };
    key.kind.check(Written::Text(&format!("{text}ms")), None)
}
