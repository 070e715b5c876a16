//! "Did you mean": the nearest of the words that would have been right.

/// Longer than any word that is right.
const MOST_CHARACTERS: usize = 64;

/// The hint that names the nearest word, when one is near enough to be a slip of the fingers.
pub fn did_you_mean<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    near_word(written, known).map(|nearest| format!("did you mean `{nearest}`?"))
}

/// The nearest word, when one is near enough to be a slip of the fingers.
pub fn near_word<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // What is longer resembles nothing, and comparing takes time by the length.
    let written = plain(&written.chars().take(MOST_CHARACTERS).collect::<String>());
    let length = written.chars().count();
    let limit = (length / 3).clamp(1, 3);
    let alike = known.filter_map(|word| {
        let right = plain(word);
        let may_be_near = right.chars().count().abs_diff(length) <= limit;
        may_be_near.then(|| (distance(&written, &right), word))
    });
    let (distance, nearest) = alike.min()?;
    (distance <= limit).then_some(nearest)
}

/// The form in which words are compared: it makes no difference whether parts are joined by `-`, by `_` or by a capital.
pub fn plain(word: &str) -> String {
    word.to_lowercase().replace(['-', '_'], "")
}

/// Levenshtein: how many characters are put in, left out or exchanged.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, l) in left.chars().enumerate() {
        let mut before = index + 1;
        let mut next = vec![before];
        for ((r, above), diagonal) in right.chars().zip(row.iter().skip(1)).zip(&row) {
            before = (diagonal + usize::from(l != r)).min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let known = || ["listen", "workers", "keep_alive"].into_iter();
        assert_eq!(did_you_mean("lissten", known()).as_deref(), Some("did you mean `listen`?"));
        assert_eq!(did_you_mean("keep-alive", known()).as_deref(), Some("did you mean `keep_alive`?"));
        assert_eq!(did_you_mean("keepAlive", known()).as_deref(), Some("did you mean `keep_alive`?"));
        assert_eq!(did_you_mean("password", known()), None);
        assert_eq!(near_word(&"listen".repeat(100_000), known()), None);
        assert_eq!(
            did_you_mean("MQ_HTTP", ["ons-http", "mq-http"].into_iter()).as_deref(),
            Some("did you mean `mq-http`?")
        );
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
