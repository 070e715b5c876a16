//! Lists and objects in JSON that are counted whole, while only their first elements are kept: what somebody sends takes no more memory
//! than is wanted of it.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedList<T, const MOST: usize> {
    /// Its first elements, `MOST` at most.
    pub first: Vec<T>,
    /// How many it has.
    pub count: usize,
}

/// An object, in the order of its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedMap<K, V, const MOST: usize> {
    /// Its first members, `MOST` at most.
    pub first: Vec<(K, V)>,
    /// How many it has.
    pub count: usize,
}

impl<T, const MOST: usize> From<Vec<T>> for CountedList<T, MOST> {
    /// All of a list that its reader has kept short.
    fn from(first: Vec<T>) -> Self {
        Self { count: first.len(), first }
    }
}

impl<K, V, const MOST: usize> From<Vec<(K, V)>> for CountedMap<K, V, MOST> {
    /// All of an object that its reader has kept short.
    fn from(first: Vec<(K, V)>) -> Self {
        Self { count: first.len(), first }
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for CountedList<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(Counter::<Self>(PhantomData))
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>, const MOST: usize> Deserialize<'de> for CountedMap<K, V, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Counter::<Self>(PhantomData))
    }
}

struct Counter<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Counter<CountedList<T, MOST>> {
    type Value = CountedList<T, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < MOST {
            let Some(element) = list.next_element()? else { return Ok(first.into()) };
            first.push(element);
        }
        let mut count = first.len();
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(CountedList { first, count })
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>, const MOST: usize> Visitor<'de>
    for Counter<CountedMap<K, V, MOST>>
{
    type Value = CountedMap<K, V, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut first = Vec::new();
        while first.len() < MOST {
            let Some(member) = map.next_entry()? else { return Ok(first.into()) };
            first.push(member);
        }
        let mut count = first.len();
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(CountedMap { first, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_kept_and_all_are_counted() {
        let list = |json: &str| serde_json::from_str::<CountedList<u8, 2>>(json).ok().map(|it| (it.first, it.count));
        assert_eq!(list("[]"), Some((vec![], 0)));
        assert_eq!(list("[1,2]"), Some((vec![1, 2], 2)));
        assert_eq!(list("[1,2,3,4]"), Some((vec![1, 2], 4)));
        assert_eq!((list("[1,x]"), list("[1,2,3"), list("{}"), list("[1,\"\"]")), (None, None, None, None));
        let map = |json: &str| {
            let map: Option<CountedMap<String, u8, 2>> = serde_json::from_str(json).ok();
            map.map(|it| {
                (it.first.into_iter().map(|(name, value)| format!("{name}{value}")).collect::<String>(), it.count)
            })
        };
        assert_eq!(map("{}"), Some((String::new(), 0)));
        assert_eq!(map(r#"{"b":1,"a":2,"a":3}"#), Some(("b1a2".to_owned(), 3)));
        assert_eq!((map(r#"{"b":1,"a":2,"a"}"#), map(r#"{"a":""}"#), map("[]")), (None, None, None));
    }
}
