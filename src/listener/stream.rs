//! A TCP stream that notes on its [`Connection`] what happens, and fails once that is to be closed.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::addresses::AddressPermit;
use super::ahead::Passing;
use super::connection::Connection;
use super::half_close::Closed;
use super::intake::AfterStop;
use super::table::ConnectionTable;
use super::untaken::End;
use crate::telemetry::CloseReason;

/// As the HTTP library answers it.
const REQUEST_TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const HEADERS_TOO_LARGE: &[u8] =
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

/// As the HTTP library writes it before it looks at a request.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[derive(Debug)]
pub(super) struct GuardedStream {
    stream: TcpStream,
    connection: Rc<Connection>,
    table: Rc<ConnectionTable>,
    _permit: AddressPermit,
    /// The caller was told that nothing more comes.
    shut_down: bool,
}

impl GuardedStream {
    pub(super) fn new(
        stream: TcpStream,
        connection: Rc<Connection>,
        table: Rc<ConnectionTable>,
        permit: AddressPermit,
    ) -> Self {
        Self { stream, connection, table, _permit: permit, shut_down: false }
    }

    pub(super) fn connection(&self) -> &Rc<Connection> {
        &self.connection
    }

    /// Fails when the connection is to be closed.
    fn check(&self) -> io::Result<()> {
        if self.connection.closing().is_none() { Ok(()) } else { Err(io::ErrorKind::TimedOut.into()) }
    }

    /// The connection broke off; the kernel gave it up where `TCP_USER_TIMEOUT` was over.
    fn note(&self, error: &io::Error) {
        self.connection.ended(End::Broken);
        if error.kind() == io::ErrorKind::TimedOut {
            self.connection.will_close_for(CloseReason::WriteTimeout);
        }
    }

    /// Reads, and notes what came.
    fn read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<usize>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_pending() {
            self.connection.keep_waker(context.waker());
        }
        ready!(polled).inspect_err(|error| self.note(error))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            return if buffer.remaining() > 0 { self.caller_closed(context) } else { Poll::Ready(Ok(0)) };
        }
        let good = self.connection.read(new);
        buffer.set_filled(before + good);
        if good == 0 { self.read_no_more(context).map_ok(|()| 0) } else { Poll::Ready(Ok(good)) }
    }

    /// Nothing more comes: an end, once what came before has its answers.
    fn caller_closed(&self, context: &Context<'_>) -> Poll<io::Result<usize>> {
        match self.connection.caller_closed() {
            Closed::Wait => {
                self.connection.keep_waker(context.waker());
                Poll::Pending
            }
            Closed::HangUp => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
            Closed::End => Poll::Ready(Ok(0)),
        }
    }

    /// To the HTTP library the connection ends, when the requests that came before have their answers: it would drop them at
    /// once otherwise.
    fn read_no_more(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        if self.connection.intake.after_stop() == Some(AfterStop::Wait) {
            self.connection.keep_waker(context.waker());
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// Throws away what still comes, so that the caller can read its answer before a reset takes it away.
    fn throw_away(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut buffer = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut buffer);
            let polled = Pin::new(&mut self.stream).poll_read(context, &mut buffer);
            if polled.is_pending() {
                self.connection.keep_waker(context.waker());
            }
            let read = ready!(polled).is_ok() && !buffer.filled().is_empty();
            if !read || !self.connection.intake.throw_away(buffer.filled().len()) {
                return Poll::Ready(());
            }
        }
    }

    /// The last read of a connection that is to be closed: it stays open if a request has come.
    fn read_before_closing(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.connection.may_stay_open() {
            match self.read(context, buffer) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(_)) => {
                    self.connection.stay_open();
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(_)) | Poll::Pending => {}
            }
        }
        Poll::Ready(self.check())
    }
}

impl AsyncRead for GuardedStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.closing().is_some() {
            return this.read_before_closing(context, buffer);
        }
        if this.connection.intake.after_stop().is_some() {
            return this.read_no_more(context);
        }
        if this.connection.is_half_closed() {
            return this.caller_closed(context).map_ok(|_| ());
        }
        match this.connection.passing() {
            Passing::More => {}
            Passing::Soon => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Passing::Later => {
                this.connection.keep_waker(context.waker());
                return Poll::Pending;
            }
        }
        this.read(context, buffer).map_ok(|_| ())
    }
}

impl AsyncWrite for GuardedStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check()?;
        if this.connection.takes_continue() && bytes.len() > CONTINUE.len() && bytes.starts_with(CONTINUE) {
            // The answer is there without the body: its caller need not send it.
            return Poll::Ready(Ok(CONTINUE.len()));
        }
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        match &polled {
            Poll::Ready(Ok(count)) => this.connection.wrote(*count),
            Poll::Ready(Err(error)) => this.note(error),
            Poll::Pending => {
                this.connection.keep_waker(context.waker());
                this.connection.write_blocked();
            }
        }
        polled
    }

    /// The HTTP library calls it when all it had was written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // A connection that may stay open has to come to its last read.
        if !this.connection.may_stay_open() {
            this.check()?;
        }
        this.connection.all_written();
        Pin::new(&mut this.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.connection.intake.after_stop().is_none() {
            return Pin::new(&mut this.stream).poll_shutdown(context);
        }
        if !this.shut_down {
            if this.connection.intake.may_get_431() {
                // Nobody waits for it to be taken.
                drop(this.stream.try_write(HEADERS_TOO_LARGE));
            }
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            this.shut_down = true;
        }
        // Until the guard ends it, as any connection with something left over.
        if this.connection.closing().is_none() {
            ready!(this.throw_away(context));
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for GuardedStream {
    fn drop(&mut self) {
        if self.connection.may_get_408() {
            // Nobody waits for it to be taken.
            drop(self.stream.try_write(REQUEST_TIMEOUT));
        }
        if self.connection.close_reason() == CloseReason::WriteTimeout {
            // Else the kernel would keep the answer for whoever does not take it.
            drop(self.stream.set_zero_linger());
        }
        if let Some(leaving) = self.connection.leave(&self.stream) {
            self.table.leavers.add(leaving);
        }
        self.table.remove(&self.connection);
    }
}
