//! Fuzz targets: requests as the endpoint gets them, and answers as the upstream does.

use std::borrow::Cow;

use bytes::Bytes;

use super::response::{is_plain, is_plain_published};
use super::{
    Acknowledge, Authentication, ChangeVisibility, ErrorBody, Header, Refusal, Request, Signed, decode, decode_changed,
    decode_consumed, decode_error, decode_published, encode_changed, encode_consumed, encode_published,
};
use crate::fuzz_input::{Input, assert_hides};
use crate::http_message::Method;
use crate::model::{Durability, UnixMillis};
use crate::protocol::SignedBy;
use crate::protocol::form::{self, NotUtf8};

/// A request as lines: method, query, headers as `Name: value` up to an empty line; then the body.
struct Written<'a> {
    method: Method,
    query: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Bytes,
}

impl<'a> Written<'a> {
    fn of(data: &'a [u8]) -> Self {
        let mut input = Input::new(data);
        let (method, query) = (input.line(), input.text().unwrap_or_default());
        let methods = [Method::Get, Method::Post, Method::Delete, Method::Put];
        let method = methods.into_iter().find(|it| it.as_str().as_bytes() == method).unwrap_or(Method::Get);
        let lines = input.lines().into_iter().filter_map(|line| std::str::from_utf8(line).ok()?.split_once(": "));
        Self { method, query, headers: lines.collect(), body: Bytes::copy_from_slice(input.rest()) }
    }

    fn header(&self, wanted: Header) -> Option<Cow<'a, str>> {
        let found = self.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted.name()));
        found.map(|(_, value)| Cow::Borrowed(*value))
    }

    fn read(&self, authentication: Authentication) -> Result<Signed<'a>, Refusal> {
        decode(self.method, self.query, |name| self.header(name), self.body.clone(), authentication)
    }
}

/// The request, whoever sent it, for who does something with it.
pub(crate) fn read(data: &[u8]) -> Option<Request<'_>> {
    Written::of(data).read(Authentication::NotRequired).ok().map(|signed| signed.request)
}

/// A request in the form of [`Written`].
pub(crate) fn request(data: &[u8]) {
    let written = Written::of(data);
    assert_pairs(written.query);
    for authentication in [Authentication::Required, Authentication::NotRequired] {
        match written.read(authentication) {
            Ok(signed) => {
                let shown = format!("Signed {{ request: {:?}, .. }}", signed.request);
                assert_eq!(format!("{signed:?}"), shown, "a signature in a log can be replayed");
                if let Some(flaw) = &signed.flaw {
                    assert_refused(flaw);
                }
                assert_sent_again(signed);
            }
            Err(refusal) => assert_refused(&refusal),
        }
    }
    for name in [Header::AccessKey, Header::Signature] {
        let is_there = written.header(name).is_some_and(|value| !value.is_empty());
        let read = written.read(Authentication::Required);
        assert!(is_there || read.is_err(), "it was taken without {}", name.name());
    }
}

/// What is read of a request is what our client writes of it.
fn assert_sent_again(signed: Signed<'_>) {
    let Signed { request, access_key, signature, flaw } = signed;
    let text = request.string_to_sign();
    let is_named = [request.topic(), request.time()].iter().all(|part| !part.is_empty());
    assert!(is_named && text.as_str().contains(request.topic()), "{request:?}");
    if flaw.is_none() {
        assert!(request.time().parse::<u64>().is_ok(), "{request:?}");
    }
    let access_key = if access_key.is_empty() { "A" } else { &*access_key };
    let signature = if signature.is_empty() { "S" } else { &*signature };
    let sent = request.clone().encode(&SignedBy { access_key, signature, security_token: None });
    assert!(sent.target.is_ascii());
    let query = sent.target.strip_prefix("/message/?").unwrap_or_default();
    let header = |wanted: Header| {
        let found = sent.headers.iter().find(|(name, _)| *name == wanted.name());
        found.map(|(_, value)| Cow::Borrowed(value.as_str()))
    };
    let body = sent.body.clone().unwrap_or_default();
    let again = decode(sent.method, query, header, body, Authentication::Required);
    let again = again.as_ref().map(|again| (&again.request, again.access_key.as_ref(), again.signature.as_ref()));
    assert_eq!(again, Ok((&request, access_key, signature)));
    assert_eq!(again.map(|(request, ..)| request.string_to_sign()).ok(), Some(text), "signed otherwise than read");
    match request {
        Request::Acknowledge(Acknowledge { handle, .. }) => assert!(!handle.is_empty()),
        Request::ChangeVisibility(ChangeVisibility { millis, .. }) => assert!(!millis.is_empty()),
        Request::Publish(_) | Request::Consume(_) => {}
    }
}

/// A refusal names the parameter and its rule, and not what was sent.
fn assert_refused(refusal: &Refusal) {
    assert_hides(&format!("{refusal} {refusal:?} {}", refusal.body()));
    let (Refusal::Missing(name) | Refusal::Invalid(name, _)) = refusal else {
        unreachable!("only parameters are read here: {refusal:?}")
    };
    assert!(refusal.to_string().starts_with(&format!("parameter:{name} is invalid,")), "{refusal}");
    let body = decode_error(refusal.body().as_bytes());
    assert_eq!(body.map(|body| body.info), Some(refusal.to_string()));
}

/// Pairs are what a slow reader, one byte after the other, finds in a query.
fn assert_pairs(query: &str) {
    let mut found = form::pairs(query);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let expected = (slowly(name).unwrap_or_else(|NotUtf8| name.to_owned()), slowly(value));
        let found = found.next().map(|(name, value)| (name.into_owned(), value.map(Cow::into_owned)));
        assert_eq!(found, Some(expected), "{query}");
        let mut target = "/?".to_owned();
        form::push_pair(&mut target, "n", value);
        let again = form::pairs(target.get(2..).unwrap_or_default()).next().and_then(|(_, value)| value.ok());
        assert_eq!(again.as_deref(), Some(value), "what is written is read");
    }
    assert!(found.next().is_none(), "{query}");
}

fn slowly(text: &str) -> Result<String, NotUtf8> {
    let (mut bytes, mut decoded) = (text.bytes(), Vec::new());
    let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let escaped = (byte == b'%').then(|| Some((digit(ahead.next())?, digit(ahead.next())?))).flatten();
        decoded.push(match escaped {
            Some((high, low)) => {
                bytes = ahead;
                u8::try_from(high * 16 + low).unwrap_or_default()
            }
            None if byte == b'+' => b' ',
            None => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| NotUtf8)
}

/// An answer of the service, whatever was asked.
pub(crate) fn answers(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        is_plain(text);
        is_plain_published(text);
    }
    match decode_published(data) {
        Ok(published) => {
            let again = decode_published(encode_published(&published.message_id).as_bytes());
            let again = again.map(|again| (again.message_id, again.durability));
            assert_eq!(again, Ok((published.message_id, Durability::Full)));
        }
        Err(error) => assert_hides(&format!("{error} {error:?}")),
    }
    match decode_consumed(data, UnixMillis(7)) {
        Ok(consumed) => {
            let bodies: usize = consumed.deliveries.iter().map(|delivery| delivery.body.len()).sum();
            assert!(bodies <= data.len(), "bodies grow on the way");
            let again = decode_consumed(encode_consumed(&consumed.deliveries).as_bytes(), UnixMillis(7));
            let again = again.map(|again| (again.deliveries, again.unreadable));
            assert_eq!(again, Ok((consumed.deliveries, 0)));
        }
        Err(error) => assert_hides(&format!("{error} {error:?}")),
    }
    if let Ok(time) = decode_changed(data) {
        assert_eq!(decode_changed(encode_changed(time).as_bytes()), Ok(time));
    }
    if let Some(ErrorBody { code, info }) = decode_error(data) {
        assert!(code.as_str().is_none_or(|text| text.len() <= 64), "a text that looks like no code was kept");
        assert!(info.len() <= data.len());
    }
}
