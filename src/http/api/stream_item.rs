//! In which form a stream writes its messages.

use super::received_body::write_item;
use crate::gateway::ReceiptHandle;
use crate::model::Delivery;

/// The form of a message in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ItemFormat {
    /// As a receive has it.
    #[default]
    ReceiveItem,
}

impl ItemFormat {
    const ALL: [(&str, Self); 1] = [("receive-item", Self::ReceiveItem)];

    /// The form with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// What is wrong with another name.
    pub(super) fn expected() -> String {
        let names: Vec<String> = Self::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("must be one of {}", names.join(", "))
    }

    /// Writes a message as JSON.
    pub(super) fn write(self, text: &mut Vec<u8>, delivery: &Delivery, handle: &ReceiptHandle) {
        match self {
            Self::ReceiveItem => write_item(text, delivery, handle),
        }
    }
}
