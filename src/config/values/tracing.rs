//! Rules for the texts of `[tracing]`.

use percent_encoding::percent_decode_str;

use super::endpoint::{ENDPOINT, Endpoint};
use super::flaw::Flaw;
use super::kind::TextRule;
use crate::spans::Ratio;

/// Most characters of a name or a value.
const MOST_CHARS: usize = 256;

const WITH_SCHEME: &str = "begin with http:// or https://";

/// The address of a collector.
pub(crate) const COLLECTOR: TextRule = TextRule {
    canonical: ENDPOINT.canonical,
    ..TextRule::new("a URL such as \"http://collector:4317\"", check_collector)
};

pub(crate) const SERVICE_NAME: TextRule = TextRule::new("a text of 1 to 256 characters", check_text);

pub(crate) const SAMPLER_RATIO: TextRule = TextRule::new("a number from 0 to 1 in quotes, such as \"0.1\"", |text| {
    Ratio::parse(text).map(drop).ok_or_else(|| Flaw::new("expects a number from 0 to 1; this is not one"))
});

/// A part of all.
pub(crate) const RATE: TextRule = SAMPLER_RATIO;

pub(crate) const RESOURCE_ATTRIBUTES: TextRule =
    TextRule::new("a text such as \"key=value,key=value\"", |text| read_resource_attributes(text).map(drop));

fn check_collector(text: &str) -> Result<(), Flaw> {
    match Endpoint::parse(text) {
        Ok(Endpoint::Url { .. }) => Ok(()),
        Ok(Endpoint::Embedded) => Err(Flaw::new("expects a URL with its scheme").hint(WITH_SCHEME)),
        Err(flaw) if flaw.detail.contains("with its scheme") => {
            Err(Flaw { hint: Some(WITH_SCHEME.to_owned()), ..flaw })
        }
        Err(flaw) if flaw.detail.contains("a path") => {
            Err(flaw.hint("gRPC has none: name the collector's gRPC port, which is 4317 unless it was changed"))
        }
        Err(flaw) if flaw.detail.contains("user information") => {
            Err(flaw.hint("keys belong into the file of headers_file"))
        }
        Err(flaw) => Err(flaw),
    }
}

fn check_text(text: &str) -> Result<(), Flaw> {
    if text.trim().is_empty() {
        return Err(Flaw::new("is empty"));
    }
    if text.chars().count() > MOST_CHARS {
        return Err(Flaw::new(format!("is longer than {MOST_CHARS} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Flaw::new("has control characters"));
    }
    Ok(())
}

/// Reads `key=value,key=value`; percent-encoded characters are decoded.
pub(crate) fn read_resource_attributes(text: &str) -> Result<Vec<(String, String)>, Flaw> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for (index, pair) in text.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty()) {
        let flaw = |detail: &str| {
            let flaw = Flaw::new(format!("has an entry, number {}, {detail}", index + 1));
            flaw.hint("write key=value, with %2C for a comma and %3D for an equals sign inside one")
        };
        let (key, value) = pair.split_once('=').ok_or_else(|| flaw("that is not key=value"))?;
        let decode = |text: &str| {
            let decoded = percent_decode_str(text.trim()).decode_utf8().map_err(|_| flaw("that is not UTF-8"))?;
            Ok(decoded.into_owned())
        };
        let (key, value) = (decode(key)?, decode(value)?);
        check_text(&key).map_err(|_| flaw("whose key is empty, too long, or has control characters"))?;
        if !value.is_empty() {
            check_text(&value).map_err(|_| flaw("whose value is blank, too long, or has control characters"))?;
        }
        if attributes.iter().any(|(known, _)| *known == key) {
            return Err(flaw("whose key was there before"));
        }
        attributes.push((key, value));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_is_a_url_without_a_path() {
        assert_eq!((COLLECTOR.check)("http://collector:4317"), Ok(()));
        assert_eq!((COLLECTOR.canonical)("https://Collector/"), "https://collector:443");
        for (text, detail, hint) in [
            ("collector:4317", "scheme", "begin with http:// or https://"),
            ("embedded", "scheme", "begin with http:// or https://"),
            ("http://collector:4318/v1/traces", "path", "4317"),
            ("http://user:CANARY@collector:4317", "user information", "headers_file"),
        ] {
            let flaw = (COLLECTOR.check)(text).unwrap_err();
            assert!(flaw.detail.contains(detail) && flaw.hint.as_ref().unwrap().contains(hint), "{flaw:?}");
            assert!(!format!("{flaw:?}").contains("CANARY"), "{flaw:?}");
        }
    }

    #[test]
    fn resource_attributes_are_pairs() {
        let read = |text| read_resource_attributes(text);
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(read(""), Ok(vec![]));
        assert_eq!(read("a=1, b.c = two ,"), Ok(vec![pair("a", "1"), pair("b.c", "two")]));
        assert_eq!(read("a=x%2Cy%3Dz,b=="), Ok(vec![pair("a", "x,y=z"), pair("b", "=")]));
        for (bad, detail) in
            [("a", "not key=value"), ("=1", "key"), ("a=1,a=2", "before"), ("a=%ff", "UTF-8"), ("a=%00", "value")]
        {
            let flaw = read(bad).unwrap_err();
            assert!(flaw.detail.contains(detail), "{bad}: {flaw:?}");
        }
    }
}
