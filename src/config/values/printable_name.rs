//! Names that somebody wrote where we know none: repeated only where they look like a key, as they may be a pasted secret.

/// Longest name, and longest word in it. Access keys are words of twenty letters and digits.
const MAX_NAME: usize = 64;
const MAX_WORD: usize = 16;
/// Most digits of a word.
const MAX_DIGITS: usize = 2;

/// Whether `name` looks like a key: short words of small letters, few digits, joined by `_`, `-` or `.`.
pub(crate) fn looks_like_a_key(name: &str) -> bool {
    let is_word = |word: &str| {
        let digits = word.bytes().filter(u8::is_ascii_digit).count();
        word.len() <= MAX_WORD
            && digits <= MAX_DIGITS
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.len() <= MAX_NAME && name.split(['_', '-', '.']).all(is_word)
}

/// Whether a name that is nearly right may be repeated: no more than it seems stands in it.
pub(crate) fn is_visible(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic())
}

/// What is said instead of a name that is not repeated.
pub(crate) fn withheld(name: &str) -> String {
    format!("a name of {} characters, which is not repeated, since it may be a secret", name.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_secrets() {
        for key in ["listen", "max_in_flight", "keep-alive", "retention_bytes2", "x", "server.lissten", ""] {
            assert!(looks_like_a_key(key), "{key}");
        }
        for secret in [
            "LTAI5tExampleKey",
            "wJalrXUtnFEMI",
            "AKIAIOSFODNN7EXAMPLE",
            "9f86d081884c7d659a2feaa0c55ad015",
            "abcdefghijklmnopqrstuvwxyz",
            "a+b/c=",
            "schlüssel",
            "a b",
        ] {
            assert!(!looks_like_a_key(secret), "{secret}");
        }
    }
}
