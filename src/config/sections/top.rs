//! The keys above all tables.

use crate::config::section::{Key, Preset, Section};
use crate::config::values::Kind;

pub(crate) const SECTION: Section = Section {
    path: "",
    protocol: None,
    meaning: "Keys above all tables; they stand first in the file.",
    keys: &[Key {
        name: "data_dir",
        kind: Kind::Directory,
        preset: Preset::Value("\"./data\""),
        meaning: "Where the embedded endpoint keeps its files (mode 0700). Relative to the working directory. Without that \
                  endpoint it is not touched.",
    }],
    rule: None,
};
