//! Reads the Prometheus text format.

/// The samples of one scrape.
#[derive(Debug)]
pub struct Metrics(Vec<Sample>);

#[derive(Debug)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    #[track_caller]
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self(lines.map(|line| parse_sample(line).unwrap_or_else(|| panic!("metrics line {line:?}"))).collect())
    }

    /// The sum over all samples of this name that carry these labels; `None` where there is none.
    pub fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let wanted = |sample: &&Sample| {
            let has = |&(label, value): &(&str, &str)| sample.labels.iter().any(|(l, v)| l == label && v == value);
            sample.name == name && labels.iter().all(has)
        };
        let values: Vec<f64> = self.0.iter().filter(wanted).map(|sample| sample.value).collect();
        (!values.is_empty()).then(|| values.iter().sum())
    }

    /// The values that a label takes in samples of this name.
    pub fn values_of(&self, name: &str, label: &str) -> Vec<&str> {
        let samples = self.0.iter().filter(|sample| sample.name == name);
        samples.flat_map(|sample| &sample.labels).filter(|(l, _)| l == label).map(|(_, v)| v.as_str()).collect()
    }

    /// All names, each as often as it has samples.
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|sample| sample.name.as_str()).collect()
    }
}

fn parse_sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = match value {
        "+Inf" => f64::INFINITY,
        other => other.parse().ok()?,
    };
    let Some((name, rest)) = series.split_once('{') else {
        return Some(Sample { name: series.to_owned(), labels: Vec::new(), value });
    };
    let mut labels = Vec::new();
    let mut rest = rest.strip_suffix('}')?;
    while let Some((label, tail)) = rest.split_once("=\"") {
        let mut text = String::new();
        let mut characters = tail.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => text.push(match characters.next()?.1 {
                    'n' => '\n',
                    other => other,
                }),
                (_, other) => text.push(other),
            }
        };
        labels.push((label.to_owned(), text));
        rest = tail.get(end + 1..)?.trim_start_matches(',');
    }
    Some(Sample { name: name.to_owned(), labels, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_read() {
        let metrics = Metrics::parse(
            "# HELP a_total x\na_total{topic=\"q\\\"1\",result=\"ok\"} 3\na_total{topic=\"b\",result=\"ok\"} 4\nb 1.5\n",
        );
        assert_eq!(metrics.get("a_total", &[("result", "ok")]), Some(7.0));
        assert_eq!(metrics.get("a_total", &[("topic", "q\"1")]), Some(3.0));
        assert_eq!(metrics.get("a_total", &[("topic", "c")]), None);
        assert_eq!(metrics.get("b", &[]), Some(1.5));
        assert_eq!(metrics.values_of("a_total", "topic"), ["q\"1", "b"]);
    }
}
