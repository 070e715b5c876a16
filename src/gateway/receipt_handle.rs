//! Our receipt handles: `v2.` and base64url of numbered fields and a checksum.
//!
//! A field is its number, a big-endian u16 length and its bytes: 1 topic, 2 group, 3 message id, 4 the MQ's handle, 5 when the
//! delivery is visible again, in milliseconds since 1970 as a big-endian number. Unknown numbers are skipped, so that replicas of the
//! next version and this one take each other's handles. The checksum is the CRC-32 of all that, big-endian. It finds damage and
//! mix-ups, not forgery: there is no key, so that any replica takes any handle.
//!
//! `v1.` has the first four fields, without numbers, and the first eight bytes of the SHA-1.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha1::{Digest as _, Sha1};

use super::{GatewayError, GroupRoute};
use crate::model::{ConsumerGroup, MessageId, Topic, UnixMillis, UpstreamHandle};

/// Longest handle in bytes.
pub(super) const MAX_BYTES: usize = 1024;
const PREFIX: &str = "v2.";
const FIRST_PREFIX: &str = "v1.";
const CHECKSUM: usize = 4;
const FIRST_CHECKSUM: usize = 8;
const TOPIC: u8 = 1;
const GROUP: u8 = 2;
const MESSAGE_ID: u8 = 3;
const HANDLE: u8 = 4;
const VISIBLE_AGAIN_AT: u8 = 5;

/// What a caller acknowledges with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptHandle(String);

/// What is in a handle of the right topic and group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) message_id: MessageId,
    pub(super) handle: UpstreamHandle,
    /// When others get the delivery; handles of the first version do not say.
    pub(super) visible_again_at: Option<UnixMillis>,
}

/// What is in any handle.
#[derive(Debug, Default)]
struct Fields<'a> {
    topic: &'a [u8],
    group: &'a [u8],
    message_id: &'a [u8],
    handle: &'a [u8],
    visible_again_at: Option<UnixMillis>,
}

impl ReceiptHandle {
    /// The handle of a delivery; `None` when the MQ's own handle is too long for one.
    pub(super) fn seal(
        route: &GroupRoute,
        message_id: &MessageId,
        handle: &UpstreamHandle,
        visible_again_at: UnixMillis,
    ) -> Option<Self> {
        Self::seal_for((&route.topic.topic, &route.group), message_id, handle, visible_again_at)
    }

    /// The same by the names of topic and group.
    pub(super) fn seal_for(
        (topic, group): (&Topic, &ConsumerGroup),
        message_id: &MessageId,
        handle: &UpstreamHandle,
        visible_again_at: UnixMillis,
    ) -> Option<Self> {
        let mut bytes = Vec::with_capacity(256);
        for (number, field) in [
            (TOPIC, topic.as_str().as_bytes()),
            (GROUP, group.as_str().as_bytes()),
            (MESSAGE_ID, message_id.as_str().as_bytes()),
            (HANDLE, handle.as_str().as_bytes()),
            (VISIBLE_AGAIN_AT, &visible_again_at.0.to_be_bytes()),
        ] {
            bytes.push(number);
            bytes.extend_from_slice(&u16::try_from(field.len()).ok()?.to_be_bytes());
            bytes.extend_from_slice(field);
        }
        let checksum = crc32fast::hash(&bytes).to_be_bytes();
        bytes.extend_from_slice(&checksum);
        let mut text = String::with_capacity(bytes.len() * 4 / 3 + PREFIX.len() + 3);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(&bytes, &mut text);
        (text.len() <= MAX_BYTES).then_some(Self(text))
    }

    /// Any text as a handle.
    #[cfg(test)]
    pub(crate) fn for_tests(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text that callers send back.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message and the upstream's handle inside, if the receipt handle is whole and of this topic and group.
    ///
    /// # Errors
    /// [`GatewayError::InvalidReceiptHandle`] or [`GatewayError::ForeignReceiptHandle`].
    pub(super) fn open(text: &str, route: &GroupRoute) -> Result<Opened, GatewayError> {
        Self::open_for(text, (&route.topic.topic, &route.group))
    }

    /// The same by the names of topic and group.
    pub(super) fn open_for(text: &str, (topic, group): (&Topic, &ConsumerGroup)) -> Result<Opened, GatewayError> {
        let content = content(text).ok_or(GatewayError::InvalidReceiptHandle)?;
        let fields = match &content {
            Content::Numbered(bytes) => numbered(bytes),
            Content::First(bytes) => first(bytes),
        };
        let fields = fields.ok_or(GatewayError::InvalidReceiptHandle)?;
        if fields.topic != topic.as_str().as_bytes() || fields.group != group.as_str().as_bytes() {
            return Err(GatewayError::ForeignReceiptHandle);
        }
        fields.into_opened().ok_or(GatewayError::InvalidReceiptHandle)
    }
}

impl Fields<'_> {
    fn into_opened(self) -> Option<Opened> {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        Some(Opened {
            message_id: MessageId::parse(text(self.message_id)?).ok()?,
            handle: UpstreamHandle::parse(text(self.handle)?).ok()?,
            visible_again_at: self.visible_again_at,
        })
    }
}

/// The bytes of a whole handle, without the checksum.
enum Content {
    Numbered(Vec<u8>),
    First(Vec<u8>),
}

fn content(text: &str) -> Option<Content> {
    if text.len() > MAX_BYTES {
        return None;
    }
    if let Some(encoded) = text.strip_prefix(PREFIX) {
        return whole(encoded, CHECKSUM, |content| crc32fast::hash(content).to_be_bytes()).map(Content::Numbered);
    }
    let first_bytes =
        |content: &[u8]| Sha1::digest(content).first_chunk::<FIRST_CHECKSUM>().copied().unwrap_or_default();
    whole(text.strip_prefix(FIRST_PREFIX)?, FIRST_CHECKSUM, first_bytes).map(Content::First)
}

/// What stands before the checksum, where that is right.
fn whole<T: AsRef<[u8]>>(encoded: &str, length: usize, checksum: impl Fn(&[u8]) -> T) -> Option<Vec<u8>> {
    let mut bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let (content, found) = bytes.split_at_checked(bytes.len().checked_sub(length)?)?;
    if checksum(content).as_ref() != found {
        return None;
    }
    bytes.truncate(content.len());
    Some(bytes)
}

/// A length and so many bytes.
fn counted<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let (bytes, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(bytes)
}

fn numbered(mut rest: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields::default();
    while let Some((number, after)) = rest.split_first() {
        rest = after;
        let bytes = counted(&mut rest)?;
        match *number {
            TOPIC => fields.topic = bytes,
            GROUP => fields.group = bytes,
            MESSAGE_ID => fields.message_id = bytes,
            HANDLE => fields.handle = bytes,
            VISIBLE_AGAIN_AT => {
                fields.visible_again_at = Some(UnixMillis(u64::from_be_bytes(bytes.try_into().ok()?)));
            }
            _ => {}
        }
    }
    Some(fields)
}

fn first(mut rest: &[u8]) -> Option<Fields<'_>> {
    let mut field = || counted(&mut rest);
    let fields =
        Fields { topic: field()?, group: field()?, message_id: field()?, handle: field()?, visible_again_at: None };
    rest.is_empty().then_some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::tests::route;

    /// Both made with Python's `zlib`, `hashlib`, `struct` and `base64` from the text above.
    const SEALED: &str = "v2.AQAGb3JkZXJzAgAHYmlsbGluZwMABGlkLTEEAAZoYW5kbGUFAAgAAAGLz-VoAP5L2dc";
    const OF_THE_FIRST_VERSION: &str = "v1.AAZvcmRlcnMAB2JpbGxpbmcABGlkLTEABmhhbmRsZT8-efhkqIga";

    fn seal(handle: &str, visible_again_at: u64) -> Option<ReceiptHandle> {
        let (id, handle) = (MessageId::parse("id-1").unwrap(), UpstreamHandle::parse(handle).unwrap());
        ReceiptHandle::seal(&route("orders", "billing"), &id, &handle, UnixMillis(visible_again_at))
    }

    #[test]
    fn a_handle_is_what_the_format_says() {
        let sealed = seal("handle", 1_700_000_000_000).unwrap();
        assert_eq!(sealed.as_str(), SEALED);
        let opened = |visible_again_at| Opened {
            message_id: MessageId::parse("id-1").unwrap(),
            handle: UpstreamHandle::parse("handle").unwrap(),
            visible_again_at,
        };
        let open = |text: &str, topic: &str, group: &str| ReceiptHandle::open(text, &route(topic, group));
        assert_eq!(open(SEALED, "orders", "billing"), Ok(opened(Some(UnixMillis(1_700_000_000_000)))));
        assert_eq!(open(OF_THE_FIRST_VERSION, "orders", "billing"), Ok(opened(None)));
        for text in [SEALED, OF_THE_FIRST_VERSION] {
            assert_eq!(open(text, "refunds", "billing"), Err(GatewayError::ForeignReceiptHandle));
            assert_eq!(open(text, "orders", "audit"), Err(GatewayError::ForeignReceiptHandle));
            assert_eq!(open(&format!("{text}A"), "orders", "billing"), Err(GatewayError::InvalidReceiptHandle));
        }
        assert_eq!(open("", "orders", "billing"), Err(GatewayError::InvalidReceiptHandle));
    }

    /// 44 bytes besides the MQ's own make 765 in all, whose base64url has 1,020 characters; one more would have 1,022.
    #[test]
    fn a_handle_has_a_thousand_and_twenty_four_bytes_at_most() {
        let sealed = seal(&"h".repeat(721), 7).unwrap();
        assert_eq!(sealed.as_str().len(), 1023);
        let opened = ReceiptHandle::open(sealed.as_str(), &route("orders", "billing")).unwrap();
        assert_eq!(opened.handle.as_str().len(), 721);
        assert_eq!(seal(&"h".repeat(722), 7), None);
        let first = |length| wrap("v1.", &[field(b"a"), field(b"b"), field(b"c"), field(&vec![b'h'; length])].concat());
        assert_eq!((first(746).len(), read(&first(746)).is_some()), (1023, true));
        assert_eq!((first(747).len(), read(&first(747)).is_some()), (1025, false));
    }

    fn wrap(prefix: &str, content: &[u8]) -> String {
        let mut bytes = content.to_vec();
        if prefix == "v1." {
            bytes.extend_from_slice(&Sha1::digest(content)[..8]);
        } else {
            bytes.extend_from_slice(&crc32fast::hash(content).to_be_bytes());
        }
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    fn field(bytes: &[u8]) -> Vec<u8> {
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
    }

    fn read(text: &str) -> Option<(Vec<u8>, Option<Opened>)> {
        let (Content::Numbered(bytes) | Content::First(bytes)) = content(text)?;
        let fields = if text.starts_with(PREFIX) { numbered(&bytes) } else { first(&bytes) }?;
        Some((fields.topic.to_vec(), fields.into_opened()))
    }

    /// Handles that callers hold while a new version is rolled out, either way.
    #[test]
    fn handles_of_the_version_before_and_of_the_next_are_taken() {
        let names = [b"orders".as_slice(), b"billing", b"id-1", b"handle"];
        let opened = |visible_again_at| Opened {
            message_id: MessageId::parse("id-1").unwrap(),
            handle: UpstreamHandle::parse("handle").unwrap(),
            visible_again_at,
        };
        let old: Vec<u8> = names.iter().flat_map(|name| field(name)).collect();
        assert_eq!(read(&wrap("v1.", &old)), Some((b"orders".to_vec(), Some(opened(None)))));
        let mut new: Vec<u8> =
            (1..).zip(names).flat_map(|(number, name)| [vec![number], field(name)].concat()).collect();
        assert_eq!(read(&wrap("v2.", &new)), Some((b"orders".to_vec(), Some(opened(None)))));
        new.extend([vec![9], field(b"of a later version"), vec![5], field(&7_u64.to_be_bytes())].concat());
        assert_eq!(read(&wrap("v2.", &new)), Some((b"orders".to_vec(), Some(opened(Some(UnixMillis(7)))))));
        // Cut, a field too short, another version, damaged.
        assert_eq!(read(&wrap("v2.", &new[..new.len() - 1])), None);
        assert_eq!(read(&wrap("v2.", &[vec![5], field(b"x")].concat())), None);
        assert_eq!(read(&wrap("v1.", &[&old[..], &[0]].concat())), None);
        assert_eq!(read(&wrap("v3.", &new)), None);
        assert_eq!(read(&wrap("v1.", &new)), None);
        let mut damaged = wrap("v2.", &new).into_bytes();
        damaged[10] ^= 1;
        assert_eq!(read(std::str::from_utf8(&damaged).unwrap()), None);
    }
}
