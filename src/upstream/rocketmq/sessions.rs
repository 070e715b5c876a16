//! The sessions of one profile: made at the first receive of a group, at most so many at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::link::Link;
use super::session::{InUse, Session};
use crate::model::{ConsumerGroup, Topic};
use crate::tasks::Nursery;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

/// The sessions by group.
#[derive(Debug)]
pub(super) struct Sessions {
    link: Arc<Link>,
    nursery: Nursery,
    stopping: watch::Receiver<bool>,
    /// What the client ids begin with: no other process has it.
    prefix: String,
    made: AtomicU64,
    most: usize,
    by_group: Arc<Mutex<HashMap<ConsumerGroup, Arc<Session>>>>,
}

impl Sessions {
    pub(super) fn new(
        link: Arc<Link>,
        nursery: Nursery,
        stopping: watch::Receiver<bool>,
        prefix: String,
        most: usize,
    ) -> Self {
        Self { link, nursery, stopping, prefix, made: AtomicU64::new(0), most, by_group: Arc::default() }
    }

    /// As [`Sessions::enter`] for a request that needs a client of whatever group: where there is no room for another, one of
    /// those that there are.
    pub(super) fn enter_any(&self, group: &ConsumerGroup, topic: &Topic) -> Result<InUse, UpstreamError> {
        self.enter(group, topic).or_else(|full| {
            let by_group = self.by_group.lock().unwrap_or_else(PoisonError::into_inner);
            by_group.values().next().map(Session::enter).ok_or(full)
        })
    }

    /// The session of a group, which is in use as long as the value lives.
    ///
    /// # Errors
    /// There are as many as there may be, and all are in use.
    pub(super) fn enter(&self, group: &ConsumerGroup, topic: &Topic) -> Result<InUse, UpstreamError> {
        let mut by_group = self.by_group.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = by_group.get(group) {
            return Ok(session.enter());
        }
        if by_group.len() >= self.most {
            let idle = by_group.iter().filter_map(|(group, session)| Some((session.idle_for()?, group.clone())));
            let Some((_, longest)) = idle.max() else {
                let detail = format!("{} groups are received for at once, the profile's max_sessions", self.most);
                return Err(UpstreamError::new(UpstreamErrorKind::Overloaded, detail));
            };
            if let Some(session) = by_group.remove(&longest) {
                session.make_room();
            }
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let session = Session::new(group.clone(), topic.clone(), format!("{}{number}", self.prefix));
        let session = Arc::new(session);
        by_group.insert(group.clone(), Arc::clone(&session));
        let (ended, all) = (Arc::clone(&session), Arc::clone(&self.by_group));
        let life = Arc::clone(&session).run(Arc::clone(&self.link), self.stopping.clone());
        self.nursery.run(async move {
            life.await;
            let mut by_group = all.lock().unwrap_or_else(PoisonError::into_inner);
            if by_group.get(&ended.group).is_some_and(|it| Arc::ptr_eq(it, &ended)) {
                by_group.remove(&ended.group);
            }
        });
        Ok(session.enter())
    }
}
