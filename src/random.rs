//! Randomness as an argument, so that tests can fix it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zeroize::Zeroizing;

const LETTERS_AND_DIGITS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A source of random bytes: the operating system's, or a fixed sequence in tests.
#[derive(Debug, Clone)]
pub struct Random(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Seeded(Arc<AtomicU64>),
}

/// The operating system could not give random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system could not provide random bytes")]
pub struct RandomError;

impl Random {
    /// The operating system's generator.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A repeatable sequence, for tests and benchmarks only: never for keys or handles in service.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(Source::Seeded(Arc::new(AtomicU64::new(seed))))
    }

    /// Fills `buffer`.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system has none.
    pub fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomError> {
        match &self.0 {
            Source::System => getrandom::fill(buffer).map_err(|_| RandomError),
            Source::Seeded(state) => {
                for chunk in buffer.chunks_mut(8) {
                    let bytes = split_mix(state).to_le_bytes();
                    for (to, from) in chunk.iter_mut().zip(bytes) {
                        *to = from;
                    }
                }
                Ok(())
            }
        }
    }

    /// A part of one: from nothing to the whole, which it is where the operating system has no randomness.
    #[must_use]
    pub fn part(&self) -> f64 {
        let mut bytes = [0; 2];
        let part = self.fill(&mut bytes).map_or(u16::MAX, |()| u16::from_le_bytes(bytes));
        f64::from(part) / f64::from(u16::MAX)
    }

    /// Sixteen random bytes.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system has none.
    pub fn bytes16(&self) -> Result<[u8; 16], RandomError> {
        let mut bytes = [0; 16];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// This many letters and digits, each as likely as any other.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system has none.
    pub fn letters_and_digits(&self, number: usize) -> Result<String, RandomError> {
        let mut text = String::with_capacity(number);
        while text.len() < number {
            let bytes = Zeroizing::new(self.bytes16()?);
            // 248 is four times 62: higher bytes would make some characters likelier.
            let usable = bytes.iter().filter(|byte| **byte < 248);
            let characters =
                usable.filter_map(|byte| LETTERS_AND_DIGITS.get(usize::from(*byte) % LETTERS_AND_DIGITS.len()));
            text.extend(characters.take(number - text.len()).map(|byte| char::from(*byte)));
        }
        Ok(text)
    }
}

/// `SplitMix64`: small, well distributed, repeatable.
fn split_mix(state: &AtomicU64) -> u64 {
    let mut z = state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed).wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
