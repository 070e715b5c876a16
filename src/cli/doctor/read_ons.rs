//! What the ONS HTTP protocol's answers to the question mean.

use super::answers::{Parameter, Reply, Said};
use crate::protocol::ons_http::decode_error;

/// Reads an answer. Of its body only a code made of letters is kept: a service may repeat what it was sent.
pub(super) fn read(status: u16, body: &[u8]) -> Said {
    let error = decode_error(body);
    let plain = Reply::plain(status);
    match (status, error) {
        (204, _) => Said::Accepted(plain),
        // Keys, clock, or a topic or group that is not the account's: the protocol does not tell which.
        (401 | 403, _) => Said::Refused(plain),
        (400, Some(error)) => {
            let reply = Reply::with_code(status, &error.code);
            match parameter(&format!("{} {}", error.code, error.info).to_ascii_lowercase()) {
                Some(About::Handle) => Said::Accepted(plain),
                Some(About::Other(parameter)) => Said::Complained(Some(parameter), reply),
                None => Said::Complained(None, reply),
            }
        }
        (404, Some(error)) => Said::Unknown(None, Reply::with_code(status, &error.code)),
        // 429, or a 503 that asks for patience, and 408 and 5xx: the MQ could not.
        (408 | 429 | 500..=599, _) => Said::Unable(plain),
        (_, _) => Said::Foreign(status),
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
        let said = |status: u16, body: &str| read(status, body.as_bytes());
        let bad = |info: &str| said(400, &format!(r#"{{"code":"SC_BAD_REQUEST","info":"{info}"}}"#));
        let plain = Reply::plain;
        assert_eq!(said(204, ""), Said::Accepted(plain(204)));
        assert_eq!(said(403, ""), Said::Refused(plain(403)));
        assert_eq!(bad("parameter:MsgHandle is invalid,it is no handle of this endpoint"), Said::Accepted(plain(400)));
        assert_eq!(bad("msgHandle of topic x is too old"), Said::Accepted(plain(400)));
        let complained = |parameter| Said::Complained(parameter, Reply::with_code(400, "SC_BAD_REQUEST"));
        assert_eq!(bad("parameter:Topic is invalid,it is too long"), complained(Some(Parameter::Topic)));
        assert_eq!(bad("parameter:ConsumerId is invalid for topic x"), complained(Some(Parameter::Group)));
        assert_eq!(bad("parameter:Signature is invalid"), complained(Some(Parameter::Signature)));
        assert_eq!(bad("parameter:AccessKey is invalid"), complained(Some(Parameter::AccessKey)));
        assert_eq!(bad("parameter:Time is invalid"), complained(Some(Parameter::Time)));
        assert_eq!(bad("no"), complained(None));
        assert_eq!(said(400, "<html>Bad Request</html>"), Said::Foreign(400));
        assert_eq!(said(404, "<html>nginx</html>"), Said::Foreign(404));
        for code in ["TOPIC_NOT_EXIST", "secret-5d2f"] {
            let unknown = Said::Unknown(None, Reply::with_code(404, code));
            assert_eq!(said(404, &format!(r#"{{"code":"{code}"}}"#)), unknown);
        }
        assert_eq!(said(200, "[]"), Said::Foreign(200));
        assert_eq!(said(307, ""), Said::Foreign(307));
        for status in [408, 429, 502] {
            assert_eq!(said(status, ""), Said::Unable(plain(status)));
        }
    }
}
