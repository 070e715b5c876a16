//! Looks for characters that do something instead of being seen.

/// Whether any byte is an ASCII control character other than DEL. Looking for the smallest byte needs no branch for each.
#[must_use]
pub fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' '
}

/// Controls, and what Unicode has for directions, line ends and marks that take no room.
#[must_use]
pub fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn below_the_blank() {
        for byte in 0..=u8::MAX {
            assert_eq!(has_control(&[b'x', byte, b'y']), byte < b' ', "{byte}");
        }
        assert!(!has_control(b""));
    }
}
