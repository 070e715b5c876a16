//! No secret and no signature is in anything that the gateway shows or writes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek as _};

use super::oracle::Oracle;
use super::support::TestApp;
use super::support::encoding::base64;
use super::support::ons::Credentials;
use super::support::secrecy::{shown_by, spellings};

/// How many first bytes of each text are looked up.
const PREFIX: usize = 12;

/// Texts that must not be found, by their first bytes.
#[derive(Debug, Default)]
pub struct Canaries(HashMap<[u8; PREFIX], Vec<Vec<u8>>>);

impl Canaries {
    /// The endpoint's credentials, and every signature that it saw.
    pub fn of(oracle: &Oracle) -> Self {
        let mut canaries = Self::default();
        canaries.secret(oracle.endpoint.credentials());
        for signature in &oracle.ledger().signatures {
            canaries.all_spellings(signature);
        }
        canaries
    }

    pub fn secret(&mut self, credentials: &Credentials) {
        let secret = credentials.secret_key.as_str();
        self.all_spellings(secret);
        // Between other bytes, base64 looks otherwise: leave out what the neighbours touch.
        for (before, touched) in [("", 0), ("x", 4), ("xx", 4)] {
            let encoded = base64(format!("{before}{secret}"));
            self.add(&encoded[touched..encoded.len() - 4]);
        }
    }

    fn all_spellings(&mut self, text: &str) {
        for spelling in spellings(text) {
            self.add(spelling);
        }
    }

    fn add(&mut self, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let first = *text.first_chunk().expect("long enough not to match other text");
        let those = self.0.entry(first).or_default();
        if !those.iter().any(|known| known == text) {
            those.push(text.to_vec());
        }
    }

    /// Fails if any of them is in these bytes.
    #[track_caller]
    pub fn assert_absent(&self, place: &str, bytes: &[u8]) {
        if let Some(at) = self.find(bytes) {
            let around = String::from_utf8_lossy(&bytes[at.saturating_sub(200)..bytes.len().min(at + 100)]);
            panic!("a secret in {place}: …{around}…");
        }
    }

    /// Where the first of them begins.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let windows = bytes.windows(PREFIX).enumerate();
        let mut begun = windows.filter_map(|(at, window)| Some((at, self.0.get(window.first_chunk::<PREFIX>()?)?)));
        let hit = begun.find(|(at, candidates)| candidates.iter().any(|one| bytes[*at..].starts_with(one)));
        hit.map(|(at, _)| at)
    }

    /// Everything that a gateway shows, has written, and has been given.
    #[track_caller]
    pub fn assert_absent_in(&self, app: &TestApp) {
        for (place, bytes) in shown_by(app) {
            self.assert_absent(&place, &bytes);
        }
    }

    /// A file of answers.
    #[track_caller]
    pub fn assert_absent_in_file(&self, mut file: File) {
        file.rewind().expect("a file can be rewound");
        let (mut kept, mut block) = (Vec::new(), vec![0; 1 << 20]);
        loop {
            let count = file.read(&mut block).expect("a file can be read");
            if count == 0 {
                return;
            }
            kept.extend_from_slice(&block[..count]);
            self.assert_absent("an answer", &kept);
            // What begins here may end in the next block.
            kept.drain(..kept.len().saturating_sub(400));
        }
    }
}

#[test]
fn canaries_are_found() {
    use super::support::encoding::hex;

    let credentials = Credentials::of("canary-test");
    let mut canaries = Canaries::default();
    canaries.secret(&credentials);
    let found = |text: String| canaries.find(text.as_bytes()).is_some();
    let secret = &credentials.secret_key;
    let basic = base64(format!("{}:{secret}:more", credentials.access_key));
    for text in [secret.clone(), base64(secret), hex(secret.as_bytes()), secret.chars().rev().collect(), basic] {
        assert!(found(format!("before{text}after")), "{text}");
    }
    assert!(!found(format!("{} secret-canary-tesx", credentials.access_key)));
}
