//! The sessions of one profile: made at the first receive of a group at each place where its topic is, at most `most` at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::link::Link;
use super::place::Place;
use super::session::{InUse, Session};
use crate::model::{ConsumerGroup, Topic};
use crate::tasks::Nursery;
use crate::upstream::{UpstreamError, UpstreamErrorKind};

type ByGroup = HashMap<(ConsumerGroup, Place), Arc<Session>>;

/// The sessions by group and place.
#[derive(Debug)]
pub(super) struct Sessions {
    link: Arc<Link>,
    nursery: Nursery,
    stopping: watch::Receiver<bool>,
    /// What the client ids begin with: no other process has it.
    prefix: String,
    made: AtomicU64,
    most: usize,
    by_group: Arc<Mutex<ByGroup>>,
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
    /// those that there are at the place.
    pub(super) fn enter_any(
        &self,
        group: &ConsumerGroup,
        topic: &Topic,
        place: &Place,
    ) -> Result<InUse, UpstreamError> {
        self.enter(group, topic, place).or_else(|full| {
            let by_group = self.by_group.lock().unwrap_or_else(PoisonError::into_inner);
            by_group.values().filter(|session| session.place == *place).find_map(Session::enter).ok_or(full)
        })
    }

    /// The session of a group at a place, which is in use as long as the value lives.
    ///
    /// # Errors
    /// There are as many as there may be, and all are in use.
    pub(super) fn enter(&self, group: &ConsumerGroup, topic: &Topic, place: &Place) -> Result<InUse, UpstreamError> {
        let key = (group.clone(), place.clone());
        let mut by_group = self.by_group.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(in_use) = by_group.get(&key).and_then(Session::enter) {
            return Ok(in_use);
        }
        // One that says goodbye may take seconds for it: whoever comes meanwhile gets a new one.
        by_group.remove(&key);
        if by_group.len() >= self.most {
            let idle = by_group.iter().filter_map(|(key, session)| Some((session.idle_for()?, key)));
            let Some(longest) = idle.max_by_key(|(idle, _)| *idle).map(|(_, key)| key.clone()) else {
                let detail = format!(
                    "{} groups are received for at once, the profile's max_sessions (a group counts at each address of its topic)",
                    self.most
                );
                return Err(UpstreamError::new(UpstreamErrorKind::Overloaded, detail));
            };
            if let Some(session) = by_group.remove(&longest) {
                session.make_room();
            }
        }
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let client_id = format!("{}{number}", self.prefix);
        let session = Arc::new(Session::new(group.clone(), place.clone(), topic.clone(), client_id));
        let in_use = InUse::of(&session);
        by_group.insert(key.clone(), Arc::clone(&session));
        let (ended, all) = (Arc::clone(&session), Arc::clone(&self.by_group));
        let life = Arc::clone(&session).run(Arc::clone(&self.link), self.stopping.clone());
        self.nursery.run(async move {
            life.await;
            let mut by_group = all.lock().unwrap_or_else(PoisonError::into_inner);
            if by_group.get(&key).is_some_and(|it| Arc::ptr_eq(it, &ended)) {
                by_group.remove(&key);
            }
        });
        Ok(in_use)
    }
}
