//! Files of certificates.

use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::config::findings::Findings;
use crate::config::problem::reason;
use crate::config::regular_file::{MAX_FILE_BYTES, read_regular_file};
use crate::config::values::Flaw;

/// Reads the file of a private CA.
pub(super) fn check_certificates(key: &str, path: &Path, findings: &mut Findings) {
    let bytes = match read_regular_file(path, MAX_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(error) => {
            let flaw = Flaw::new(format!("file {} could not be read: {}", path.display(), reason(&error)));
            return findings.add(key, flaw);
        }
    };
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes).collect();
    if certificates.iter().any(Result::is_err) {
        findings.add(key, Flaw::new(format!("file {} is damaged: not all of it is PEM", path.display())));
    } else if certificates.is_empty() {
        let flaw = Flaw::new(format!("file {} holds no certificate", path.display()));
        findings.add(key, flaw.hint("it begins with -----BEGIN CERTIFICATE-----"));
    }
}
