//! The data listener's service: what one thread has for every request.

use std::rc::Rc;

use super::drop_in::DropIn;
use super::head::OriginPolicy;
use super::request_id::RequestIds;
use super::request_metrics::RequestSeries;
use super::resources::ServiceResources;
use crate::config::{LimitsConfig, ServerConfig};
use crate::gateway::Gateway;
use crate::tasks::Tasks;

/// What the listener's configuration says about requests.
#[derive(Debug, Clone)]
pub struct DataSettings {
    pub(super) limits: LimitsConfig,
    pub(super) origins: OriginPolicy,
    pub(super) drop_in: DropIn,
}

impl DataSettings {
    /// Reads the settings.
    #[must_use]
    pub fn new(server: &ServerConfig, drop_in: DropIn) -> Self {
        let loopback = server.listen.ip().is_loopback();
        let origins = OriginPolicy { allowed: server.allowed_origins.clone(), loopback };
        Self { limits: server.limits.clone(), origins, drop_in }
    }
}

/// One thread's data listener.
#[derive(Debug)]
pub struct DataService {
    pub(super) gateway: Rc<Gateway>,
    pub(super) settings: DataSettings,
    pub(super) tasks: Tasks,
    pub(super) resources: ServiceResources,
    pub(super) request_ids: RequestIds,
    pub(super) series: RequestSeries,
}

impl DataService {
    /// Builds one thread's listener.
    #[must_use]
    pub fn new(gateway: Rc<Gateway>, settings: DataSettings, tasks: Tasks, resources: ServiceResources) -> Self {
        let request_ids = RequestIds::new(&resources.random);
        let series = RequestSeries::default();
        Self { gateway, settings, tasks, resources, request_ids, series }
    }
}
