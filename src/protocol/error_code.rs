//! The codes of the vendors' errors: each text is written down once, in its protocol's table.

/// Whether a text looks like a code: letters, `_` and `.` only, so that nothing of ours comes back as one.
pub(super) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_' || byte == b'.')
}

/// Defines a protocol's `ErrorCode`; its `Refusal` says what the codes mean.
macro_rules! error_codes {
    ($($code:ident = $text:literal,)*) => {
        /// The code of an error, as the vendor writes it.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum ErrorCode {
            $(#[doc = $text] $code,)*
            /// Another text that looks like a code.
            Other(String),
            /// A text that does not. It is not kept: a service may repeat what it was sent.
            Unprintable,
        }

        impl ErrorCode {
            /// Reads a code.
            #[must_use]
            pub fn parse(text: &str) -> Self {
                match text {
                    $($text => Self::$code,)*
                    _ if $crate::protocol::error_code::is_code(text) => Self::Other(text.to_owned()),
                    _ => Self::Unprintable,
                }
            }

            /// The text; `None` where it is not kept.
            #[must_use]
            pub fn as_str(&self) -> Option<&str> {
                match self {
                    $(Self::$code => Some($text),)*
                    Self::Other(text) => Some(text),
                    Self::Unprintable => None,
                }
            }
        }
    };
}

pub(super) use error_codes;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_code() {
        for code in ["TopicNotExist", "TOPIC_NOT_EXIST", "Topic.NotExist", &"x".repeat(64)] {
            assert!(is_code(code), "{code}");
        }
        for text in ["", "secret-5d2f", "a b", "\u{e9}", &"x".repeat(65)] {
            assert!(!is_code(text), "{text}");
        }
    }
}
