//! Encodings in the tests' own words: hex, base64, percent-encoding, forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

/// Lower-case hex of MD5.
pub fn md5_hex(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The other direction.
#[track_caller]
pub fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hex digits")).collect()
}

/// The standard alphabet, padded.
pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// The other direction.
#[track_caller]
pub fn from_base64(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("base64")
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub fn percent_encode(text: &[u8]) -> String {
    text.iter().fold(String::new(), |mut encoded, &byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

/// Decodes a form's component: `+` is a blank, `%XX` a byte; a broken escape is an error.
pub fn form_decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        rest = match byte {
            b'+' => {
                decoded.push(b' ');
                tail
            }
            b'%' => {
                let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let value = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let value = value.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                decoded.push(value.ok_or_else(|| format!("broken escape in {:?}", String::from_utf8_lossy(text)))?);
                &tail[2..]
            }
            other => {
                decoded.push(other);
                tail
            }
        };
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_decoding_follows_the_rules_of_forms() {
        assert_eq!(form_decode(b"a+b%20c%2B%e4%B8%ad"), Ok("a b c+中".into()));
        assert!(form_decode(b"%4").is_err());
        assert!(form_decode(b"%+1").is_err());
        assert_eq!(percent_encode("a b+中/".as_bytes()), "a%20b%2B%E4%B8%AD%2F");
    }
}
