//! What the ONS HTTP protocol's answers to a probe mean.

use super::probe_result::{Parameter, ProbeOutcome, Reply};
use crate::protocol::ons_http::decode_error;

/// Reads an answer.
pub(super) fn read(status: u16, body: &[u8]) -> ProbeOutcome {
    let error = decode_error(body);
    let plain = Reply::plain(status);
    match (status, error) {
        (204, _) => ProbeOutcome::Accepted(plain),
        // Keys, clock, or a topic or group that is not the account's: the protocol does not tell which.
        (401 | 403, _) => ProbeOutcome::Refused(plain),
        (400, Some(error)) => {
            let code = error.code.as_str();
            let reply = Reply::with_code(status, code);
            match parameter(&format!("{} {}", code.unwrap_or_default(), error.info).to_ascii_lowercase()) {
                Some(About::Handle) => ProbeOutcome::Accepted(plain),
                Some(About::Other(parameter)) => ProbeOutcome::Invalid(Some(parameter), reply),
                None => ProbeOutcome::Invalid(None, reply),
            }
        }
        (404, Some(error)) => ProbeOutcome::NotFound(None, Reply::with_code(status, error.code.as_str())),
        // 429, or a 503 that asks for patience, and 408 and 5xx: the MQ could not.
        (408 | 429 | 500..=599, _) => ProbeOutcome::Unavailable(plain),
        (_, _) => ProbeOutcome::Unexpected(status),
    }
}

enum About {
    Handle,
    Other(Parameter),
}

/// What the first parameter named in the words is. The MQ's wording is `parameter:MsgHandle is invalid,…`.
fn parameter(words: &str) -> Option<About> {
    let about = [
        ("handle", About::Handle),
        ("signature", About::Other(Parameter::Signature)),
        ("accesskey", About::Other(Parameter::AccessKey)),
        ("consumerid", About::Other(Parameter::Group)),
        ("topic", About::Other(Parameter::Topic)),
        ("time", About::Other(Parameter::Time)),
    ];
    let found = about.into_iter().filter_map(|(word, about)| Some((words.find(word)?, about)));
    found.min_by_key(|(at, _)| *at).map(|(_, about)| about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let read_text = |status: u16, body: &str| read(status, body.as_bytes());
        let bad = |info: &str| read_text(400, &format!(r#"{{"code":"SC_BAD_REQUEST","info":"{info}"}}"#));
        let plain = Reply::plain;
        assert_eq!(read_text(204, ""), ProbeOutcome::Accepted(plain(204)));
        assert_eq!(read_text(403, ""), ProbeOutcome::Refused(plain(403)));
        assert_eq!(
            bad("parameter:MsgHandle is invalid,it is no handle of this endpoint"),
            ProbeOutcome::Accepted(plain(400))
        );
        assert_eq!(bad("msgHandle of topic x is too old"), ProbeOutcome::Accepted(plain(400)));
        let invalid = |parameter| ProbeOutcome::Invalid(parameter, Reply::with_code(400, Some("SC_BAD_REQUEST")));
        assert_eq!(bad("parameter:Topic is invalid,it is too long"), invalid(Some(Parameter::Topic)));
        assert_eq!(bad("parameter:ConsumerId is invalid for topic x"), invalid(Some(Parameter::Group)));
        assert_eq!(bad("parameter:Signature is invalid"), invalid(Some(Parameter::Signature)));
        assert_eq!(bad("parameter:AccessKey is invalid"), invalid(Some(Parameter::AccessKey)));
        assert_eq!(bad("parameter:Time is invalid"), invalid(Some(Parameter::Time)));
        assert_eq!(bad("no"), invalid(None));
        assert_eq!(read_text(400, "<html>Bad Request</html>"), ProbeOutcome::Unexpected(400));
        assert_eq!(read_text(404, "<html>nginx</html>"), ProbeOutcome::Unexpected(404));
        for (code, shown) in [("TOPIC_NOT_EXIST", Some("TOPIC_NOT_EXIST")), ("secret-5d2f", None)] {
            let not_found = ProbeOutcome::NotFound(None, Reply::with_code(404, shown));
            assert_eq!(read_text(404, &format!(r#"{{"code":"{code}"}}"#)), not_found);
        }
        assert_eq!(read_text(200, "[]"), ProbeOutcome::Unexpected(200));
        assert_eq!(read_text(307, ""), ProbeOutcome::Unexpected(307));
        for status in [408, 429, 502] {
            assert_eq!(read_text(status, ""), ProbeOutcome::Unavailable(plain(status)));
        }
    }
}
