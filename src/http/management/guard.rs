//! Who may use the operators' verbs: whoever has the token of `management.token_file`, and on loopback without such a file everybody.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};

use crate::change_report::ChangeReport;
use crate::config::{CredentialsError, load_secret};
use crate::http::problem::{Code, Problem};
use crate::signature::Secret;
use crate::tasks;

const SCHEME: &str = "bearer";

/// The guard of the operators' verbs. Clones share the token.
#[derive(Debug, Clone)]
pub struct OperatorGuard {
    loopback: bool,
    token: Option<TokenFile>,
}

/// A token that its file may change at any time.
#[derive(Debug, Clone)]
struct TokenFile {
    path: PathBuf,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug)]
struct Known {
    /// As it was read last.
    token: Secret,
    /// Whether the file can be read: anybody may ask, at any rate.
    report: ChangeReport,
}

impl OperatorGuard {
    /// For a listener that is on loopback, or is not; the token is read now, and again whenever somebody comes with one.
    ///
    /// # Errors
    /// The file cannot be read, or holds no token.
    pub fn new(loopback: bool, token_file: Option<&Path>) -> Result<Self, CredentialsError> {
        let read = |path: &Path| {
            let known = Known { token: load_secret(path)?, report: ChangeReport::beginning_with(true) };
            Ok(TokenFile { path: path.to_owned(), known: Arc::new(Mutex::new(known)) })
        };
        Ok(Self { loopback, token: token_file.map(read).transpose()? })
    }

    /// Whether nobody but this machine reaches the listener.
    pub(super) fn is_on_loopback(&self) -> bool {
        self.loopback
    }

    /// Lets a request for an operator's verb through.
    ///
    /// # Errors
    /// 403 with what is missing.
    pub(super) async fn check(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let refuse = |detail: &str| Err(Problem::new(Code::OperatorTokenRequired, detail));
        let Some(file) = &self.token else {
            if self.loopback {
                return Ok(());
            }
            return refuse(
                "the management listener is not on loopback, where operators' verbs need a token: set management.token_file \
                 (a file with it), and send Authorization: Bearer TOKEN",
            );
        };
        let Some(given) = bearer_token(headers) else {
            return refuse("send the token of management.token_file in one header: Authorization: Bearer TOKEN");
        };
        if file.current().await.is(given.as_bytes()) {
            Ok(())
        } else {
            refuse("the token is not the one in the gateway's management.token_file: send that one")
        }
    }
}

impl TokenFile {
    /// What the file says now; what it said last where it cannot be read, as somebody may be in the middle of writing it.
    async fn current(&self) -> Secret {
        let path = self.path.clone();
        let read = match tasks::spawn_blocking(move || load_secret(&path)) {
            Some(reading) => reading.await.ok(),
            None => None,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = known.report.is_due(matches!(read, Some(Ok(_))), Instant::now());
        match read {
            Some(Ok(read)) => {
                if is_news {
                    tracing::info!("management.token_file can be read again");
                }
                if !read.is(known.token.expose().as_bytes()) {
                    tracing::info!("the token of management.token_file changed");
                    known.token = read;
                }
            }
            Some(Err(error)) if is_news => tracing::warn!(%error, "management.token_file: the old token stays"),
            None if is_news => tracing::warn!("management.token_file could not be read: the old token stays"),
            Some(Err(_)) | None => {}
        }
        known.token.clone()
    }
}

/// The one token of the one `Authorization`.
fn bearer_token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION);
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case(SCHEME) && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use actix_web::http::header::HeaderValue;

    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[tokio::test]
    async fn without_a_file_only_loopback_is_open() {
        assert_eq!(OperatorGuard::new(true, None).unwrap().check(&headers(&[])).await, Ok(()));
        let guard = OperatorGuard::new(false, None).unwrap();
        for given in [&[][..], &["Bearer anything"]] {
            let problem = guard.check(&headers(given)).await.unwrap_err();
            assert_eq!(problem.status(), 403);
            assert!(problem.detail.contains("management.token_file"), "{}", problem.detail);
        }
    }

    #[tokio::test]
    async fn the_token_is_the_files_as_it_is_now() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        fs::write(&path, "t0ken-one\n").unwrap();
        for loopback in [true, false] {
            let guard = OperatorGuard::new(loopback, Some(&path)).unwrap();
            let check = async |values: &[&str]| guard.check(&headers(values)).await.is_ok();
            assert!(check(&["Bearer t0ken-one"]).await);
            assert!(check(&["bearer  t0ken-one "]).await, "the scheme in any case");
            for wrong in [
                &[][..],
                &["t0ken-one"],
                &["Bearer"],
                &["Bearer "],
                &["Basic t0ken-one"],
                &["Bearer t0ken-on"],
                &["Bearer t0ken-one1"],
                &["Bearer t0ken-one", "Bearer t0ken-one"],
            ] {
                assert!(!check(wrong).await, "{wrong:?}");
            }
            fs::write(&path, "t0ken-two").unwrap();
            assert!(check(&["Bearer t0ken-two"]).await && !check(&["Bearer t0ken-one"]).await);
            // Half written, or gone: the last good one stays.
            for broken in [Some(""), Some("two\nlines"), None] {
                match broken {
                    Some(text) => fs::write(&path, text).unwrap(),
                    None => fs::remove_file(&path).unwrap(),
                }
                assert!(check(&["Bearer t0ken-two"]).await && !check(&["Bearer two"]).await, "{broken:?}");
            }
            fs::write(&path, "t0ken-one\n").unwrap();
        }
    }

    #[test]
    fn a_file_without_a_token_is_told_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let error = OperatorGuard::new(true, Some(&directory.path().join("none"))).unwrap_err();
        assert!(error.to_string().contains("none could not be read"), "{error}");
    }
}
