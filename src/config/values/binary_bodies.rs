//! Bodies that are not UTF-8.

use config::Value;

use super::flaw::Flaw;
use super::setting::{self, Setting};

/// How bodies travel that are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryBodies {
    /// Not at all: such a message is refused. `false` and `"refuse"` in the configuration.
    Refuse,
    /// As they are (`ons-http` only). `true` in the configuration.
    AsIs,
    /// In base64 (`mq-http` only): its XML carries no other bytes than text. `"base64"` in the configuration.
    Base64,
}

/// The words that stand beside `true` and `false`.
pub(super) const WORDS: &[&str] = &["refuse", "base64"];

impl BinaryBodies {
    /// A flag, on a protocol that carries such bodies in this way.
    pub(super) fn check_flag(self, flag: bool) -> Result<Value, Flaw> {
        if flag && self != Self::AsIs {
            let flaw = Flaw::new("mq-http carries text only, so no body travels as it is");
            return Err(flaw.hint("write \"base64\""));
        }
        Ok(flag.into())
    }

    /// One of the words, on such a protocol.
    pub(super) fn check_word(self, word: &str) -> Result<Value, Flaw> {
        match word {
            "refuse" => Ok(false.into()),
            _ if self == Self::Base64 => Ok(word.into()),
            _ => Err(Flaw::new("ons-http encodes no bodies")
                .hint("write true where the MQ gives such bodies back unchanged")),
        }
    }
}

impl Setting for BinaryBodies {
    fn read(value: &setting::Value) -> Option<Self> {
        match value.as_bool() {
            Some(true) => Some(Self::AsIs),
            Some(false) => Some(Self::Refuse),
            None => (value == "base64").then_some(Self::Base64),
        }
    }
}
