//! The names in a request's path.

use memchr::memchr;
use percent_encoding::percent_decode_str;

/// The names in a request's path, decoded; empty where its route has none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct PathNames {
    pub(super) topic: String,
    pub(super) group: String,
    /// What `{name}` stands for, on the management listener.
    pub(super) name: String,
}

impl PathNames {
    /// Those of a raw path that fits `template`, in which `{topic}`, `{group}` and `{name}` stand for one segment, and `{asset}` for all that
    /// follows. A name that is no UTF-8 keeps a replacement character, which no name may hold.
    pub(super) fn of(path: &str, template: &str) -> Option<Self> {
        let [topic, group, name] = names_in(path, template)?;
        Some(Self { topic: decode(topic), group: decode(group), name: decode(name) })
    }
}

/// A path whose verb's colon came encoded, as some clients do to every segment.
pub(super) fn with_plain_verb(path: &str) -> Option<String> {
    let (before, last) = path.rsplit_once('/')?;
    let (resource, verb) = last.split_once("%3A").or_else(|| last.split_once("%3a"))?;
    (resource == "messages").then(|| format!("{before}/{resource}:{verb}"))
}

/// The topic, the group and the name in a path that fits `template`. A name may be empty, as the name's own check explains that
/// best, but not at the end, where a slash too many is another path.
fn names_in<'a>(path: &'a str, template: &str) -> Option<[&'a str; 3]> {
    let (mut topic, mut group, mut other) = ("", "", "");
    let (mut template, mut rest) = (template, path);
    while let Some((text, name, after)) = next_name(template) {
        template = after;
        rest = rest.strip_prefix(text)?;
        let end = if name == "asset" { None } else { memchr(b'/', rest.as_bytes()) };
        let (segment, after) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
        let (value, after) = if template.starts_with(':') {
            // A verb after the name: `{name}:pause`.
            let (verb, rest_of_template) = split_verb(template);
            template = rest_of_template;
            (without_verb(segment, verb)?, after)
        } else {
            (segment, after)
        };
        if segment.is_empty() && template.is_empty() {
            return None;
        }
        match name {
            "topic" => topic = value,
            "group" => group = value,
            "name" => other = value,
            _ => {}
        }
        rest = after;
    }
    (rest == template).then_some([topic, group, other])
}

/// A template's verb, with its colon, and what follows.
fn split_verb(template: &str) -> (&str, &str) {
    let end = memchr(b'/', template.as_bytes()).unwrap_or(template.len());
    template.split_at_checked(end).unwrap_or((template, ""))
}

/// A segment without the verb at its end, whose colon may be encoded.
fn without_verb<'a>(segment: &'a str, verb: &str) -> Option<&'a str> {
    let word = verb.strip_prefix(':')?;
    let before = segment.strip_suffix(word)?;
    let ends = [":", "%3A", "%3a"];
    ends.iter().find_map(|colon| before.strip_suffix(colon)).filter(|name| !name.is_empty())
}

/// The text before a template's next name, the name, and what follows it.
fn next_name(template: &str) -> Option<(&str, &str, &str)> {
    let (text, rest) = template.split_at_checked(memchr(b'{', template.as_bytes())?)?;
    let (name, after) = rest.split_at_checked(memchr(b'}', rest.as_bytes())?)?;
    Some((text, name.get(1..)?, after.get(1..)?))
}

/// A segment's text; an escape that is none becomes a replacement character too.
pub(super) fn decode(segment: &str) -> String {
    if memchr(b'%', segment.as_bytes()).is_none() {
        return segment.to_owned();
    }
    let whole = segment.split('%').skip(1).all(|after| {
        let mut digits = after.bytes().take(2).filter(u8::is_ascii_hexdigit);
        digits.next().is_some() && digits.next().is_some()
    });
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    if whole { decoded.into_owned() } else { format!("{decoded}{}", char::REPLACEMENT_CHARACTER) }
}
