//! Everything that runs beside its caller, with a name and an end.
//!
//! A [`Service`] runs as long as the process, or as what holds it. It is asked to stop, has time to end in order, and is
//! broken off when it does not; [`Services`] are ended in the order of their [`Phase`]. [`Tasks`] count the work of requests
//! that goes on when its caller hangs up, so that shutdown can wait for it. A [`Nursery`] takes work from every
//! thread and does it inside one service. Nothing else spawns.

mod nursery;
mod request_work;
mod runtime;
mod service;
mod services;
mod spawn;
mod stage;

pub use nursery::{Nursery, NurseryWork};
pub use request_work::{RunToEnd, Tasks, Work};
pub use runtime::block_on;
pub use service::{Service, StopSignal};
pub use services::{Phase, Services};
pub use spawn::spawn_blocking;
pub use stage::Stage;
