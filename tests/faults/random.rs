//! Randomness that can be repeated: every number is a function of the seed and of its purpose.

use std::fmt;
use std::time::Duration;

use crate::support::time;

/// `MQ_GATEWAY_FAULT_SEED`, or a new one; it is printed.
pub fn seed() -> u64 {
    let given = std::env::var("MQ_GATEWAY_FAULT_SEED").ok().map(|text| text.parse().expect("a seed is a number"));
    let seed = given.unwrap_or_else(|| time::now_millis() ^ (u64::from(std::process::id()) << 24));
    eprintln!("MQ_GATEWAY_FAULT_SEED={seed}");
    seed
}

/// `MQ_GATEWAY_FAULT_SECONDS`, or `usual`.
pub fn length(usual: Duration) -> Duration {
    let given = std::env::var("MQ_GATEWAY_FAULT_SECONDS").ok().map(|text| text.parse().expect("seconds are a number"));
    given.map_or(usual, |seconds: u64| Duration::from_secs(seconds).max(usual))
}

/// `MQ_GATEWAY_FAULT_KILLS`, or `usual`.
pub fn kills(usual: u64) -> u64 {
    let given = std::env::var("MQ_GATEWAY_FAULT_KILLS").ok();
    given.map_or(usual, |text| text.parse().expect("kills are a number"))
}

/// SplitMix64.
#[derive(Clone)]
pub struct Random(u64);

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}

impl Random {
    /// For one purpose, named by numbers.
    pub fn of(seed: u64, purpose: &[u64]) -> Self {
        let mut random = Self(seed);
        for part in purpose {
            random.0 = random.next() ^ part;
        }
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 to `end` - 1.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.below(list.len() as u64)).expect("fits")]
    }

    pub fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.below(to - from + 1))
    }
}

#[test]
fn the_same_seed_gives_the_same_numbers() {
    let draw =
        |seed, purpose: &[u64]| (0..5).map(|_| 0).scan(Random::of(seed, purpose), |random, _: i32| Some(random.next()));
    assert!(draw(7, &[1, 2]).eq(draw(7, &[1, 2])));
    assert!(!draw(7, &[1, 2]).eq(draw(7, &[2, 1])));
    assert!(!draw(7, &[1]).eq(draw(8, &[1])));
}
