//! Documents that are none, or are meant to do harm.

use super::super::*;
use super::{document, published};

fn refuse(document: impl Into<Vec<u8>>) {
    let document = document.into();
    let shown = String::from_utf8_lossy(document.get(..200).unwrap_or(&document)).into_owned();
    assert_eq!(published(document.clone()), Err(Refusal::MalformedXml), "{shown}");
    assert!(decode_consumed(&document).is_err(), "{shown}");
    assert!(decode_published(&document).is_err(), "{shown}");
    assert_eq!((decode_error(&document), decode_ack_errors(&document)), (None, None), "{shown}");
}

fn refuse_body(inside: &str) {
    refuse(document(&format!("<MessageBody>{inside}</MessageBody>")));
}

#[test]
fn document_types_and_their_entities() {
    let body = "<Message><MessageBody>&x;</MessageBody></Message>";
    refuse(format!(r#"<!DOCTYPE Message [<!ENTITY x "y">]>{body}"#));
    refuse(format!(r#"<?xml version="1.0"?><!DOCTYPE Message [<!ENTITY x SYSTEM "file:///etc/passwd">]>{body}"#));
    refuse(format!(r#"<!DOCTYPE Message SYSTEM "http://127.0.0.1/x.dtd">{body}"#));
    let mut bomb = r#"<!DOCTYPE Message [<!ENTITY x0 "ha">"#.to_owned();
    for level in 1..20 {
        let before = level - 1;
        bomb.push_str(&format!(r#"<!ENTITY x{level} "&x{before};&x{before};&x{before};&x{before};">"#));
    }
    refuse(format!("{bomb}]><Message><MessageBody>&x19;</MessageBody></Message>"));
    // Without entities it is one all the same, in every place.
    refuse("<!DOCTYPE Message><Message><MessageBody>b</MessageBody></Message>");
    refuse("<!doctype Message><Message><MessageBody>b</MessageBody></Message>");
    refuse("<Message><!DOCTYPE Message><MessageBody>b</MessageBody></Message>");
    refuse("<Message><MessageBody>b</MessageBody></Message><!DOCTYPE Message>");
    refuse_body("<!ENTITY x 'y'>");
}

#[test]
fn references_that_are_none() {
    for reference in [
        "&x;",
        "&nbsp;",
        "&;",
        "&#;",
        "&#x;",
        "&amp",
        "& ",
        "&#-9;",
        "&#+9;",
        "&#X41;",
        "&LT;",
        "&#99999999999;",
        "&lt&gt;",
    ] {
        refuse_body(reference);
    }
    refuse("&amp;<Message><MessageBody>b</MessageBody></Message>");
    refuse("<Message><MessageBody>b</MessageBody></Message>&amp;");
}

#[test]
fn characters_that_xml_forbids() {
    for character in ["\0", "\u{1}", "\u{8}", "\u{B}", "\u{C}", "\u{1F}", "\u{FFFE}", "\u{FFFF}"] {
        refuse_body(character);
        refuse_body(&format!("<![CDATA[{character}]]>"));
        refuse(document(&format!("<MessageBody>b</MessageBody><!--{character}-->")));
    }
    for reference in ["&#0;", "&#1;", "&#x1F;", "&#xFFFE;", "&#xFFFF;", "&#xD800;", "&#xDFFF;", "&#x110000;"] {
        refuse_body(reference);
    }
    refuse(&b"<Message><MessageBody>\xFF</MessageBody></Message>"[..]);
    refuse(&b"<Message><MessageBody>\xED\xA0\x80</MessageBody></Message>"[..]);
    refuse(&b"<Message><MessageBody>\xC0\xBC</MessageBody></Message>"[..]);
    // UTF-16, with its byte order mark.
    let wide: Vec<u8> = "\u{FEFF}<Message/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    refuse(wide);
}

#[test]
fn only_utf_8_may_be_declared() {
    let declared =
        |declaration: &str| published(format!("{declaration}<Message><MessageBody>b</MessageBody></Message>"));
    for fine in ["<?xml version='1.0' encoding='Utf-8' standalone=\"yes\" ?>\r\n", "<?xml version=\"1.0\"?>", ""] {
        assert_eq!(declared(fine).unwrap().body, "b", "{fine}");
    }
    for bad in [
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>",
        "<?xml version=\"1.0\" encoding=\"utf-16\"?>",
        "<?xml encoding=\"utf-8\"?>",
        "<?xml?>",
        " <?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\"?><?xml version=\"1.0\"?>",
        "<!--c--><?xml version=\"1.0\"?>",
        "<?xml version=\"1.0\"",
    ] {
        assert_eq!(declared(bad), Err(Refusal::MalformedXml), "{bad}");
    }
}

#[test]
fn every_truncation_is_malformed() {
    let whole = document("<MessageBody>a&amp;b<![CDATA[c]]></MessageBody><MessageTag>t</MessageTag><!-- c -->");
    assert!(published(whole.clone()).is_ok());
    for end in 0..whole.len() {
        refuse(&whole.as_bytes()[..end]);
    }
}

#[test]
fn trailing_bytes_and_ends_that_do_not_fit() {
    let whole = "<Message><MessageBody>b</MessageBody></Message>";
    for garbage in ["x", "<Message/>", "</Message>", "<![CDATA[]]>", "\u{FEFF}", "<?xml version=\"1.0\"?>", "<"] {
        refuse(format!("{whole}{garbage}"));
    }
    assert!(published(format!("{whole}\r\n \t<!-- c --><?pi?>")).is_ok());
    for bad in [
        "",
        " ",
        "b",
        "<Message><MessageBody>b</Message></MessageBody>",
        "<Message><MessageBody>b</messageBody></Message>",
        "<Message><MessageBody>b</MessageBody>",
        "<><MessageBody>b</MessageBody></>",
        "< Message><MessageBody>b</MessageBody></ Message>",
        "<Message a><MessageBody>b</MessageBody></Message>",
        "<Message a=1><MessageBody>b</MessageBody></Message>",
        "<Message a='1' a='2'><MessageBody>b</MessageBody></Message>",
        "<Message a='<'><MessageBody>b</MessageBody></Message>",
        "<Message><MessageBody>b</MessageBody><!-- a -- b --></Message>",
        "<Message><1/><MessageBody>b</MessageBody></Message>",
        "<Message><MessageBody>b</MessageBody><!-->",
        "<Message><MessageBody>b</MessageBody><![CDATA]]></Message>",
    ] {
        refuse(bad);
    }
}

#[test]
fn an_unsplit_end_of_cdata_is_no_body() {
    // The Node SDK, with the bodies `a]]>b` and `]]>`.
    refuse_body("<![CDATA[a]]>b]]>");
    refuse_body("<![CDATA[]]>]]>");
}

#[test]
fn depth_elements_and_attributes_are_bounded() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        document(&format!("<MessageBody>b</MessageBody>{}{}", "<u>".repeat(inner), "</u>".repeat(inner)))
    };
    assert!(published(nested(8)).is_ok());
    refuse(nested(9));
    refuse(nested(1_000_000));
    let flat = |elements: usize| document(&format!("<MessageBody>b</MessageBody>{}", "<u/>".repeat(elements - 2)));
    assert!(published(flat(1024)).is_ok());
    refuse(flat(1025));
    let attributes = |count: usize| {
        let attributes: String = (0..count).map(|index| format!(" a{index}=''")).collect();
        format!("<Message{attributes}><MessageBody>b</MessageBody></Message>")
    };
    assert!(published(attributes(16)).is_ok());
    refuse(attributes(17));
    refuse(attributes(200_000));
}
