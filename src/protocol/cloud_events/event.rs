//! One event.

use std::borrow::Cow;

use super::attribute::{
    DATACONTENTTYPE, ID, REQUIRED, SOURCE, SPECVERSION, SUBJECT, TIME, TYPE, Value, is_context, legal_text, name_flaw,
    rank, value_flaw,
};
use super::{Data, EventFlaw, time};

/// An event: its attributes are legal, and the required ones are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event<'a> {
    /// In the order in which they are written, `specversion` apart.
    attributes: Vec<(Cow<'a, str>, Value<'a>)>,
    /// What it carries.
    pub data: Data<'a>,
}

impl<'a> Event<'a> {
    /// The event with these attributes, of which each is there once.
    ///
    /// # Errors
    /// Every flaw.
    pub fn new(mut attributes: Vec<(Cow<'a, str>, Value<'a>)>, data: Data<'a>) -> Result<Self, Vec<EventFlaw>> {
        let mut flaws = Vec::new();
        for required in REQUIRED {
            if !attributes.iter().any(|(name, _)| name == required) {
                flaws.push(EventFlaw::attribute(required, "is required: send it"));
            }
        }
        for (name, value) in &attributes {
            if let Some(rule) = name_flaw(name).or_else(|| value_flaw(name, value)) {
                flaws.push(EventFlaw::attribute(name, rule));
            }
        }
        if !flaws.is_empty() {
            return Err(flaws);
        }
        attributes.retain(|(name, _)| name != SPECVERSION);
        attributes.sort_by_key(|(name, _)| rank(name));
        for (_, value) in attributes.iter_mut().filter(|(name, _)| name == TIME) {
            if let Some(canonical) = value.as_text().and_then(time::canonical).map(Cow::into_owned) {
                *value = Value::Text(canonical.into());
            }
        }
        Ok(Self { attributes, data })
    }

    /// An event of our own making. Its texts may be anybody's: what a string cannot hold is replaced.
    pub(super) fn made(id: &'a str, source: &'a str, event_type: &'a str, data: Data<'a>) -> Self {
        let mut event = Self { attributes: Vec::new(), data };
        for (name, text) in [(ID, id), (SOURCE, source), (TYPE, event_type)] {
            event.set(name, Value::Text(legal_text(text)));
        }
        event
    }

    /// Its attributes but for `specversion`, in the order in which they are written.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        self.attributes.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// One attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value)
    }

    /// One attribute that is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_text)
    }

    /// What tells it from all others of its source.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text(ID).unwrap_or_default()
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        self.text(SOURCE).unwrap_or_default()
    }

    /// What kind it is.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.text(TYPE).unwrap_or_default()
    }

    /// What it is about.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.text(SUBJECT)
    }

    /// The type of its data.
    #[must_use]
    pub fn data_content_type(&self) -> Option<&str> {
        self.text(DATACONTENTTYPE)
    }

    /// Sets an attribute, in the place of one that there is. The name is legal.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: Value<'a>) {
        let name = name.into();
        match self.attributes.iter_mut().find(|(found, _)| *found == name) {
            Some((_, found)) => *found = value,
            None => {
                self.attributes.push((name, value));
                self.attributes.sort_by_key(|(name, _)| rank(name));
            }
        }
    }

    /// Sets an extension to anybody's text: what a string cannot hold is replaced.
    pub fn set_text(&mut self, name: &'static str, text: &'a str) {
        self.set(name, Value::Text(legal_text(text)));
    }

    /// Takes attributes out.
    pub fn remove(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.attributes.retain(|(name, _)| is_context(name) || !is_gone(name));
    }

    /// JSON data in another spelling.
    #[must_use]
    pub fn respelled(mut self, spell: impl for<'b> Fn(&'b str) -> Cow<'b, str>) -> Self {
        if let Data::Json(text) = &mut self.data {
            let spelled = match spell(text) {
                Cow::Borrowed(_) => None,
                Cow::Owned(spelled) => Some(spelled),
            };
            if let Some(spelled) = spelled {
                *text = spelled.into();
            }
        }
        self
    }
}
