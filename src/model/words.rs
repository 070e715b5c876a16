//! Closed sets of words: enums whose variants have a name in the configuration, in JSON and in metrics.

/// An enum that is read from its words; `words!` implements it.
pub trait Word: Sized {
    /// The variant that this word names.
    fn named(word: &str) -> Option<Self>;
}

/// Declares an enum with one word for each variant, in one list: `ALL`, `WORDS`, `as_str`, `Display` and [`Word`].
macro_rules! words {
    (
        $(#[$attribute:meta])*
        pub enum $type:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$doc])* $variant,)+ }

        impl $type {
            /// The words, in declared order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];
            /// Every variant, in declared order.
            pub const ALL: [Self; Self::WORDS.len()] = [$(Self::$variant),+];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::model::Word for $type {
            fn named(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

pub(crate) use words;
