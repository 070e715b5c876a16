//! Query strings as HTML forms write them.

use std::borrow::Cow;

use memchr::{memchr, memchr2};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986 is escaped; a blank is `%20`, never `+`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends `name=value`, with `&` in front unless the target ends in `?`.
pub fn push_pair(target: &mut String, name: &str, value: &str) {
    if !target.ends_with('?') {
        target.push('&');
    }
    target.push_str(name);
    target.push('=');
    push_escaped(target, value);
}

/// Appends `text` as one segment of a path or one value of a query.
pub fn push_escaped(target: &mut String, text: &str) {
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')) {
        target.push_str(text);
        return;
    }
    target.extend(utf8_percent_encode(text, ESCAPED));
}

/// A parameter's name and its value, decoded.
pub type Pair<'a> = (Cow<'a, str>, Result<Cow<'a, str>, NotUtf8>);

/// Room for this many parameters is made at once.
const USUAL_PARAMETERS: usize = 8;

/// A query's parameters. A value is judged only where it is asked for.
pub(super) struct Query<'a>(Vec<Pair<'a>>);

impl<'a> Query<'a> {
    /// Reads a raw query.
    pub(super) fn read(query: &'a str) -> Self {
        let mut parameters = Vec::with_capacity(USUAL_PARAMETERS);
        parameters.extend(pairs(query));
        Self(parameters)
    }

    /// The first parameter that has one of these names; `None` when it is absent or empty.
    ///
    /// # Errors
    /// Its value is not UTF-8.
    pub(super) fn text(&self, names: &[&str]) -> Result<Option<Cow<'a, str>>, NotUtf8> {
        let first = self.0.iter().find(|(name, _)| names.contains(&name.as_ref()));
        let value = first.map(|(_, value)| value.clone()).transpose()?;
        Ok(value.filter(|text| !text.is_empty()))
    }
}

/// A query's pairs in order: `+` and `%20` are blanks, `%XX` are bytes; a value that is not UTF-8 is an error of its own.
pub fn pairs(query: &str) -> impl Iterator<Item = Pair<'_>> {
    let mut rest = query;
    let parts = std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (pair, after) = split_at_sign(rest, b'&');
        rest = after;
        Some(pair)
    });
    parts.filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = split_at_sign(pair, b'=');
        (decode(name).unwrap_or(Cow::Borrowed(name)), decode(value))
    })
}

/// What stands before and after an ASCII sign; nothing after it where there is none.
fn split_at_sign(text: &str, sign: u8) -> (&str, &str) {
    let at = memchr(sign, text.as_bytes());
    let parts = at.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?)));
    parts.unwrap_or((text, ""))
}

/// The bytes behind the escapes are not UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotUtf8;

fn decode(text: &str) -> Result<Cow<'_, str>, NotUtf8> {
    if memchr2(b'+', b'%', text.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let blanks = text.replace('+', " ");
    percent_decode(blanks.as_bytes()).decode_utf8().map(|text| Cow::Owned(text.into_owned())).map_err(|_| NotUtf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, expected: &[(&str, Result<&str, NotUtf8>)]) {
        let found: Vec<_> = pairs(query).collect();
        let found: Vec<_> =
            found.iter().map(|(n, v)| (n.as_ref(), v.as_ref().map(AsRef::as_ref).map_err(|e| *e))).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn blanks_escapes_and_odd_pairs() {
        check("a=1&b=x+y&c=x%20y", &[("a", Ok("1")), ("b", Ok("x y")), ("c", Ok("x y"))]);
        check("handle=ab%2Bcd%3D=", &[("handle", Ok("ab+cd=="))]);
        check("a&&=v&b=", &[("a", Ok("")), ("", Ok("v")), ("b", Ok(""))]);
        check("t=%E6%A0%87", &[("t", Ok("标"))]);
        check("t=%FF", &[("t", Err(NotUtf8))]);
        check("t=100%", &[("t", Ok("100%"))]);
    }

    #[test]
    fn the_first_of_several_parameters_counts() {
        let query = Query::read("a=1&b=&A=2&a=3&b=4&c=%FF&c=5");
        for (names, expected) in [
            (&["a"][..], Ok(Some("1"))),
            (&["A"], Ok(Some("2"))),
            (&["A", "a"], Ok(Some("1"))),
            (&["b"], Ok(None)),
            (&["c"], Err(NotUtf8)),
            (&["d"], Ok(None)),
        ] {
            assert_eq!(query.text(names).as_ref().map(Option::as_deref), expected.as_ref().copied(), "{names:?}");
        }
    }

    #[test]
    fn a_pair_is_escaped_with_percent_twenty() {
        let mut target = "/message/?".to_owned();
        push_pair(&mut target, "topic", "T");
        push_pair(&mut target, "tag", "a +&=#%标");
        assert_eq!(target, "/message/?topic=T&tag=a%20%2B%26%3D%23%25%E6%A0%87");
    }
}
