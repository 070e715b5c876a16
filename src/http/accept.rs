//! `Accept`: whether the caller can use what a route answers.

use actix_web::http::header::{ACCEPT, HeaderMap};

/// Whether any `Accept` header admits `media_type`. No header admits everything.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    if !headers.contains_key(ACCEPT) || media_type == "*/*" {
        return true;
    }
    let kind = media_type.split('/').next().unwrap_or_default();
    ranges(headers).filter(|(_, weight)| *weight > 0.0).any(|(name, _)| {
        name == "*/*"
            || name.eq_ignore_ascii_case(media_type)
            || name.strip_suffix("/*").is_some_and(|range| range.eq_ignore_ascii_case(kind))
    })
}

/// Whether `media_type` is asked for by its own name, and `usual` not more than it.
pub(super) fn prefers(headers: &HeaderMap, media_type: &str, usual: &str) -> bool {
    if !headers.contains_key(ACCEPT) {
        return false;
    }
    let weight = |media_type: &str| {
        let named = ranges(headers).filter(|(name, _)| name.eq_ignore_ascii_case(media_type));
        named.map(|(_, weight)| weight).fold(0.0, f32::max)
    };
    let wanted = weight(media_type);
    wanted > 0.0 && wanted >= weight(usual)
}

/// Media ranges and their weights.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (&str, f32)> {
    let values = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        let weight = parts.find_map(|parameter| parameter.strip_prefix("q=")?.parse().ok());
        Some((name, weight.unwrap_or(1.0)))
    })
}

/// Whether any `Accept` header names `media_type` itself.
pub(super) fn names(headers: &HeaderMap, media_type: &str) -> bool {
    ranges(headers).any(|(name, weight)| weight > 0.0 && name.eq_ignore_ascii_case(media_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let check = |accept: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(accepts(&headers, "application/json"), expected, "{accept}");
        };
        check("*/*", true);
        check("application/json", true);
        check("text/html, application/*;q=0.5", true);
        check("text/html", false);
        check("application/json;q=0", false);
        check("application/xml", false);
        assert!(accepts(&HeaderMap::new(), "application/json"));
    }

    #[test]
    fn preferences() {
        let check = |accept: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            assert_eq!(prefers(&headers, "application/x", "application/json"), expected, "{accept}");
        };
        check("application/x", true);
        check("Application/X;q=0.5, */*;q=0.1", true);
        check("application/x, application/json", true);
        check("application/x;q=0.5, application/json", false);
        check("application/x;q=0", false);
        check("*/*", false);
        check("application/*", false);
        check("application/json", false);
        assert!(!prefers(&HeaderMap::new(), "application/x", "application/json"));
    }
}
