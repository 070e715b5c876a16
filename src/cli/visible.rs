//! Text of others, made fit for one line of a terminal: what a message or an answer says must not move the cursor, ring, or turn
//! the direction of what stands beside it.

use crate::control_characters::is_invisible;

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

/// JSON with the same characters escaped as JSON has it: the same value. They can stand in its strings alone, but for tabs, which do
/// nothing between its parts.
pub(super) fn visible_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if is_invisible(character) && !matches!(character, '\n' | '\r' | '\t') {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_seen_instead() {
        assert_eq!(visible("a\u{1b}[2Jb\r\n\tc\u{7f}\u{9b}0m"), "a\\u{1b}[2Jb\\r\\n\\tc\\u{7f}\\u{9b}0m");
        assert_eq!(visible("abc\u{202e}fed\u{200b}\u{2028}"), "abc\\u{202e}fed\\u{200b}\\u{2028}");
        let raw = "{\"a\":\t\"\u{9b}1m\u{7f}\u{202e}\u{e0041}订单\\n\"}";
        let json = visible_json(raw);
        assert_eq!(json, "{\"a\":\t\"\\u009b1m\\u007f\\u202e\\udb40\\udc41订单\\n\"}");
        let value = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&json), value(raw));
        assert_eq!(visible("Grüße, 订单 🙂 \"\\\""), "Grüße, 订单 🙂 \"\\\"");
    }
}
