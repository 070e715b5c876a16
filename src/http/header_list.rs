//! Headers that are lists (RFC 9110 5.6.1).

/// The elements of a list: what commas outside quotes separate, without the white space around.
pub(super) fn elements(value: &str) -> impl Iterator<Item = &str> {
    let (mut in_quotes, mut is_escaped) = (false, false);
    let is_end = move |character: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match character {
            '\\' if in_quotes && !was_escaped => is_escaped = true,
            '"' if !was_escaped => in_quotes = !in_quotes,
            _ => {}
        }
        character == ',' && !in_quotes
    };
    value.split(is_end).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_separate_nothing() {
        let check =
            |value: &str, expected: &[&str]| assert_eq!(elements(value).collect::<Vec<_>>(), expected, "{value}");
        check("", &[""]);
        check("a", &["a"]);
        check("a , b;c=1", &["a", "b;c=1"]);
        check(r#"a; x="1,2", b"#, &[r#"a; x="1,2""#, "b"]);
        check(r#"a; x="1\",2", b"#, &[r#"a; x="1\",2""#, "b"]);
        check(r#"a; x="1,2"#, &[r#"a; x="1,2"#]);
    }
}
