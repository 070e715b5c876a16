//! A document, read element by element: no tree, no entities, no DTD.
//!
//! What makes it safe to read anybody's bytes: a `DOCTYPE` is refused wherever it stands, so there is nothing that an
//! entity could expand to or fetch; nesting, elements and attributes are counted; and every character is looked at
//! before anything else, so that no caller sees one that XML forbids.

use std::borrow::Cow;

use memchr::memmem;
use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use super::body::{is_xml_char, xml_text};
use super::elements;
use super::part::{MAX_DEPTH, MAX_ELEMENTS, Part};
use super::plain_events::PlainEvents;

/// Most attributes of one element; the protocol has only `xmlns`. Duplicates are looked for pair by pair.
const MAX_ATTRIBUTES: usize = 16;

/// Not a well-formed document, or one outside the limits above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl From<quick_xml::Error> for Malformed {
    fn from(_: quick_xml::Error) -> Self {
        Self
    }
}

/// A document whose root is open. Read each child with [`Document::text`], [`Document::skip`] or its own children,
/// to its end, before asking for the next.
pub(super) struct Document<'a> {
    events: Events<'a>,
}

/// Who reads.
enum Events<'a> {
    /// As long as a document is a plain one.
    Plain(PlainEvents<'a>),
    /// It is not: what `read` made of it counts for nothing.
    Beyond,
    /// Any document.
    Library(LibraryEvents<'a>),
}

/// The XML library, and what is counted of a document.
struct LibraryEvents<'a> {
    reader: Reader<&'a [u8]>,
    depth: usize,
    elements: usize,
}

/// Reads a document: `read` gets it and the name of its root (`""` for one that the protocol does not have). It is called again,
/// from the beginning, where the document turns out to be none of the plain ones.
pub(super) fn read_document<'a, T, E: From<Malformed>>(
    bytes: &'a [u8],
    read: impl Fn(&mut Document<'a>, &'static str) -> Result<T, E>,
) -> Result<T, E> {
    let text = xml_text(bytes).ok_or(Malformed)?;
    if let Ok((events, root)) = PlainEvents::open(text) {
        let mut document = Document { events: Events::Plain(events) };
        let result = read(&mut document, root);
        if !matches!(document.events, Events::Beyond) {
            return result;
        }
    }
    let (events, root) = LibraryEvents::open(text)?;
    read(&mut Document { events: Events::Library(events) }, root)
}

impl<'a> Document<'a> {
    /// The next child of the open element, `None` where that ends. Text between children means nothing here.
    pub(super) fn child(&mut self) -> Result<Option<&'static str>, Malformed> {
        loop {
            match self.next()? {
                Part::Open(name) => return Ok(Some(name)),
                Part::Close => return Ok(None),
                Part::Text(_) | Part::Character(_) => {}
            }
        }
    }

    /// The open element's text to its end: all runs, CDATA sections and references in one. `None` when there are
    /// elements in between: whoever puts unescaped XML into a body must not get a part of it published.
    ///
    /// Line ends stay as they are, against the rule of XML by which `\r\n` becomes `\n`: no SDK escapes `\r`, and a
    /// body has to come out byte for byte as it went in, with the digest that its sender computed (protocol notes
    /// MQ HTTP 3). White space at the ends is kept for the same reason.
    pub(super) fn text(&mut self) -> Result<Option<Cow<'a, str>>, Malformed> {
        let mut text = Cow::Borrowed("");
        let mut is_text = true;
        loop {
            match self.next()? {
                Part::Text(run) if text.is_empty() => text = run,
                Part::Text(run) => text.to_mut().push_str(&run),
                Part::Character(character) => text.to_mut().push(character),
                Part::Open(_) => {
                    is_text = false;
                    self.skip()?;
                }
                Part::Close => return Ok(is_text.then_some(text)),
            }
        }
    }

    /// Reads past the open element's end.
    pub(super) fn skip(&mut self) -> Result<(), Malformed> {
        let mut open = 1_usize;
        while open > 0 {
            match self.next()? {
                Part::Open(_) => open += 1,
                Part::Close => open -= 1,
                Part::Text(_) | Part::Character(_) => {}
            }
        }
        Ok(())
    }

    /// Reads what stands behind the root, whose children were all read: nothing that means anything may.
    pub(super) fn close(&mut self) -> Result<(), Malformed> {
        match &mut self.events {
            Events::Plain(events) if events.is_at_end() => Ok(()),
            Events::Plain(_) => {
                self.events = Events::Beyond;
                Err(Malformed)
            }
            Events::Beyond => Err(Malformed),
            Events::Library(events) => events.close(),
        }
    }

    fn next(&mut self) -> Result<Part<'a>, Malformed> {
        match &mut self.events {
            Events::Plain(events) => events.next().map_err(|_| {
                self.events = Events::Beyond;
                Malformed
            }),
            Events::Beyond => Err(Malformed),
            Events::Library(events) => events.next(),
        }
    }
}

impl<'a> LibraryEvents<'a> {
    /// Reads up to the root and tells its name.
    fn open(text: &'a str) -> Result<(Self, &'static str), Malformed> {
        // The byte order mark that C# writes is skipped by the XML reader.
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_comments = true;
        let mut events = Self { reader, depth: 0, elements: 0 };
        let mut declaration_may_stand_here = true;
        loop {
            match events.reader.read_event()? {
                Event::Decl(declaration) if declaration_may_stand_here => check_declaration(&declaration)?,
                Event::Start(start) => {
                    let root = events.enter(&start)?;
                    return Ok((events, root));
                }
                Event::Text(text) if is_blank(&text) => {}
                Event::Comment(_) | Event::PI(_) => {}
                Event::Decl(_)
                | Event::Text(_)
                | Event::End(_)
                | Event::Empty(_)
                | Event::CData(_)
                | Event::DocType(_)
                | Event::GeneralRef(_)
                | Event::Eof => return Err(Malformed),
            }
            declaration_may_stand_here = false;
        }
    }

    fn close(&mut self) -> Result<(), Malformed> {
        if self.depth > 0 {
            return Err(Malformed);
        }
        loop {
            match self.reader.read_event()? {
                Event::Eof => return Ok(()),
                Event::Text(text) if is_blank(&text) => {}
                Event::Comment(_) | Event::PI(_) => {}
                Event::Start(_)
                | Event::End(_)
                | Event::Empty(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Decl(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => return Err(Malformed),
            }
        }
    }

    fn next(&mut self) -> Result<Part<'a>, Malformed> {
        loop {
            return match self.reader.read_event()? {
                Event::Start(start) => self.enter(&start).map(Part::Open),
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    Ok(Part::Close)
                }
                // `]]>` is no text: the Node SDK puts a body into one CDATA section without splitting it there, and
                // what is left would be another body (protocol notes MQ HTTP 3).
                Event::Text(text) if memmem::find(text.as_bytes(), b"]]>").is_some() => Err(Malformed),
                Event::Text(text) => Ok(Part::Text(text.into_inner())),
                Event::CData(text) => Ok(Part::Text(text.into_inner())),
                Event::GeneralRef(reference) => resolve(&reference).map(Part::Character),
                Event::Comment(_) | Event::PI(_) => continue,
                // The end of the bytes inside of the root is one, too.
                Event::Decl(_) | Event::DocType(_) | Event::Empty(_) | Event::Eof => Err(Malformed),
            };
        }
    }

    fn enter(&mut self, start: &BytesStart<'_>) -> Result<&'static str, Malformed> {
        self.depth += 1;
        self.elements += 1;
        if self.depth > MAX_DEPTH || self.elements > MAX_ELEMENTS || !is_name(start.name().as_ref()) {
            return Err(Malformed);
        }
        for (index, attribute) in start.attributes().enumerate() {
            let attribute = attribute.map_err(|_| Malformed)?;
            if index >= MAX_ATTRIBUTES || !is_name(attribute.key.as_ref()) || attribute.value.contains('<') {
                return Err(Malformed);
            }
        }
        Ok(elements::named(start.local_name().as_ref()))
    }
}

/// `version` must be there; an `encoding` must be the one in which every SDK writes.
fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), Malformed> {
    declaration.version()?;
    match declaration.encoding() {
        None => Ok(()),
        Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err(Malformed),
    }
}

/// The five that XML has, and characters by number. There is no DTD, so there are no others.
fn resolve(reference: &BytesRef<'_>) -> Result<char, Malformed> {
    match reference.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => reference.resolve_char_ref()?.filter(|character| is_xml_char(*character)).ok_or(Malformed),
    }
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// Whether an element or attribute may be called so: XML's rule for ASCII, anything beyond it.
fn is_name(name: &str) -> bool {
    let starts_well = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii();
    name.starts_with(starts_well)
        && name.chars().all(|c| starts_well(c) || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

/// Every part of a document to its end.
#[cfg(any(test, fuzzing))]
fn parts<'a>(document: &mut Document<'a>, root: &'static str) -> Result<Vec<Part<'a>>, Malformed> {
    let mut parts = vec![Part::Open(root)];
    let mut open = 1;
    while open > 0 {
        let part = document.next()?;
        open = match part {
            Part::Open(_) => open + 1,
            Part::Close => open - 1,
            Part::Text(_) | Part::Character(_) => open,
        };
        parts.push(part);
    }
    document.close().map(|()| parts)
}

/// Whether a document is a plain one; those that are, are what the library reads.
#[cfg(any(test, fuzzing))]
pub(super) fn is_plain(text: &str) -> bool {
    let by_library = || {
        let (events, root) = LibraryEvents::open(text)?;
        parts(&mut Document { events: Events::Library(events) }, root)
    };
    let Ok((events, root)) = PlainEvents::open(text) else { return false };
    let mut document = Document { events: Events::Plain(events) };
    let plain = parts(&mut document, root);
    if matches!(document.events, Events::Beyond) {
        return false;
    }
    assert_eq!(plain, by_library(), "{text}");
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_plain_is_read_alike() {
        for text in [
            r#"<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mq.aliyuncs.com/doc/v1"><MessageBody>b</MessageBody></Message>"#,
            "<?xml version=\"1.0\"?>\r\n<Message>\n  <MessageId>7</MessageId>\n</Message>\n",
            "<Message><MessageBody>a &lt;b&gt; &amp;&quot;&apos;&#13; ]] > c</MessageBody><Other></Other></Message>",
        ] {
            assert!(is_plain(text), "{text}");
        }
        for text in [
            "",
            "<Message>",
            "<Message/>",
            "<Message a=\"b\"></Message>",
            "<Message></Messages>",
            "<Message></Message>x",
            "<Message></Message><Message></Message>",
            "<Message><!-- c --></Message>",
            "<Message><![CDATA[x]]></Message>",
            "<Message>&#65;</Message>",
            "<Message>]]></Message>",
            "<m:Message></m:Message>",
            "<?xml version='1.0'?><Message></Message>",
            "\u{feff}<Message></Message>",
        ] {
            assert!(!is_plain(text), "{text}");
        }
        let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
        assert!(is_plain(&deep(MAX_DEPTH)));
        assert!(!is_plain(&deep(MAX_DEPTH + 1)));
        let wide = |count: usize| format!("<a>{}</a>", "<b></b>".repeat(count));
        assert!(is_plain(&wide(MAX_ELEMENTS - 1)));
        assert!(!is_plain(&wide(MAX_ELEMENTS)));
    }

    proptest! {
        #[test]
        fn whatever_is_read_as_plain_is_what_the_library_reads(text in any_document()) {
            is_plain(&text);
        }
    }

    /// Parts of documents in any order, so that many are documents and many are nearly one.
    fn any_document() -> impl Strategy<Value = String> {
        let part = prop::sample::select(vec![
            "<a>",
            "</a>",
            "<MessageBody>",
            "</MessageBody>",
            "<MessageBody>x</MessageBody>",
            "<b/>",
            "&lt;",
            "&amp;",
            "&#13;",
            "&#10;",
            "text",
            "]",
            "]]>",
            ">",
            "\r\n",
            " ",
            "<!-- c -->",
            "<![CDATA[x]]>",
            "<?p i?>",
            "<a b=\"c\">",
            "\"",
            "ü",
            "<",
            "&",
        ]);
        let inside = prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat());
        let begin = prop::sample::select(vec![
            "",
            "<?xml version=\"1.0\"?>",
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n",
            "<?xml version=\"1.1\"?>",
            "\n",
        ]);
        let root =
            prop::sample::select(vec!["<Message>", "<Message xmlns=\"n\">", "<Message xmlns=\"<\">", "<Message >"]);
        let end = prop::sample::select(vec!["</Message>", "</Message>\n", "</Message >", "</Message>x", ""]);
        (begin, root, inside, end).prop_map(|(begin, root, inside, end)| format!("{begin}{root}{inside}{end}"))
    }
}
