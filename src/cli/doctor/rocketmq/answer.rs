//! What a proxy's answers mean, as far as the doctor cares.

use super::questions::{GroupQuestion, TopicQuestion};
use crate::outbound::{GrpcError, GrpcStatus};
use crate::protocol::rocketmq::wire::{MessageType, Permission, QueryRouteResponse, Status};
use crate::protocol::rocketmq::{Code, GroupSettings};

/// All answers of one profile.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) topics: Vec<(TopicQuestion, Answer<Route>)>,
    pub(super) groups: Vec<(GroupQuestion, Answer<GroupSettings>)>,
    /// A call without a signature was answered, too; `None` where that was not tried.
    pub(super) answers_anyone: Option<bool>,
    pub(super) left_out: usize,
}

/// What came of one question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// It is there, and this is known of it.
    Known(T),
    /// It is not there; who asked was checked before.
    Missing(Code),
    /// Not for us: keys or permissions. Which of them the answer does not tell.
    Denied(Code),
    /// The proxy could not, or does not take the question.
    Refused(Code),
    /// Something else listens there.
    Foreign,
    /// No answer, and why.
    None(String),
}

/// A topic's route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    /// What it takes; empty where the MQ does not say.
    pub(super) types: Vec<MessageType>,
    /// At how many brokers it can be read.
    pub(super) brokers: usize,
}

impl<T> Answer<T> {
    /// What a status says that is no success; `None` for success.
    pub(super) fn of_status(status: Option<&Status>) -> Option<Self> {
        let Some(status) = status else { return Some(Self::Foreign) };
        let code = Code::of(status.code);
        if code == Code::Ok {
            None
        } else if matches!(code, Code::Unauthorized | Code::Forbidden | Code::PaymentRequired) {
            Some(Self::Denied(code))
        } else if matches!(code, Code::TopicNotFound | Code::ConsumerGroupNotFound | Code::NotFound) {
            Some(Self::Missing(code))
        } else {
            Some(Self::Refused(code))
        }
    }

    /// What a call says that got no answer of the protocol. The server's own words are not repeated.
    pub(super) fn of_failure(error: &GrpcError) -> Self {
        match error {
            GrpcError::Status { status: GrpcStatus::Unimplemented, .. } => Self::Foreign,
            GrpcError::Status { status: GrpcStatus::Denied, .. } => {
                Self::None("something before the MQ denies us access".to_owned())
            }
            GrpcError::Status { status: GrpcStatus::Unavailable, .. } => {
                Self::None("the MQ is going, or what is behind it".to_owned())
            }
            GrpcError::Status {
                status: GrpcStatus::DeadlineExceeded | GrpcStatus::BrokenOff | GrpcStatus::Other,
                ..
            } => Self::None("the MQ failed".to_owned()),
            GrpcError::Unwritable(_)
            | GrpcError::NotConnected(_)
            | GrpcError::TimedOutUnsent
            | GrpcError::TimedOut { .. }
            | GrpcError::Broken(_) => Self::None(error.to_string()),
        }
    }
}

impl Answer<Route> {
    /// Reads the answer to a question for a route.
    pub(super) fn of_route(answered: Result<QueryRouteResponse, GrpcError>) -> Self {
        let QueryRouteResponse { status, message_queues } = match answered {
            Ok(answer) => answer,
            Err(error) => return Self::of_failure(&error),
        };
        if let Some(refusal) = Self::of_status(status.as_ref()) {
            return refusal;
        }
        let (mut types, mut brokers) = (Vec::new(), Vec::new());
        for queue in &message_queues {
            let new: Vec<_> = queue.accept_message_types().filter(|it| *it != MessageType::Unspecified).collect();
            types.extend(new);
            if matches!(queue.permission(), Permission::Read | Permission::ReadWrite) {
                brokers.extend(queue.broker.as_ref().map(|broker| broker.name.as_str()));
            }
        }
        types.sort_unstable();
        types.dedup();
        brokers.sort_unstable();
        brokers.dedup();
        Self::Known(Route { types, brokers: brokers.len() })
    }
}
