//! The two kinds of error document (protocol notes MQ HTTP 4).

use std::borrow::Cow;

use super::error_code::ErrorCode;
use super::read::{Document, Malformed, read_document};
use super::{elements, write};

/// An `Error`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorBody {
    /// The vendor's code.
    pub code: ErrorCode,
    /// The vendor's words.
    pub message: String,
    /// What the vendor's support asks for.
    pub request_id: Option<String>,
}

/// A receipt handle that was not taken; the others of its request were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AckError {
    /// The handle as it was given.
    pub handle: String,
    /// The vendor's code.
    pub code: ErrorCode,
    /// The vendor's words.
    pub message: String,
}

impl AckError {
    /// A handle that is none, or none any more, in the vendor's words.
    #[must_use]
    pub fn invalid_handle(handle: impl Into<String>) -> Self {
        Self {
            handle: handle.into(),
            code: ErrorCode::ReceiptHandleError,
            message: "The receipt handle you provide is not valid.".to_owned(),
        }
    }
}

/// Reads an `Error`, where the body is one and has a code.
#[must_use]
pub fn decode_error(body: &[u8]) -> Option<ErrorBody> {
    let children = read_document(body, |document, root| {
        if root != elements::ERROR {
            return Err(Malformed);
        }
        let children = children(document, [elements::CODE, elements::MESSAGE, elements::REQUEST_ID])?;
        document.close().map(|()| children)
    });
    let [code, message, request_id] = children.ok()?;
    let code = ErrorCode::parse(&code.filter(|code| !code.is_empty())?);
    let request_id = request_id.filter(|id| !id.is_empty()).map(Cow::into_owned);
    Some(ErrorBody { code, message: message.unwrap_or_default().into_owned(), request_id })
}

/// Reads `Errors`, where the body is that. An element without a handle makes it `None`: which handles were not taken is
/// not known then, and none may be counted as acknowledged.
#[must_use]
pub fn decode_ack_errors(body: &[u8]) -> Option<Vec<AckError>> {
    read_document(body, read_ack_errors).ok()
}

fn read_ack_errors(document: &mut Document<'_>, root: &str) -> Result<Vec<AckError>, Malformed> {
    if root != elements::ERRORS {
        return Err(Malformed);
    }
    let mut errors = Vec::new();
    while let Some(element) = document.child()? {
        if element != elements::ERROR {
            document.skip()?;
            continue;
        }
        let names = [elements::RECEIPT_HANDLE, elements::ERROR_CODE, elements::ERROR_MESSAGE];
        let [handle, code, message] = children(document, names)?;
        errors.push(AckError {
            handle: handle.filter(|handle| !handle.is_empty()).ok_or(Malformed)?.into_owned(),
            code: ErrorCode::parse(&code.unwrap_or_default()),
            message: message.unwrap_or_default().into_owned(),
        });
    }
    document.close()?;
    Ok(errors)
}

/// The body of the 404 that answers an acknowledgement with bad handles. Each `Error` has these three children and no
/// more: Python compares the set (protocol notes MQ HTTP 5, item 5).
#[must_use]
pub fn encode_ack_errors(errors: &[AckError]) -> String {
    let bytes = |error: &AckError| write::escaped_len(&error.handle) + error.message.len() + 224;
    let mut xml = write::begin(elements::ERRORS, errors.iter().map(bytes).sum());
    for error in errors {
        write::open(&mut xml, elements::ERROR);
        write::element(&mut xml, elements::ERROR_CODE, error.code.as_str().unwrap_or_default());
        write::element(&mut xml, elements::ERROR_MESSAGE, &write::legible(&error.message));
        write::element(&mut xml, elements::RECEIPT_HANDLE, &write::legible(&error.handle));
        write::close(&mut xml, elements::ERROR);
    }
    write::close(&mut xml, elements::ERRORS);
    xml
}

/// The texts of the open element's children of these names; the first of duplicates wins.
fn children<'a, const N: usize>(
    document: &mut Document<'a>,
    names: [&'static str; N],
) -> Result<[Option<Cow<'a, str>>; N], Malformed> {
    let mut found = [const { None }; N];
    while let Some(element) = document.child()? {
        match names.iter().zip(&mut found).find(|(name, _)| **name == element) {
            None => document.skip()?,
            Some((_, slot)) => {
                let text = document.text()?;
                *slot = slot.take().or(text);
            }
        }
    }
    Ok(found)
}
