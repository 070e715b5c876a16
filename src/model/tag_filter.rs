//! Which tags a consumer wants.

use super::{NameError, Tag};

/// Most tags that one filter names.
pub const MAX_FILTER_TAGS: usize = 32;

/// One or more tags; a message with any of them is wanted, one without a tag is not. RocketMQ writes it `TagA||TagB`;
/// `*` or nothing stands for every message and is no filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TagFilter(Box<[Tag]>);

impl TagFilter {
    /// A filter of these tags, each once; `None` for none at all, which wants every message.
    #[must_use]
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Option<Self> {
        let mut distinct: Vec<Tag> = Vec::new();
        for tag in tags {
            if !distinct.contains(&tag) {
                distinct.push(tag);
            }
        }
        (!distinct.is_empty()).then(|| Self(distinct.into()))
    }

    /// Reads `TagA||TagB`; blanks around a tag do not belong to it. `None` for `*` and for nothing.
    ///
    /// # Errors
    /// [`NameError`]: one of the tags is none, or there are too many.
    pub fn parse(expression: &str) -> Result<Option<Self>, NameError> {
        let expression = expression.trim();
        if expression.is_empty() || expression == "*" {
            return Ok(None);
        }
        let tags = expression.split("||").map(|tag| Tag::parse(tag.trim())).collect::<Result<Vec<_>, _>>()?;
        if tags.len() > MAX_FILTER_TAGS {
            return Err(NameError::Forbidden("more than 32 tags"));
        }
        Ok(Self::new(tags))
    }

    /// The tags, each once.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.0
    }

    /// Whether it wants the same messages, in whatever order they are named.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|tag| other.0.contains(tag))
    }

    /// `TagA||TagB`.
    #[must_use]
    pub fn expression(&self) -> String {
        self.0.iter().map(Tag::as_str).collect::<Vec<_>>().join("||")
    }

    /// Whether a message with this tag is wanted.
    #[must_use]
    pub fn wants(&self, tag: Option<&str>) -> bool {
        tag.is_some_and(|tag| self.0.iter().any(|wanted| wanted.as_str() == tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_and_what_they_want() {
        let filter = TagFilter::parse(" TagA || TagB||TagA").unwrap().unwrap();
        assert_eq!(filter.expression(), "TagA||TagB");
        assert!(filter.wants(Some("TagB")) && !filter.wants(Some("TagC")) && !filter.wants(None));
        let same = |other: &str| filter.is_same_as(&TagFilter::parse(other).unwrap().unwrap());
        assert!(same("TagB||TagA") && !same("TagA") && !same("TagA||TagC") && !same("TagA||TagB||TagC"));
        assert_eq!(TagFilter::parse("*"), Ok(None));
        assert_eq!(TagFilter::parse(""), Ok(None));
        for bad in ["a||", "||", "a|b", "a||b\nc"] {
            assert!(TagFilter::parse(bad).is_err(), "{bad:?}");
        }
    }
}
