//! Rules for the text of a key. What they say never shows the key: at most one character of it that no key has, and where that is.

use super::flaw::Flaw;

/// The rule for a key, in whatever file it is.
pub(crate) fn check_secret(text: &str) -> Result<(), Flaw> {
    if text.is_empty() {
        return Err(Flaw::new("is empty"));
    }
    if text.starts_with('\u{feff}') {
        return Err(Flaw::new("begins with a byte order mark").hint("save it without one"));
    }
    if text.contains('\n') {
        return Err(Flaw::new("holds more than one line").hint("write the key alone, one key a file"));
    }
    if text.trim().len() != text.len() {
        return Err(Flaw::new("holds white space around its key").hint("write the key alone"));
    }
    if is_placeholder(text) || text.eq_ignore_ascii_case("placeholder") {
        return Err(template());
    }
    match text.chars().zip(1..).find(|(character, _)| !character.is_ascii_graphic()) {
        None => Ok(()),
        Some((character, place)) => {
            let code = u32::from(character);
            let flaw =
                format!("holds U+{code:04X} as its character {place}, and keys are visible ASCII characters only");
            Err(Flaw::new(flaw).hint("copy the key again, as plain text"))
        }
    }
}

/// What is wrong with a value that nobody has filled in.
pub(crate) fn template() -> Flaw {
    Flaw::new("is still the template's placeholder").hint("write your own value, as the vendor's console shows it")
}

/// Whether a value is what templates, the vendor's and ours, have in its place.
pub(crate) fn is_placeholder(text: &str) -> bool {
    text.eq_ignore_ascii_case("xxx") || text.to_ascii_lowercase().starts_with("replace-with-")
}

/// Whether a key stands in quotes, which are probably not part of it.
pub(crate) fn is_in_quotes(text: &str) -> bool {
    let within = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)).is_some();
    within('"') || within('\'')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_told_without_it() {
        for (text, detail) in [
            ("", "is empty"),
            ("\u{feff}CANARY", "begins with a byte order mark"),
            ("CANARY\nCANARY", "holds more than one line"),
            (" CANARY", "holds white space around its key"),
            ("CANARY\u{a0}", "holds white space around its key"),
            ("xXx", "is still the template's placeholder"),
            ("PLACEHOLDER", "is still the template's placeholder"),
            ("replace-with-your-CANARY", "is still the template's placeholder"),
            ("CAN ARY", "holds U+0020 as its character 4, and keys are visible ASCII characters only"),
            ("\u{201c}CANARY\u{201d}", "holds U+201C as its character 1, and keys are visible ASCII characters only"),
            ("CANARY\u{200b}", "holds U+200B as its character 7, and keys are visible ASCII characters only"),
            ("CANARY\u{7}x", "holds U+0007 as its character 7, and keys are visible ASCII characters only"),
            ("密CANARY\u{1f600}", "holds U+5BC6 as its character 1, and keys are visible ASCII characters only"),
        ] {
            let flaw = check_secret(text).unwrap_err();
            assert_eq!(flaw.detail, detail, "{text:?}");
            assert!(!format!("{flaw:?}").contains("CANARY"), "{flaw:?}");
        }
        for key in ["LTAIabc", "\"LTAI\"", "a=b:c==;#%(x)s\\", "xxxx", "my-placeholder"] {
            assert_eq!(check_secret(key), Ok(()), "{key}");
        }
    }

    #[test]
    fn quotes_are_seen_where_they_are_around() {
        for (text, expected) in [
            ("\"a\"", true),
            ("'a'", true),
            ("\"\"", true),
            ("\"", false),
            ("\"a'", false),
            ("a\"b\"", false),
            ("", false),
        ] {
            assert_eq!(is_in_quotes(text), expected, "{text}");
        }
    }
}
