//! The loop of a fake server, in a thread of its own.

use std::net::TcpListener;

use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::LocalSet;

/// Serves each connection until `stopped` ends, then breaks everything off.
pub fn serve<F: Future<Output = ()> + 'static>(
    listener: TcpListener,
    stopped: oneshot::Receiver<()>,
    connection: impl Fn(TcpStream) -> F,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async move {
        listener.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        let accept = async {
            loop {
                let Ok((socket, _)) = listener.accept().await else { continue };
                tokio::task::spawn_local(connection(socket));
            }
        };
        tokio::select! {
            () = accept => {}
            _ = stopped => {}
        }
    });
}
