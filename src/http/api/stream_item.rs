//! In which form a stream writes its messages.

use super::received_body::Format;
use crate::gateway::GroupRoute;

/// The form of a message in a stream, as a query names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum ItemFormat {
    /// As a receive has it.
    #[default]
    ReceiveItem,
    /// An event in the JSON format of CloudEvents.
    CloudEvents,
}

impl ItemFormat {
    const ALL: [(&str, Self); 2] = [("receive-item", Self::ReceiveItem), ("cloudevents", Self::CloudEvents)];

    /// The form with this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// What is wrong with another name.
    pub(super) fn expected() -> String {
        let names: Vec<String> = Self::ALL.iter().map(|(name, _)| format!("`{name}`")).collect();
        format!("must be {}", names.join(" or "))
    }

    /// What writes messages of this group so.
    pub(super) fn of(self, route: &GroupRoute) -> Format {
        match self {
            Self::ReceiveItem => Format::Own,
            Self::CloudEvents => Format::CloudEvents(route.clone()),
        }
    }
}
