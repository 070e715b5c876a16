//! A graph of uses, and the cycles in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What each node uses.
#[derive(Clone, Debug, Default)]
pub struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    pub fn add(&mut self, from: &str, to: &str) {
        self.0.entry(from.to_owned()).or_default().insert(to.to_owned());
    }

    pub fn remove(&mut self, from: &str, to: &str) {
        if let Some(used) = self.0.get_mut(from) {
            used.remove(to);
        }
    }

    pub fn has(&self, from: &str, to: &str) -> bool {
        self.0.get(from).is_some_and(|used| used.contains(to))
    }

    /// The nodes of the shortest path of at least one use, both ends included.
    pub fn shortest_path(&self, from: &str, to: &str) -> Option<Vec<&str>> {
        let mut users: BTreeMap<&str, &str> = BTreeMap::new();
        let (from, _) = self.0.get_key_value(from)?;
        let mut open = VecDeque::from([from.as_str()]);
        while let Some(node) = open.pop_front() {
            for used in self.0.get(node).into_iter().flatten() {
                if used == to {
                    let mut path = vec![used.as_str(), node];
                    while let Some(user) = path.last().and_then(|node| users.get(node)) {
                        path.push(user);
                    }
                    path.reverse();
                    return Some(path);
                }
                if used != from && !users.contains_key(used.as_str()) {
                    users.insert(used, node);
                    open.push_back(used);
                }
            }
        }
        None
    }

    /// The shortest cycle through each node that is on one, none of them twice: `a → b → a`.
    pub fn cycles(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let cycles = self.0.keys().filter_map(|node| self.shortest_path(node, node));
        let new = cycles.filter(|cycle| seen.insert(cycle.iter().copied().collect::<BTreeSet<_>>()));
        new.map(|cycle| cycle.join(" → ")).collect()
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Graph {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(uses: I) -> Self {
        let mut graph = Self::default();
        for (from, to) in uses {
            graph.add(from, to);
        }
        graph
    }
}

#[test]
fn cycles_are_found() {
    let graph = Graph::from_iter([("a", "b"), ("b", "c"), ("c", "d"), ("b", "d")]);
    assert!(graph.cycles().is_empty());
    assert_eq!(graph.shortest_path("a", "d"), Some(vec!["a", "b", "d"]));
    assert_eq!(graph.shortest_path("d", "a"), None);
    let mut graph = Graph::from_iter([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "c"), ("e", "a")]);
    assert_eq!(graph.cycles(), ["a → b → c → a", "c → d → c"]);
    graph.remove("c", "a");
    assert_eq!(graph.cycles(), ["c → d → c"]);
    graph.remove("d", "c");
    assert!(graph.cycles().is_empty());
    assert_eq!(Graph::from_iter([("a", "a")]).cycles(), ["a → a"]);
}
