//! The fake proxy's HTTP/2 and gRPC: a call is a stream, a message five bytes and its text, the end a trailer.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use mq_gateway::protocol::rocketmq::wire::{
    Command, PublishingOrSubscription, ReceiveMessageRequest, ReceiveMessageResponse, Received, RetryPolicy,
    SendMessageResponse, SendResultEntry, TelemetryCommand,
};
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};

use crate::support::local_server;

use super::state::{Call, Fault, State, status};

type Shared = Arc<Mutex<State>>;

/// Serves until `stopped` ends, then breaks everything off.
pub(super) fn serve(listener: TcpListener, state: &Shared, stopped: oneshot::Receiver<()>) {
    local_server::serve(listener, stopped, |socket| connection(socket, Arc::clone(state)));
}

async fn connection(socket: TcpStream, state: Shared) {
    let Ok(mut connection) = h2::server::handshake(socket).await else { return };
    // A call that breaks the connection says so here.
    let (broken, mut breaks) = tokio::sync::mpsc::channel(1);
    loop {
        tokio::select! {
            biased;
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    tokio::task::spawn_local(call(request, respond, Arc::clone(&state), broken.clone()));
                }
                Some(Err(_)) | None => return,
            },
            ended = breaks.recv() => match ended {
                Some(End::GoAway) => connection.graceful_shutdown(),
                Some(End::Break) | None => return,
            },
        }
    }
}

/// How a call ends its connection.
enum End {
    Break,
    GoAway,
}

async fn call(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: Shared,
    broken: tokio::sync::mpsc::Sender<End>,
) {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let text = |value: &http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers: HashMap<String, String> =
        request.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let mut body = request.into_body();
    let Some(message) = message(&mut body, &mut BytesMut::new()).await else { return };
    let call = Call { method: method.clone(), headers, message };
    let fault = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls.push(call.clone());
        let scripted = state.script.get_mut(&method).and_then(std::collections::VecDeque::pop_front);
        let is_refused = state.checks_keys && !call.headers.contains_key("authorization");
        scripted.or(is_refused.then_some(Fault::Status(40100, "no credentials")))
    };
    match fault {
        Some(Fault::Hang) => {
            drop(std::future::poll_fn(|context| respond.poll_reset(context)).await);
            return note_broken_off(&state, &method);
        }
        Some(Fault::Reset) => return respond.send_reset(Reason::INTERNAL_ERROR),
        Some(Fault::Grpc(code)) => return trailers_only(&mut respond, code),
        Some(Fault::DoneThenGrpc(code)) => {
            drop(answer(&state, &call));
            return trailers_only(&mut respond, code);
        }
        Some(Fault::Http(code)) => {
            let response = Response::builder().status(code).body(()).expect("a response");
            drop(respond.send_response(response, true));
            return;
        }
        Some(Fault::DoneThenDisconnect) => {
            drop(answer(&state, &call));
            broken.send(End::Break).await.expect("a connection");
            return;
        }
        Some(Fault::Disconnect) => {
            broken.send(End::Break).await.expect("a connection");
            return;
        }
        Some(Fault::Refuse) => return respond.send_reset(Reason::REFUSED_STREAM),
        Some(Fault::GoAway) => {
            broken.send(End::GoAway).await.expect("a connection");
        }
        Some(Fault::CutShort(missing)) => {
            let Some(mut framed) = answer(&state, &call).map(|answer| frame(&answer)) else { return };
            framed.truncate(framed.len() - missing);
            let Ok(mut stream) = respond.send_response(grpc_head(), false) else { return };
            drop(stream.send_data(framed.into(), true));
            return;
        }
        Some(Fault::HangInAnswer) => {
            let Some(answer) = answer(&state, &call) else { return };
            let Ok(mut stream) = respond.send_response(grpc_head(), false) else { return };
            send(&mut stream, &answer);
            drop(std::future::poll_fn(|context| stream.poll_reset(context)).await);
            return;
        }
        Some(Fault::Empty) => return whole(&mut respond, &[]),
        Some(Fault::Bytes(bytes)) => {
            let Ok(mut stream) = respond.send_response(grpc_head(), false) else { return };
            drop(stream.send_data(Bytes::from_static(bytes), false));
            return end(&mut stream, 0);
        }
        Some(Fault::DeliverThenReset) => {
            let delivered = state.lock().unwrap_or_else(PoisonError::into_inner).deliver(Duration::from_secs(60), "*");
            let part = ReceiveMessageResponse { content: delivered.map(|it| Received::Message(Box::new(it))) };
            let Ok(mut stream) = respond.send_response(grpc_head(), false) else { return };
            send(&mut stream, &part.encode_to_vec());
            // What is written before a reset may be thrown away with it.
            tokio::time::sleep(Duration::from_millis(200)).await;
            return stream.send_reset(Reason::INTERNAL_ERROR);
        }
        Some(Fault::Entry(code)) => {
            drop(answer(&state, &call));
            let entry = SendResultEntry { status: status(code, "send message failed"), ..SendResultEntry::default() };
            let response = SendMessageResponse { status: entry.status.clone(), entries: vec![entry] };
            return whole(&mut respond, &[response.encode_to_vec()]);
        }
        Some(Fault::Garbage) => return whole(&mut respond, &[b"\xff\xff\xff".to_vec()]),
        Some(Fault::Status(code, text)) if method == "ReceiveMessage" => {
            let refused = Received::Status(status(code, text).expect("a status"));
            return whole(&mut respond, &[ReceiveMessageResponse { content: Some(refused) }.encode_to_vec()]);
        }
        // In every answer the status is the first field.
        Some(Fault::Status(code, text)) => {
            let refused = mq_gateway::protocol::rocketmq::wire::HeartbeatResponse { status: status(code, text) };
            return whole(&mut respond, &[refused.encode_to_vec()]);
        }
        None => {}
    }
    match method.as_str() {
        "ReceiveMessage" => receive(&call, respond, &state).await,
        "Telemetry" => telemetry(&call, body, respond, &state).await,
        _ => match answer(&state, &call) {
            Some(answer) => whole(&mut respond, &[answer]),
            None => trailers_only(&mut respond, 12),
        },
    }
}

fn answer(state: &Shared, call: &Call) -> Option<Vec<u8>> {
    state.lock().unwrap_or_else(PoisonError::into_inner).answer(call)
}

fn note_broken_off(state: &Shared, method: &str) {
    state.lock().unwrap_or_else(PoisonError::into_inner).broken_off.push(method.to_owned());
}

/// Holds a poll until something is there or its time is over.
async fn receive(call: &Call, mut respond: SendResponse<Bytes>, state: &Shared) {
    let request = ReceiveMessageRequest::decode(call.message.as_slice()).expect("a request");
    assert!(call.headers.contains_key("grpc-timeout"), "the real server fails without");
    let end = |code, text: &str| {
        let part = Received::Status(status(code, text).expect("a status"));
        ReceiveMessageResponse { content: Some(part) }.encode_to_vec()
    };
    let invisible = Duration::from_secs(request.invisible_duration.unwrap_or_default().seconds.unsigned_abs());
    let filter = request.filter_expression.clone().expect("a filter").expression;
    let (known, hold, arrived) = {
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.settings.contains(&call.headers["x-mq-client-id"]), state.hold, Arc::clone(&state.arrived))
    };
    if !known {
        return whole(&mut respond, &[end(50001, "Cannot invoke \"x\" because \"settings\" is null")]);
    }
    let deadline = Instant::now() + hold;
    loop {
        let mut woken = std::pin::pin!(arrived.notified());
        woken.as_mut().enable();
        let mut parts = Vec::new();
        {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let is_locked = state.ordered && !state.out.is_empty();
            for _ in 0..if is_locked { 0 } else { request.batch_size } {
                let Some(message) = state.deliver(invisible, &filter) else { break };
                let part = ReceiveMessageResponse { content: Some(Received::Message(Box::new(message))) };
                parts.push(part.encode_to_vec());
            }
        }
        if !parts.is_empty() {
            parts.insert(0, end(20000, "OK"));
            return whole(&mut respond, &parts);
        }
        tokio::select! {
            woken = timeout_at(deadline, woken) => if woken.is_err() {
                return whole(&mut respond, &[end(40401, "no new message")]);
            },
            _ = std::future::poll_fn(|context| respond.poll_reset(context)) => {
                return note_broken_off(state, "ReceiveMessage");
            }
        }
    }
}

/// Takes the settings, gives them back, and holds the stream.
async fn telemetry(call: &Call, mut body: RecvStream, mut respond: SendResponse<Bytes>, state: &Shared) {
    let command = TelemetryCommand::decode(call.message.as_slice()).expect("a command");
    let Some(Command::Settings(mut settings)) = command.command else { panic!("no settings") };
    {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settings.insert(call.headers["x-mq-client-id"].clone());
        if let Some(PublishingOrSubscription::Subscription(subscription)) = &mut settings.pub_sub {
            let group = subscription.group.as_ref().expect("a group");
            // Of a group that it does not know the real one gives back what it was sent, above a default.
            settings.backoff_policy.get_or_insert(RetryPolicy { max_attempts: 17 });
            if !state.unknown_groups.contains(&group.name) {
                subscription.fifo = Some(state.ordered);
                settings.backoff_policy = Some(RetryPolicy { max_attempts: 17 });
            }
        }
    }
    let merged = TelemetryCommand { status: status(20000, "OK"), command: Some(Command::Settings(settings)) };
    let Ok(mut stream) = respond.send_response(grpc_head(), false) else { return };
    send(&mut stream, &merged.encode_to_vec());
    // Until the client ends its half.
    while let Some(Ok(data)) = body.data().await {
        drop(body.flow_control().release_capacity(data.len()));
    }
    end(&mut stream, 0);
}

/// The next message of a call; `None` where it breaks off.
async fn message(body: &mut RecvStream, buffer: &mut BytesMut) -> Option<Vec<u8>> {
    loop {
        if buffer.len() >= 5 {
            let length = u32::from_be_bytes([buffer[1], buffer[2], buffer[3], buffer[4]]) as usize;
            assert_eq!(buffer[0], 0, "nothing is compressed");
            if buffer.len() >= 5 + length {
                buffer.advance(5);
                return Some(buffer.split_to(length).to_vec());
            }
        }
        let data = timeout(Duration::from_secs(10), body.data()).await.ok()??.ok()?;
        drop(body.flow_control().release_capacity(data.len()));
        buffer.extend_from_slice(&data);
    }
}

fn grpc_head() -> Response<()> {
    Response::builder().header("content-type", "application/grpc").body(()).expect("a response")
}

fn whole(respond: &mut SendResponse<Bytes>, messages: &[Vec<u8>]) {
    let Ok(mut stream) = respond.send_response(grpc_head(), false) else { return };
    for message in messages {
        send(&mut stream, message);
    }
    end(&mut stream, 0);
}

fn trailers_only(respond: &mut SendResponse<Bytes>, code: u32) {
    let head = Response::builder().header("content-type", "application/grpc").header("grpc-status", code.to_string());
    drop(respond.send_response(head.body(()).expect("a response"), true));
}

fn send(stream: &mut SendStream<Bytes>, message: &[u8]) {
    // A client that left does not need it.
    drop(stream.send_data(frame(message).into(), false));
}

fn end(stream: &mut SendStream<Bytes>, code: u32) {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    drop(stream.send_trailers(trailers));
}

fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a small message");
    [&[0][..], &length.to_be_bytes(), message].concat()
}
