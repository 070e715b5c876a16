//! The services of a process, and the order in which they end.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};

use super::service::Service;

/// When a service ends. It may use those of later phases until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It takes work in from outside.
    Intake,
    /// It works on its own: looks after upstreams, sends what was stored.
    Background,
    /// The former use it: the embedded endpoint.
    Backend,
    /// It shows operators the process to its end.
    Observation,
}

impl Phase {
    const IN_ORDER: [Self; 4] = [Self::Intake, Self::Background, Self::Backend, Self::Observation];
}

/// What services have for their end that were not asked in time, because earlier ones took it all.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// The running services of a process. Dropping them breaks them off.
#[derive(Debug, Default)]
pub struct Services(Vec<(Phase, Service)>);

impl Services {
    /// Takes a service that was started, to end it in its phase.
    pub fn add(&mut self, phase: Phase, service: Service) {
        self.0.push((phase, service));
    }

    /// Ends one phase after the other, the services of a phase together, all by `deadline`. Those that have not ended then
    /// are broken off, and logged by their names.
    pub async fn stop(mut self, deadline: Instant) {
        for phase in Phase::IN_ORDER {
            if timeout_at(deadline, self.end(&[phase])).await.is_err() {
                break;
            }
        }
        // In time nothing is left for this.
        drop(timeout(LAST_MOMENT, self.end(&Phase::IN_ORDER)).await);
        for (_, service) in self.0.iter().filter(|(_, service)| !service.has_ended()) {
            tracing::warn!(service = service.name(), "a service did not end in time: it is broken off");
        }
    }

    /// Asks the services of `phases` to stop, then waits for them.
    async fn end(&mut self, phases: &[Phase]) {
        let services = || self.0.iter().filter(|(phase, _)| phases.contains(phase));
        services().for_each(|(_, service)| service.ask_to_stop());
        for (_, service) in self.0.iter_mut().filter(|(phase, _)| phases.contains(phase)) {
            service.ended().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};
    use std::sync::{Arc, Mutex};

    use tokio::task::LocalSet;

    use super::*;

    /// What is logged while `work` runs.
    async fn log_of(work: impl Future<Output = ()>) -> String {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(Arc::clone(&file)).finish();
        let logging = tracing::subscriber::set_default(subscriber);
        LocalSet::new().run_until(work).await;
        drop(logging);
        let mut text = String::new();
        (&*file).rewind().unwrap();
        (&*file).read_to_string(&mut text).unwrap();
        text
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    /// A service that notes its end, some time after it was asked.
    fn noting(name: &'static str, ends: &Arc<Mutex<Vec<&'static str>>>) -> Service {
        let ends = Arc::clone(ends);
        Service::start(name, |mut stop| async move {
            stop.given().await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            ends.lock().unwrap().push(name);
        })
    }

    #[tokio::test]
    async fn services_end_in_order_and_have_the_time_they_need() {
        let ends = Arc::default();
        let log = log_of(async {
            let mut services = Services::default();
            services.add(Phase::Observation, noting("management", &ends));
            services.add(Phase::Backend, noting("endpoint", &ends));
            services.add(Phase::Intake, noting("data", &ends));
            services.add(Phase::Background, noting("dispatcher", &ends));
            services.stop(Instant::now() + Duration::from_secs(10)).await;
        });
        assert_eq!(log.await, "");
        assert_eq!(*ends.lock().unwrap(), ["data", "dispatcher", "endpoint", "management"]);
    }

    #[tokio::test]
    async fn who_ignores_the_signal_is_broken_off_by_name_and_the_others_still_end() {
        let ends = Arc::default();
        let dropped = Arc::new(());
        let log = log_of(async {
            let mut services = Services::default();
            let held = Arc::clone(&dropped);
            let stuck = Service::start_local("stuck", |_| async move {
                std::future::pending::<()>().await;
                drop(held);
            });
            services.add(Phase::Intake, stuck);
            services.add(Phase::Background, Service::start("watcher", |stop| stop.interrupts(std::future::pending())));
            services.add(Phase::Observation, noting("management", &ends));
            services.stop(soon()).await;
            tokio::task::yield_now().await;
            assert_eq!(Arc::strong_count(&dropped), 1, "it still runs");
        })
        .await;
        assert_eq!(log.lines().count(), 1, "{log}");
        assert!(log.contains("WARN") && log.contains("service=\"stuck\""), "{log}");
        assert_eq!(*ends.lock().unwrap(), ["management"]);
    }

    #[tokio::test]
    async fn a_panic_and_an_early_end_are_seen_by_name_when_they_happen() {
        let log = log_of(async {
            let mut services = Services::default();
            services.add(Phase::Background, Service::start("faulty", |_| async { panic!("a secret") }));
            services.add(Phase::Background, Service::start_local("short", |_| async {}));
            tokio::time::sleep(Duration::from_millis(20)).await;
            tracing::info!("both are over");
            services.stop(soon()).await;
        })
        .await;
        let lines: Vec<_> = log.lines().collect();
        let line = |text: &str| lines.iter().position(|line| line.contains(text));
        assert_eq!(lines.len(), 3, "{log}");
        assert!(line("service=\"faulty\"").is_some_and(|at| lines[at].contains("panicked")), "{log}");
        assert!(line("service=\"short\"").is_some_and(|at| lines[at].contains("ended by itself")), "{log}");
        assert_eq!(line("both are over"), Some(2), "{log}");
        assert!(!log.contains("a secret"), "{log}");
    }

    #[tokio::test]
    async fn dropped_services_are_broken_off() {
        let held = Arc::new(());
        let inner = Arc::clone(&held);
        let service = Service::start("watcher", |_| async move {
            std::future::pending::<()>().await;
            drop(inner);
        });
        tokio::task::yield_now().await;
        drop(service);
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn a_service_on_a_thread_of_its_own_ends_in_order_and_is_broken_off_when_dropped() {
        let ends: Arc<Mutex<Vec<&'static str>>> = Arc::default();
        let noted = Arc::clone(&ends);
        let service = Service::start_on_thread("pushes", |mut stop| async move {
            // Not `Send`, which is what the thread is for.
            let name = std::rc::Rc::new("pushes");
            stop.given().await;
            noted.lock().unwrap().push(*name);
        });
        let mut services = Services::default();
        services.add(Phase::Intake, service.unwrap());
        services.add(Phase::Background, noting("later", &ends));
        services.stop(Instant::now() + Duration::from_secs(10)).await;
        assert_eq!(*ends.lock().unwrap(), ["pushes", "later"]);

        let (held, mut dropped) = tokio::sync::mpsc::channel::<()>(1);
        let stuck = Service::start_on_thread("stuck", |_| async move {
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(timeout(Duration::from_millis(50), dropped.recv()).await.is_err(), "it runs");
        drop(stuck.unwrap());
        assert_eq!(timeout(Duration::from_secs(10), dropped.recv()).await, Ok(None), "it was broken off");
    }
}
