//! Routes that take no parameters.

use actix_web::HttpRequest;

use super::problem::{FieldError, Problem};
use super::shown::shown_name;

/// Refuses query parameters on a route that has none.
///
/// # Errors
/// 422, naming the first.
pub(super) fn no_query(request: &HttpRequest) -> Result<(), Problem> {
    match request.uri().query() {
        None | Some("") => Ok(()),
        Some(query) => {
            let name = shown_name(query.split(['=', '&']).next().unwrap_or_default());
            Err(Problem::invalid(vec![FieldError::parameter(name, "is unknown: this route takes no parameters")]))
        }
    }
}
