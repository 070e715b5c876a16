//! Writes a request's head.

use crate::http_message::Request;
use crate::outbound::http::call::CallError;
use crate::signature::Secret;

/// Writes the head of a request to `host`, header names spelled as the protocol documents them.
///
/// # Errors
/// [`CallError::Unwritable`] where a target or value would end its line early. Values were checked when they were read, and
/// targets are percent-encoded: this is the second lock on that door.
///
/// `more` are headers whose names come from the configuration.
pub(super) fn write_head(
    head: &mut Vec<u8>,
    request: &Request,
    more: &[(String, Secret)],
    host: &str,
) -> Result<(), CallError> {
    let Request { method, target, headers, body } = request;
    // By sums, which the compiler makes vectors of.
    let unfit = |byte: u8| u8::from(byte <= b' ') | u8::from(byte >= 0x7f) | u8::from(byte == b'#');
    if !target.starts_with('/') || target.bytes().fold(0, |found, byte| found | unfit(byte)) > 0 {
        return Err(CallError::Unwritable("the target is not a URI"));
    }
    for part in [method.as_str(), " ", target, " HTTP/1.1\r\nHost: ", host, "\r\n"] {
        head.extend_from_slice(part.as_bytes());
    }
    let first_header = head.len();
    let own = headers.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in own.chain(more.iter().map(|(name, value)| (name.as_str(), value.expose()))) {
        for part in [name, ": ", value, "\r\n"] {
            head.extend_from_slice(part.as_bytes());
        }
    }
    // Control characters are the ends of our own lines, and none besides.
    let control = |byte: &u8| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f;
    let written = head.get(first_header..).unwrap_or_default();
    if written
        .chunks(128)
        .map(|part| usize::from(part.iter().map(|byte| u8::from(control(byte))).sum::<u8>()))
        .sum::<usize>()
        != 2 * (headers.len() + more.len())
    {
        return Err(CallError::Unwritable("a header cannot be written"));
    }
    if let Some(body) = body {
        head.extend_from_slice(b"Content-Length: ");
        head.extend_from_slice(itoa::Buffer::new().format(body.len()).as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::http_message::Method;

    fn request(target: &str, headers: Vec<(&'static str, String)>, body: Option<&'static [u8]>) -> Request {
        Request { method: Method::Post, target: target.to_owned(), headers, body: body.map(Bytes::from_static) }
    }

    fn written(request: &Request) -> Result<String, CallError> {
        let mut head = Vec::new();
        write_head(&mut head, request, &[], "mq.example.com:8080").map(|()| String::from_utf8(head).unwrap())
    }

    #[test]
    fn a_head_is_written_as_the_protocol_spells_it() {
        let headers = vec![("AccessKey", "ak".to_owned()), ("ProducerID", "PID ü\t".to_owned())];
        let head = written(&request("/message/?topic=a%20b", headers, Some(b"12345"))).unwrap();
        let expected = "POST /message/?topic=a%20b HTTP/1.1\r\nHost: mq.example.com:8080\r\nAccessKey: ak\r\n\
                        ProducerID: PID ü\t\r\nContent-Length: 5\r\n\r\n";
        assert_eq!(head, expected);
    }

    #[test]
    fn a_length_is_sent_where_there_is_a_body_even_an_empty_one() {
        assert!(written(&request("/", Vec::new(), Some(b""))).unwrap().ends_with("Content-Length: 0\r\n\r\n"));
        assert!(!written(&request("/", Vec::new(), None)).unwrap().contains("Content-Length"));
    }

    #[test]
    fn further_headers_stand_among_them_and_end_no_line_early_either() {
        let write = |name: &str, value: &str| {
            let mut head = Vec::new();
            let more = [(name.to_owned(), Secret::new(value.to_owned()))];
            let request = request("/", vec![("User-Agent", "a".to_owned())], None);
            write_head(&mut head, &request, &more, "h").map(|()| String::from_utf8(head).unwrap())
        };
        let expected = "POST / HTTP/1.1\r\nHost: h\r\nUser-Agent: a\r\nx-team: billing\r\n\r\n";
        assert_eq!(write("x-team", "billing").unwrap(), expected);
        assert_eq!(write("x-team", "a\r\nb: c"), Err(CallError::Unwritable("a header cannot be written")));
        assert_eq!(write("x-team: a\r\nb", "c"), Err(CallError::Unwritable("a header cannot be written")));
    }

    #[test]
    fn nothing_ends_a_line_early() {
        for target in ["", "message", "/a b", "/a\r\nX: y", "/a\u{7f}", "/ü", "/a#b"] {
            let refused = written(&request(target, Vec::new(), None));
            assert_eq!(refused, Err(CallError::Unwritable("the target is not a URI")), "{target:?}");
        }
        for value in ["a\r\nX: y", "a\nb", "a\0b", "\u{7f}"] {
            let refused = written(&request("/", vec![("AccessKey", value.to_owned())], None));
            assert_eq!(refused, Err(CallError::Unwritable("a header cannot be written")), "{value:?}");
        }
    }
}
