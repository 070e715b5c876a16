//! Message ids.

use super::super::MessageIds;
use crate::model::{MessageId, UnixMillis};
use crate::random::Random;

#[test]
fn ids_are_made_as_the_official_clients_make_them() {
    let ids = MessageIds::new(&Random::seeded(7)).unwrap();
    let now = UnixMillis(1_795_938_240_123);
    let part = |id: &MessageId, from: usize, to: usize| id.as_str().get(from..to).unwrap().to_owned();
    let (first, second) = (ids.next(now).unwrap(), ids.next(now).unwrap());
    for id in [&first, &second] {
        assert_eq!(id.as_str().len(), 34);
        assert!(id.as_str().bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')), "{id:?}");
        assert!(id.as_str().starts_with("01"));
        assert_eq!(part(id, 18, 26), format!("{:08X}", 1_795_938_240_u64 - 1_609_459_200));
    }
    assert_eq!((part(&first, 26, 34).as_str(), part(&second, 26, 34).as_str()), ("00000000", "00000001"));
    assert_eq!(part(&first, 0, 26), part(&second, 0, 26));
    let other = MessageIds::new(&Random::seeded(8)).unwrap().next(now).unwrap();
    assert_ne!(part(&other, 0, 18), part(&first, 0, 18), "two processes");
}
