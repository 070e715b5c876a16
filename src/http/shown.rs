//! Names that callers wrote, as answers repeat them: shortened, and with every character seen.

use crate::control_characters::is_invisible;

/// The longest part of a name that is repeated.
const MOST_CHARACTERS: usize = 64;

/// The name of a parameter or a header.
pub(super) fn shown_name(name: &str) -> String {
    let mut text = String::new();
    name.chars().take(MOST_CHARACTERS).for_each(|character| push(&mut text, character));
    text
}

/// The name of a member, as a part of a JSON pointer.
pub(super) fn shown_part(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars().take(MOST_CHARACTERS) {
        match character {
            '~' => text.push_str("~0"),
            '/' => text.push_str("~1"),
            other => push(&mut text, other),
        }
    }
    text
}

fn push(text: &mut String, character: char) {
    if is_invisible(character) {
        text.extend(character.escape_default());
    } else {
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_be_seen_is_escaped() {
        assert_eq!(shown_name("a/b~c\u{202e}\n订"), "a/b~c\\u{202e}\\n订");
        assert_eq!(shown_part("a/b~c\u{202e}\n订"), "a~1b~0c\\u{202e}\\n订");
        assert_eq!(shown_name(&"x".repeat(1000)).len(), MOST_CHARACTERS);
    }
}
