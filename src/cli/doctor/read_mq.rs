//! What the MQ HTTP protocol's answers to the question mean (protocol notes MQ HTTP 4).

use super::answers::{Parameter, Reply, Said};
use crate::protocol::mq_http::{decode_ack_errors, decode_error};

/// Reads an answer. Of its body only a code made of letters is kept: a service may repeat what it was sent.
///
/// Codes say more than statuses, of which the sources know some by analogy only: any that blames the request will do.
pub(super) fn read(status: u16, body: &[u8]) -> Said {
    if let (400 | 404, Some(error)) = (status, decode_ack_errors(body).and_then(|errors| errors.into_iter().next())) {
        return Said::Accepted(Reply::with_code(status, &error.code));
    }
    let code = decode_error(body).map(|error| error.code);
    let reply = match &code {
        Some(code) => Reply::with_code(status, code),
        None => Reply::plain(status),
    };
    match (status, code.as_deref()) {
        (204, _) => Said::Accepted(reply),
        (400..=499, Some("ReceiptHandleError" | "MessageNotExist" | "MissingReceiptHandle")) => Said::Accepted(reply),
        (400..=499, Some("SignatureDoesNotMatch")) => Said::Complained(Some(Parameter::Signature), reply),
        (400..=499, Some("InvalidAccessKeyId")) => Said::Complained(Some(Parameter::AccessKey), reply),
        // A 408 without it is a broker that was late.
        (400..=499, Some("TimeExpired")) => Said::Complained(Some(Parameter::Time), reply),
        (
            400..=499,
            Some(
                "MissingAuthorizationHeader" | "InvalidAuthorizationHeader" | "MissingDateHeader" | "InvalidDateHeader",
            ),
        ) => Said::Complained(Some(Parameter::Headers), reply),
        (400..=499, Some("TopicNotExist")) => Said::Unknown(Some(Parameter::Topic), reply),
        (400..=499, Some("SubscriptionNotExist")) => Said::Unknown(Some(Parameter::Group), reply),
        (400..=599, Some("QpsLimitExceeded")) | (408 | 429 | 500..=599, _) => Said::Unable(reply),
        (401 | 403, Some(_)) => Said::Refused(reply),
        // The one thing without a document that is not somebody else's page.
        (401 | 403, None) if body.trim_ascii().is_empty() => Said::Refused(reply),
        (404, Some(_)) => Said::Unknown(None, reply),
        (400..=499, Some(_)) => Said::Complained(None, reply),
        (_, _) => Said::Foreign(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::mq_http::{AckError, Refusal, encode_ack_errors};

    fn error(status: u16, code: &str) -> Said {
        let body = format!(
            "<?xml version=\"1.0\" ?>\n<Error xmlns=\"http://mq.aliyuncs.com/doc/v1\">\n  <Code>{code}</Code>\n  \
             <Message>In words.</Message>\n  <RequestId>5F3A</RequestId>\n  <HostId>http://x</HostId>\n</Error>\n"
        );
        read(status, body.as_bytes())
    }

    #[track_caller]
    fn check(expected: fn(Reply) -> Said, answers: &[(u16, &str)]) {
        for (status, code) in answers {
            assert_eq!(error(*status, code), expected(Reply::with_code(*status, code)), "{status} {code}");
        }
    }

    #[test]
    fn codes_are_read() {
        use Parameter::{AccessKey, Group, Headers, Signature, Time, Topic};
        check(Said::Accepted, &[(404, "ReceiptHandleError"), (400, "ReceiptHandleError"), (404, "MessageNotExist")]);
        check(Said::Accepted, &[(400, "MissingReceiptHandle")]);
        check(|reply| Said::Complained(Some(Signature), reply), &[(403, "SignatureDoesNotMatch")]);
        check(|reply| Said::Complained(Some(AccessKey), reply), &[(403, "InvalidAccessKeyId")]);
        check(|reply| Said::Complained(Some(Time), reply), &[(408, "TimeExpired")]);
        let headers = [
            (400, "MissingAuthorizationHeader"),
            (400, "InvalidAuthorizationHeader"),
            (400, "MissingDateHeader"),
            (400, "InvalidDateHeader"),
        ];
        check(|reply| Said::Complained(Some(Headers), reply), &headers);
        check(|reply| Said::Complained(None, reply), &[(400, "InvalidDigest"), (405, "InvalidRequestURL")]);
        check(|reply| Said::Unknown(Some(Topic), reply), &[(404, "TopicNotExist"), (400, "TopicNotExist")]);
        check(|reply| Said::Unknown(Some(Group), reply), &[(404, "SubscriptionNotExist")]);
        check(|reply| Said::Unknown(None, reply), &[(404, "QueueNotExist"), (404, "secret-5d2f")]);
        check(Said::Refused, &[(403, "AccessDenied"), (403, "HTTPForbidden"), (401, "AccessDenied")]);
        check(Said::Unable, &[(400, "QpsLimitExceeded"), (503, "QpsLimitExceeded"), (500, "InternalError")]);
    }

    #[test]
    fn what_has_no_code_is_read_by_its_status() {
        let html = "<html><body>403</body></html>";
        for (status, body, expected) in [
            (204, "", Said::Accepted(Reply::plain(204))),
            (403, "", Said::Refused(Reply::plain(403))),
            (401, "\r\n", Said::Refused(Reply::plain(401))),
            (408, "", Said::Unable(Reply::plain(408))),
            (429, "", Said::Unable(Reply::plain(429))),
            (502, html, Said::Unable(Reply::plain(502))),
            (403, html, Said::Foreign(403)),
            (404, html, Said::Foreign(404)),
            (404, r#"{"code":"TOPIC_NOT_EXIST"}"#, Said::Foreign(404)),
            (400, "", Said::Foreign(400)),
            (200, "", Said::Foreign(200)),
            (307, "", Said::Foreign(307)),
        ] {
            assert_eq!(read(status, body.as_bytes()), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_list_of_bad_handles_is_an_accepted_request() {
        let errors = encode_ack_errors(&[AckError::invalid_handle("h")]);
        assert_eq!(read(404, errors.as_bytes()), Said::Accepted(Reply::with_code(404, "ReceiptHandleError")));
        assert_eq!(read(404, encode_ack_errors(&[]).as_bytes()), Said::Foreign(404), "an empty list says nothing");
        // As our own endpoint says it.
        let refusal = Refusal::SignatureDoesNotMatch.body("id", "http://x");
        let expected = Said::Complained(Some(Parameter::Signature), Reply::with_code(403, "SignatureDoesNotMatch"));
        assert_eq!(read(403, refusal.as_bytes()), expected);
    }
}
