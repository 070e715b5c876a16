//! The runtime that everything is spawned on.

/// Runs `work`, and what it spawns, on the current thread until it ends.
pub fn block_on<F: Future>(work: F) -> F::Output {
    actix_web::rt::System::new().block_on(work)
}
