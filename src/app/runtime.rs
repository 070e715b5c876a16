//! The runtime of the main thread.

/// Runs a future to its end on this thread, with the HTTP library's own runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    actix_web::rt::System::new().block_on(future)
}
