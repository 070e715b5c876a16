use super::super::*;

/// Every variant, with the status and the code of section 4.
fn all() -> Vec<(Refusal, u16, &'static str)> {
    vec![
        (Refusal::MissingAuthorizationHeader, 400, "MissingAuthorizationHeader"),
        (Refusal::InvalidAuthorizationHeader, 400, "InvalidAuthorizationHeader"),
        (Refusal::MissingDateHeader, 400, "MissingDateHeader"),
        (Refusal::InvalidDateHeader, 400, "InvalidDateHeader"),
        (Refusal::TimeExpired, 408, "TimeExpired"),
        (Refusal::InvalidDigest, 400, "InvalidDigest"),
        (Refusal::InvalidAccessKeyId, 403, "InvalidAccessKeyId"),
        (Refusal::SignatureDoesNotMatch, 403, "SignatureDoesNotMatch"),
        (Refusal::AccessDenied("why"), 403, "AccessDenied"),
        (Refusal::MalformedXml, 400, "MalformedXML"),
        (Refusal::InvalidArgument("<&>\u{0}\r\n\"".into()), 400, "InvalidArgument"),
        (Refusal::InvalidRequestUrl, 400, "InvalidRequestURL"),
        (Refusal::UrlTooLong { limit: 7, actual: 8 }, 400, "InvalidRequestURL"),
        (Refusal::InvalidQueryString("consumer"), 400, "InvalidQueryString"),
        (Refusal::MissingReceiptHandle, 400, "MissingReceiptHandle"),
        (Refusal::TopicNotExist, 404, "TopicNotExist"),
        (Refusal::SubscriptionNotExist, 404, "SubscriptionNotExist"),
        (Refusal::MessageNotExist, 404, "MessageNotExist"),
        (Refusal::QpsLimitExceeded, 503, "QpsLimitExceeded"),
        (Refusal::InternalError, 500, "InternalError"),
        (Refusal::MethodNotAllowed, 405, "InvalidRequestURL"),
        (Refusal::IncompleteBody, 400, "InvalidArgument"),
    ]
}

#[test]
fn every_refusal_reads_back() {
    let mut labels = std::collections::BTreeSet::new();
    for (refusal, status, code) in all() {
        assert_eq!((refusal.status(), refusal.code().as_str()), (status, Some(code)));
        assert!(labels.insert(refusal.label()), "{} twice", refusal.label());
        let body = refusal.body("ID&1", "http://h/<x>");
        let read = decode_error(body.as_bytes()).unwrap();
        assert_eq!(read.code, refusal.code());
        assert_eq!(read.message, refusal.to_string().replace('\0', "\u{FFFD}"));
        assert_eq!(read.request_id.as_deref(), Some("ID&1"));
        assert!(body.ends_with("<HostId>http://h/&lt;x&gt;</HostId></Error>"), "{body}");
    }
    assert_eq!(labels.len(), 22);
}

#[test]
fn an_error_literally() {
    let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error xmlns=\"http://mq.aliyuncs.com/doc/v1\"><Code>\
                    InvalidQueryString</Code><Message>Http request URL contains invalid querystring item \"consumer\".\
                    </Message><RequestId>R</RequestId><HostId>H</HostId></Error>";
    assert_eq!(Refusal::InvalidQueryString("consumer").body("R", "H"), expected);
}

#[test]
fn an_error_as_a_user_pasted_it() {
    let pasted = br#"<?xml version="1.0" ?>
<Error xmlns="http://mq.aliyuncs.com/doc/v1">
  <Code>MessageNotExist</Code>
  <Message>Message not exist.</Message>
  <RequestId>5F3B6A1C0123456789ABCDEF</RequestId>
  <HostId>http://1234567890.mqrest.cn-hangzhou.aliyuncs.com</HostId>
</Error>
"#;
    let read = decode_error(pasted).unwrap();
    assert_eq!((read.code, read.message.as_str()), (ErrorCode::MessageNotExist, "Message not exist."));
    assert_eq!(read.request_id.as_deref(), Some("5F3B6A1C0123456789ABCDEF"));
    let sparse = decode_error(b"<Error><Code>X</Code><Code>Y</Code></Error>").unwrap();
    assert_eq!(sparse, ErrorBody { code: ErrorCode::Other("X".to_owned()), message: String::new(), request_id: None });
    for bad in ["", "{}", "<Error/>", "<Error><Code/></Error>", "<Errors><Code>X</Code></Errors>", "<html></html>"] {
        assert_eq!(decode_error(bad.as_bytes()), None, "{bad}");
    }
}

#[test]
fn errors_of_handles() {
    let errors = [AckError::invalid_handle("h<1"), AckError::invalid_handle("h2")];
    let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?><Errors xmlns=\"http://mq.aliyuncs.com/doc/v1\"><Error>\
                    <ErrorCode>ReceiptHandleError</ErrorCode><ErrorMessage>The receipt handle you provide is not valid.\
                    </ErrorMessage><ReceiptHandle>h&lt;1</ReceiptHandle></Error><Error><ErrorCode>ReceiptHandleError\
                    </ErrorCode><ErrorMessage>The receipt handle you provide is not valid.</ErrorMessage><ReceiptHandle>\
                    h2</ReceiptHandle></Error></Errors>";
    assert_eq!(encode_ack_errors(&errors), expected);
    assert_eq!(decode_ack_errors(expected.as_bytes()).unwrap(), errors);
    assert_eq!(decode_ack_errors(b"<Errors></Errors>"), Some(Vec::new()));
    for bad in [
        "",
        "<Error><ReceiptHandle>h</ReceiptHandle></Error>",
        "<Errors><Error><ErrorCode>c</ErrorCode></Error></Errors>",
        "<Errors><Error><ReceiptHandle>h<b/></ReceiptHandle></Error></Errors>",
    ] {
        assert_eq!(decode_ack_errors(bad.as_bytes()), None, "{bad}");
    }
}
