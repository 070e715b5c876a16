//! Receipt handles and message ids.

use super::super::{Handle, MalformedHandle, MessageIds};
use super::{HANDLE, MESSAGE_ID};
use crate::model::{MessageId, UnixMillis};
use crate::random::Random;

#[test]
fn a_handle_comes_back_as_it_was() {
    for (message_id, text) in [
        (MESSAGE_ID, HANDLE),
        ("any\ntext", HANDLE),
        ("", "3 1795938245000 30000 0 0 broker-a 2 17"),
        ("x", "-1 1795938245000 30000 0 1 代理 2 17 4711"),
        ("changed", "3 1795938245000 30000 0 0 broker-a 2 17 0 4711"),
    ] {
        let handle = Handle::new(message_id, text).unwrap();
        let encoded = handle.encode();
        assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')), "{encoded}");
        assert_eq!(Handle::decode(&encoded), Ok(handle));
    }
}

#[test]
fn a_handle_tells_when_its_time_is_over() {
    assert_eq!(Handle::new("x", HANDLE).unwrap().visible_again_at(), UnixMillis(1_795_938_275_000));
}

#[test]
fn what_the_server_would_choke_on_is_no_handle() {
    for text in [
        "",
        "x",
        "3 1795938245000 30000 0 0 broker-a 2",
        "3 1795938245000 30000 0 0 broker-a 2 17 4711 1 2 3 4 5 6 7 8",
        "3 now 30000 0 0 broker-a 2 17 4711",
        "3 1795938245000 30000 0 0  2 17 4711",
        "3 1795938245000 30000 0 0 bro\nker 2 17 4711",
        "3 1795938245000 30000 0 0 broker-a x 17 4711",
        "3  1795938245000 30000 0 0 broker-a 2 17 4711",
    ] {
        assert_eq!(Handle::new("x", text), Err(MalformedHandle), "{text:?}");
    }
    for text in ["", "!", "MyAxIDI", "AAAA", HANDLE] {
        assert_eq!(Handle::decode(text), Err(MalformedHandle), "{text:?}");
    }
}

#[test]
fn ids_are_made_as_the_official_clients_make_them() {
    let ids = MessageIds::new(&Random::seeded(7)).unwrap();
    let now = UnixMillis(1_795_938_240_123);
    let part = |id: &MessageId, from: usize, to: usize| id.as_str().get(from..to).unwrap().to_owned();
    let (first, second) = (ids.next(now).unwrap(), ids.next(now).unwrap());
    for id in [&first, &second] {
        assert_eq!(id.as_str().len(), 34);
        assert!(id.as_str().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{id:?}");
        assert!(id.as_str().starts_with("01"));
        assert_eq!(part(id, 18, 26), format!("{:08X}", 1_795_938_240_u64 - 1_609_459_200));
    }
    assert_eq!((part(&first, 26, 34).as_str(), part(&second, 26, 34).as_str()), ("00000000", "00000001"));
    assert_eq!(part(&first, 0, 26), part(&second, 0, 26));
    let other = MessageIds::new(&Random::seeded(8)).unwrap().next(now).unwrap();
    assert_ne!(part(&other, 0, 18), part(&first, 0, 18), "two processes");
}
