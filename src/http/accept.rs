//! `Accept`: whether the caller can use what a route answers.

use actix_web::http::header::{ACCEPT, HeaderMap};

/// Whether any `Accept` header admits `media_type`. No header admits everything.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let mut ranges = headers.get_all(ACCEPT).peekable();
    if ranges.peek().is_none() || media_type == "*/*" {
        return true;
    }
    let kind = media_type.split('/').next().unwrap_or_default();
    ranges
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next()?;
            let refused = parts.any(|parameter| {
                parameter.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
            });
            (!refused).then_some(name)
        })
        .any(|name| {
            name == "*/*"
                || name.eq_ignore_ascii_case(media_type)
                || name.strip_suffix("/*").is_some_and(|range| range.eq_ignore_ascii_case(kind))
        })
}

/// Whether any `Accept` header names `media_type` itself.
pub(super) fn names(headers: &HeaderMap, media_type: &str) -> bool {
    let ranges = headers.get_all(ACCEPT).filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut types = ranges.filter_map(|range| range.split(';').next());
    types.any(|name| name.trim().eq_ignore_ascii_case(media_type))
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
}
