//! `[embedded.chaos]`: what goes wrong on purpose, and when.

use std::fmt;
use std::time::Duration;

use crate::config::ChaosConfig;
use crate::random::Random;
use crate::spans::Ratio;

/// What goes wrong on purpose. Clones draw from one sequence.
#[derive(Debug, Clone)]
pub struct Chaos {
    config: ChaosConfig,
    random: Random,
}

/// An error that is answered in place of doing anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum ChaosError {
    /// It says that nothing was done.
    Certain,
    /// It leaves open whether anything was.
    Open,
}

impl Chaos {
    /// `None` where nothing is set; `random` is used where there is no seed.
    #[must_use]
    pub fn new(config: &ChaosConfig, random: &Random) -> Option<Self> {
        let random = config.seed.map_or_else(|| random.clone(), Random::seeded);
        config.is_on().then(|| Self { config: config.clone(), random })
    }

    /// How much later a request is looked at.
    pub(super) fn latency(&self) -> Duration {
        self.config.latency
    }

    /// Whether the next request gets an error.
    pub(super) fn error(&self) -> Option<ChaosError> {
        let is_one = self.happens(self.config.error_rate);
        is_one.then(|| if self.draw() & 1 == 0 { ChaosError::Certain } else { ChaosError::Open })
    }

    /// Whether the next message is delivered twice.
    pub(super) fn duplicates(&self) -> bool {
        self.happens(self.config.duplicate_deliveries)
    }

    /// Whether the next answer is not sent.
    pub(super) fn drops_answer(&self) -> bool {
        self.happens(self.config.dropped_answers)
    }

    fn happens(&self, rate: Ratio) -> bool {
        !rate.is_nothing() && rate.takes(self.draw())
    }

    fn draw(&self) -> u64 {
        let mut bytes = [0; 8];
        // Without randomness nothing goes wrong but that.
        if self.random.fill(&mut bytes).is_ok() { u64::from_be_bytes(bytes) } else { u64::MAX }
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChaosConfig { latency, error_rate, duplicate_deliveries, dropped_answers, .. } = self.config;
        write!(
            f,
            "on purpose: latency {} ms, error_rate {error_rate}, duplicate_deliveries {duplicate_deliveries}, dropped_answers \
             {dropped_answers}",
            latency.as_millis()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chaos(error_rate: &str, seed: u64) -> Chaos {
        let rate = |text| Ratio::parse(text).unwrap();
        let config = ChaosConfig {
            latency: Duration::ZERO,
            error_rate: rate(error_rate),
            duplicate_deliveries: rate("0"),
            dropped_answers: rate("1"),
            seed: Some(seed),
        };
        Chaos::new(&config, &Random::system()).unwrap()
    }

    #[test]
    fn a_seed_is_a_sequence_and_a_rate_is_kept() {
        let errors = |seed| (0..1000).map(move |_| ()).scan(chaos("0.25", seed), |chaos, ()| Some(chaos.error()));
        let (one, same, other): (Vec<_>, Vec<_>, Vec<_>) =
            (errors(1).collect(), errors(1).collect(), errors(2).collect());
        assert_eq!(one, same);
        assert_ne!(one, other);
        let count = one.iter().flatten().count();
        assert!((200..300).contains(&count), "{count}");
        let certain = one.iter().flatten().filter(|it| **it == ChaosError::Certain).count();
        assert!((count / 3..count * 2 / 3).contains(&certain), "{certain} of {count}");
    }

    #[test]
    fn nothing_and_everything_are_exact() {
        let chaos = chaos("0", 7);
        assert!((0..1000).all(|_| chaos.error().is_none() && !chaos.duplicates() && chaos.drops_answer()));
        let off = ChaosConfig { dropped_answers: Ratio::parse("0").unwrap(), ..chaos.config };
        assert!(Chaos::new(&off, &Random::system()).is_none());
        assert!(chaos.to_string().ends_with("error_rate 0, duplicate_deliveries 0, dropped_answers 1"), "{chaos}");
    }
}
