//! Writes lines to stdout on a thread of its own: a pipe may be full for as long as its reader likes, and the command must be able
//! to end meanwhile. How many lines were written is known at any time.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::{mpsc, oneshot};

use crate::cli::failure::Failure;

/// Some lines, and who waits for them.
struct Job {
    lines: Vec<String>,
    written: Arc<AtomicUsize>,
    done: oneshot::Sender<io::Result<()>>,
}

/// The way to the thread.
pub(super) struct Writer(mpsc::Sender<Job>);

/// Lines that are being written.
pub(super) struct Writing {
    written: Arc<AtomicUsize>,
    /// Comes when all are written, or one could not be.
    pub(super) done: oneshot::Receiver<io::Result<()>>,
}

impl Writing {
    /// How many of the lines are written and flushed, so far.
    pub(super) fn written(&self) -> usize {
        self.written.load(Ordering::Acquire)
    }
}

impl Writer {
    /// Writes to stdout.
    pub(super) fn start() -> Result<Self, Failure> {
        Self::to(io::stdout())
    }

    fn to(mut out: impl Write + Send + 'static) -> Result<Self, Failure> {
        let (sender, mut jobs) = mpsc::channel::<Job>(1);
        let work = move || {
            while let Some(Job { lines, written, done }) = jobs.blocking_recv() {
                let result = lines.iter().try_for_each(|line| {
                    out.write_all(line.as_bytes())?;
                    out.flush()?;
                    written.fetch_add(1, Ordering::AcqRel);
                    Ok(())
                });
                // Nobody waits any more where the command ends.
                drop(done.send(result));
            }
        };
        let started = std::thread::Builder::new().name("stdout".to_owned()).spawn(work);
        started.map(|_| Self(sender)).map_err(|error| Failure::bad(format!("could not start a thread: {error}")))
    }

    /// Whether nobody reads stdout any more, as far as a pipe or a socket tells without being written to.
    pub(super) fn reader_is_gone() -> bool {
        let stdout = io::stdout();
        let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        matches!(poll(&mut asked, Some(&Timespec::default())), Ok(1..))
            && asked.iter().any(|it| it.revents().intersects(gone))
    }

    /// Begins to write these lines, after those before them.
    pub(super) async fn write(&self, lines: Vec<String>) -> Writing {
        let written = Arc::new(AtomicUsize::new(0));
        let (done, is_done) = oneshot::channel();
        let job = Job { lines, written: Arc::clone(&written), done };
        // The thread lives as long as its channel; a job that it does not take is one that is not done.
        drop(self.0.send(job).await);
        Writing { written, done: is_done }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes some lines and then no more.
    struct Takes(usize);

    impl Write for Takes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn only_what_was_written_counts() {
        let writer = Writer::to(Takes(3)).unwrap();
        let lines = |count| (0..count).map(|_| "line\n".to_owned()).collect::<Vec<_>>();
        let mut first = writer.write(lines(2)).await;
        assert!((&mut first.done).await.unwrap().is_ok());
        assert_eq!(first.written(), 2);
        let mut second = writer.write(lines(2)).await;
        assert_eq!((&mut second.done).await.unwrap().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(second.written(), 1);
    }
}
