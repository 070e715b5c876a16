//! Looks for control characters in text of any format.

/// Whether any byte is an ASCII control character other than DEL. Looking for the smallest byte needs no branch for each.
#[must_use]
pub fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) < b' '
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
