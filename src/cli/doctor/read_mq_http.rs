//! What the MQ HTTP protocol's answers to a probe mean (protocol notes MQ HTTP 4).

use super::probe_result::{Parameter, ProbeOutcome, Reply};
use crate::protocol::mq_http::{ErrorCode, decode_ack_errors, decode_error};

/// Reads an answer. Codes say more than statuses, some of which the sources have by analogy only: any 4xx is taken with
/// them.
pub(super) fn read(status: u16, body: &[u8]) -> ProbeOutcome {
    if let (400 | 404, Some(error)) = (status, decode_ack_errors(body).and_then(|errors| errors.into_iter().next())) {
        return ProbeOutcome::Accepted(Reply::with_code(status, error.code.as_str()));
    }
    let code = decode_error(body).map(|error| error.code);
    let reply = match &code {
        Some(code) => Reply::with_code(status, code.as_str()),
        None => Reply::plain(status),
    };
    match (status, code) {
        (204, _) => ProbeOutcome::Accepted(reply),
        (
            400..=499,
            Some(ErrorCode::ReceiptHandleError | ErrorCode::MessageNotExist | ErrorCode::MissingReceiptHandle),
        ) => ProbeOutcome::Accepted(reply),
        (400..=499, Some(ErrorCode::SignatureDoesNotMatch)) => ProbeOutcome::Invalid(Some(Parameter::Signature), reply),
        (400..=499, Some(ErrorCode::InvalidAccessKeyId)) => ProbeOutcome::Invalid(Some(Parameter::AccessKey), reply),
        // A 408 without it is a broker that was late.
        (400..=499, Some(ErrorCode::TimeExpired)) => ProbeOutcome::Invalid(Some(Parameter::Time), reply),
        (
            400..=499,
            Some(
                ErrorCode::MissingAuthorizationHeader
                | ErrorCode::InvalidAuthorizationHeader
                | ErrorCode::MissingDateHeader
                | ErrorCode::InvalidDateHeader,
            ),
        ) => ProbeOutcome::Invalid(Some(Parameter::Headers), reply),
        (400..=499, Some(ErrorCode::TopicNotExist)) => ProbeOutcome::NotFound(Some(Parameter::Topic), reply),
        (400..=499, Some(ErrorCode::SubscriptionNotExist)) => ProbeOutcome::NotFound(Some(Parameter::Group), reply),
        (400..=599, Some(ErrorCode::QpsLimitExceeded)) | (408 | 429 | 500..=599, _) => ProbeOutcome::Unavailable(reply),
        (401 | 403, Some(_)) => ProbeOutcome::Refused(reply),
        // Without a document only an empty body is still the MQ's.
        (401 | 403, None) if body.trim_ascii().is_empty() => ProbeOutcome::Refused(reply),
        (404, Some(_)) => ProbeOutcome::NotFound(None, reply),
        (400..=499, Some(_)) => ProbeOutcome::Invalid(None, reply),
        (_, _) => ProbeOutcome::Unexpected(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::mq_http::{AckError, Refusal, encode_ack_errors};

    fn error(status: u16, code: &str) -> ProbeOutcome {
        let body = format!(
            "<?xml version=\"1.0\" ?>\n<Error xmlns=\"http://mq.aliyuncs.com/doc/v1\">\n  <Code>{code}</Code>\n  \
             <Message>In words.</Message>\n  <RequestId>5F3A</RequestId>\n  <HostId>http://x</HostId>\n</Error>\n"
        );
        read(status, body.as_bytes())
    }

    #[track_caller]
    fn check(expected: fn(Reply) -> ProbeOutcome, answers: &[(u16, &str)]) {
        for (status, code) in answers {
            assert_eq!(
                error(*status, code),
                expected(Reply::with_code(*status, ErrorCode::parse(code).as_str())),
                "{status} {code}"
            );
        }
    }

    #[test]
    fn codes_are_read() {
        use Parameter::{AccessKey, Group, Headers, Signature, Time, Topic};
        check(
            ProbeOutcome::Accepted,
            &[(404, "ReceiptHandleError"), (400, "ReceiptHandleError"), (404, "MessageNotExist")],
        );
        check(ProbeOutcome::Accepted, &[(400, "MissingReceiptHandle")]);
        check(|reply| ProbeOutcome::Invalid(Some(Signature), reply), &[(403, "SignatureDoesNotMatch")]);
        check(|reply| ProbeOutcome::Invalid(Some(AccessKey), reply), &[(403, "InvalidAccessKeyId")]);
        check(|reply| ProbeOutcome::Invalid(Some(Time), reply), &[(408, "TimeExpired")]);
        let headers = [
            (400, "MissingAuthorizationHeader"),
            (400, "InvalidAuthorizationHeader"),
            (400, "MissingDateHeader"),
            (400, "InvalidDateHeader"),
        ];
        check(|reply| ProbeOutcome::Invalid(Some(Headers), reply), &headers);
        check(|reply| ProbeOutcome::Invalid(None, reply), &[(400, "InvalidDigest"), (405, "InvalidRequestURL")]);
        check(|reply| ProbeOutcome::NotFound(Some(Topic), reply), &[(404, "TopicNotExist"), (400, "TopicNotExist")]);
        check(|reply| ProbeOutcome::NotFound(Some(Group), reply), &[(404, "SubscriptionNotExist")]);
        check(|reply| ProbeOutcome::NotFound(None, reply), &[(404, "QueueNotExist"), (404, "secret-5d2f")]);
        check(ProbeOutcome::Refused, &[(403, "AccessDenied"), (403, "HTTPForbidden"), (401, "AccessDenied")]);
        check(
            ProbeOutcome::Unavailable,
            &[(400, "QpsLimitExceeded"), (503, "QpsLimitExceeded"), (500, "InternalError")],
        );
    }

    #[test]
    fn what_has_no_code_is_read_by_its_status() {
        let html = "<html><body>403</body></html>";
        for (status, body, expected) in [
            (204, "", ProbeOutcome::Accepted(Reply::plain(204))),
            (403, "", ProbeOutcome::Refused(Reply::plain(403))),
            (401, "\r\n", ProbeOutcome::Refused(Reply::plain(401))),
            (408, "", ProbeOutcome::Unavailable(Reply::plain(408))),
            (429, "", ProbeOutcome::Unavailable(Reply::plain(429))),
            (502, html, ProbeOutcome::Unavailable(Reply::plain(502))),
            (403, html, ProbeOutcome::Unexpected(403)),
            (404, html, ProbeOutcome::Unexpected(404)),
            (404, r#"{"code":"TOPIC_NOT_EXIST"}"#, ProbeOutcome::Unexpected(404)),
            (400, "", ProbeOutcome::Unexpected(400)),
            (200, "", ProbeOutcome::Unexpected(200)),
            (307, "", ProbeOutcome::Unexpected(307)),
        ] {
            assert_eq!(read(status, body.as_bytes()), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_list_of_bad_handles_is_an_accepted_request() {
        let errors = encode_ack_errors(&[AckError::invalid_handle("h")]);
        assert_eq!(
            read(404, errors.as_bytes()),
            ProbeOutcome::Accepted(Reply::with_code(404, Some("ReceiptHandleError")))
        );
        assert_eq!(
            read(404, encode_ack_errors(&[]).as_bytes()),
            ProbeOutcome::Unexpected(404),
            "an empty list says nothing"
        );
        // As our own endpoint says it.
        let refusal = Refusal::SignatureDoesNotMatch.body("id", "http://x");
        let expected =
            ProbeOutcome::Invalid(Some(Parameter::Signature), Reply::with_code(403, Some("SignatureDoesNotMatch")));
        assert_eq!(read(403, refusal.as_bytes()), expected);
    }
}
