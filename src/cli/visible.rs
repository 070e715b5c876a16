//! Text of others, made fit for one line of a terminal: what a message or an answer says must not move the cursor, ring, or turn
//! the direction of what stands beside it.

/// The text with every character escaped that does something instead of being seen.
pub(super) fn visible(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            _ if is_invisible(character) => line.extend(character.escape_unicode()),
            _ => line.push(character),
        }
    }
    line
}

/// Controls, and what Unicode has for directions, line ends and marks that take no room.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_seen_instead() {
        assert_eq!(visible("a\u{1b}[2Jb\r\n\tc\u{7f}\u{9b}0m"), "a\\u{1b}[2Jb\\r\\n\\tc\\u{7f}\\u{9b}0m");
        assert_eq!(visible("abc\u{202e}fed\u{200b}\u{2028}"), "abc\\u{202e}fed\\u{200b}\\u{2028}");
        assert_eq!(visible("Grüße, 订单 🙂 \"\\\""), "Grüße, 订单 🙂 \"\\\"");
    }
}
