//! How wide text is on a terminal, and how wide the terminal is.

use std::io;

use super::environment::environment;

/// Where nobody knows it.
const USUAL_COLUMNS: usize = 80;

/// The columns of the terminal that stdout is.
pub(super) fn columns() -> usize {
    let of_terminal = rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col));
    let of_environment = || environment().get("COLUMNS").and_then(|columns| columns.parse().ok());
    of_terminal.filter(|columns| *columns > 0).or_else(of_environment).unwrap_or(USUAL_COLUMNS)
}

/// The text, cut so that it takes at most `columns`; what is cut ends with `…`.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let mut taken = 0;
    // Up to where there is still room for the `…`.
    let mut end_with_mark = 0;
    for (at, character) in text.char_indices() {
        if taken < columns {
            end_with_mark = at;
        }
        taken += width(character);
        if taken > columns {
            let (kept, _) = text.split_at(end_with_mark);
            return if columns == 0 { String::new() } else { format!("{kept}…") };
        }
    }
    text.to_owned()
}

/// The columns that a text takes that is seen.
pub(super) fn columns_of(text: &str) -> usize {
    text.chars().map(width).sum()
}

/// The columns of one character that is seen. Scripts of full width take two; marks that sit on another none.
fn width(character: char) -> usize {
    match character {
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{33ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{a000}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe4f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_full_width_take_two_columns() {
        for (text, expected) in [("", 0), ("abc", 3), ("订单", 4), ("a\u{301}b", 2), ("🙂", 2)] {
            assert_eq!(columns_of(text), expected, "{text}");
        }
    }

    #[test]
    fn text_is_cut_to_its_columns() {
        for (text, columns, expected) in [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abcde…"),
            ("", 0, ""),
            ("abc", 0, ""),
            ("abc", 1, "…"),
            ("订单订单", 8, "订单订单"),
            ("订单订单", 7, "订单订…"),
            ("订单订单", 6, "订单…"),
            ("a\u{301}b", 2, "a\u{301}b"),
        ] {
            assert_eq!(cut(text, columns), expected, "{text} in {columns}");
        }
    }
}
