//! The three listeners beside each other.

use std::net::SocketAddr;

use crate::config::findings::Findings;
use crate::config::settings::Config;
use crate::config::values::Flaw;

/// Two listeners must not want one address.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    let mut listeners = vec![("server.listen", config.server.listen), ("management.listen", config.management.listen)];
    if config.embedded.enabled {
        listeners.push(("embedded.listen", config.embedded.listen));
    }
    for (index, (key, address)) in listeners.iter().enumerate() {
        if let Some((other, _)) = listeners.iter().take(index).find(|(_, other)| collide(*address, *other)) {
            findings.add(key, Flaw::new(format!("is the address of `{other}`, too")).hint("choose another port"));
        }
    }
}

fn collide(left: SocketAddr, right: SocketAddr) -> bool {
    let same_host = left.ip() == right.ip() || left.ip().is_unspecified() || right.ip().is_unspecified();
    left.port() == right.port() && left.port() != 0 && same_host
}
