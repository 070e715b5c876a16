//! One profile, step by step.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::findings::{of_results, of_the_rest};
use super::http_protocol::HttpProtocol;
use super::network::{self, NetworkError};
use super::probe_result::any_accepted;
use super::prober::Prober;
use super::report::{Check, Finding, Verdict};
#[cfg(feature = "rocketmq")]
use super::rocketmq;
use super::{advice, clock_check, probes};
use crate::app::CredentialsError;
use crate::cli::profile_access;
use crate::clock::Clock;
use crate::config::{Config, Endpoint, ProfileConfig, ProtocolConfig};
#[cfg(feature = "rocketmq")]
use crate::outbound::http2_client_config;
use crate::outbound::{EndpointAddress, TlsError, TlsRoots, client_config};
#[cfg(feature = "rocketmq")]
use crate::signature::Credentials;
use crate::signature::Pair;

/// All steps together. Their own limits add up to less; this one is for the unforeseen.
const LIMIT: Duration = Duration::from_secs(19);

/// Checks that come after the configuration, in order.
const CHECKS: [Check; 8] = [
    Check::CredentialsFiles,
    Check::Dns,
    Check::Connect,
    Check::Tls,
    Check::ClockSkew,
    Check::Credentials,
    Check::Topic,
    Check::Group,
];

/// Every check from `first` on, skipped for the same reason.
pub(super) fn skipped_from(first: Check, reason: &str) -> Vec<Finding> {
    let rest = CHECKS.iter().skip_while(|check| **check != first);
    rest.map(|check| Finding::new(*check, Verdict::Skipped, reason)).collect()
}

/// Checks one profile.
pub(super) async fn check_profile(config: &Config, profile: &ProfileConfig, clock: &Clock) -> Vec<Finding> {
    let mut findings = Vec::new();
    if timeout(LIMIT, steps(config, profile, clock, &mut findings)).await.is_err() {
        let done = findings.last().map(|finding| finding.check);
        let next = CHECKS.iter().skip_while(|check| Some(**check) != done).nth(1).copied();
        let check = next.unwrap_or(Check::CredentialsFiles);
        let detail = format!("not done within {} s", LIMIT.as_secs());
        findings
            .push(Finding::new(check, Verdict::Failed, detail).advise("run it again on a machine that is less busy"));
    }
    findings
}

/// An endpoint, with what the steps so far found out.
struct EndpointUnderTest {
    endpoint: EndpointAddress,
    addresses: Vec<SocketAddr>,
    socket: Option<TcpStream>,
}

async fn steps(config: &Config, profile: &ProfileConfig, clock: &Clock, findings: &mut Vec<Finding>) {
    let credentials = profile_access::credentials(config, profile);
    findings.push(match &credentials {
        Err(CredentialsError::Nowhere) => {
            Finding::new(Check::CredentialsFiles, Verdict::Ok, "the profile names none: requests are not signed")
        }
        Ok(_) => {
            let place = profile_access::credentials_place(config, profile);
            Finding::new(Check::CredentialsFiles, Verdict::Ok, place)
        }
        Err(error) => {
            Finding::new(Check::CredentialsFiles, Verdict::Failed, error.to_string()).advise(advice::key_files(error))
        }
    });
    let endpoints = match profile_access::endpoints(config, profile) {
        Ok(endpoints) => endpoints,
        Err(reason) => return findings.extend(skipped_from(Check::Dns, &reason)),
    };
    let roots = profile.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
    let tls = tls_config(profile, &roots).map_err(|error| error.to_string());

    let tested = look_up(endpoints, findings).await;
    if tested.is_empty() {
        return findings.extend(skipped_from(Check::Connect, "there is no address"));
    }
    let mut tested = connect(tested, profile, findings).await;
    if tested.is_empty() {
        return findings.extend(skipped_from(Check::Tls, "there is no connection"));
    }
    let tls = match tls {
        Ok(tls) => tls,
        Err(reason) => {
            let finding = Finding::new(Check::Tls, Verdict::Failed, reason);
            findings.push(finding.advise("correct `ca_file` of the profile: PEM, with the private CA's certificates"));
            return findings.extend(skipped_from(Check::ClockSkew, "TLS could not be set up"));
        }
    };
    tested = tls_handshake(tested, &tls, findings).await;
    let first = tested.into_iter().next().and_then(|it| Some((it.endpoint.origin().ok()?, it)));
    let Some((origin, EndpointUnderTest { addresses, .. })) = first else {
        return findings.extend(skipped_from(Check::ClockSkew, "there is no safe connection"));
    };
    let no_keys = "there are no keys to sign a request with";
    let Some(address) = addresses.first().copied() else {
        return findings.extend(skipped_from(Check::ClockSkew, "there is no address"));
    };
    let Some(protocol) = HttpProtocol::of(profile.protocol.kind()) else {
        #[cfg(feature = "rocketmq")]
        if let Ok(credentials) = unsigned_or(&credentials) {
            let place = (&origin.address, address, &tls);
            let found = rocketmq::check(config, profile, place, credentials, clock).await;
            return findings.extend(found.unwrap_or_else(|reason| skipped_from(Check::ClockSkew, &reason)));
        }
        return findings.extend(skipped_from(Check::ClockSkew, no_keys));
    };
    let Ok(credentials) = &credentials else {
        return findings.extend(skipped_from(Check::ClockSkew, no_keys));
    };
    let plan = probes::plan(config, profile, protocol);
    let (instance, producer_group) = match &profile.protocol {
        ProtocolConfig::OnsHttp(own) => (None, Some(own.producer_group.as_str())),
        ProtocolConfig::MqHttp(own) => (own.instance_id.as_deref(), None),
        ProtocolConfig::RocketMq(_) => (None, None),
    };
    let prober =
        Prober { origin, address, tls, protocol, instance, pair: Pair::new(credentials), clock: clock.clone() };
    let (results, offset) = prober.run(&plan.probes).await;
    findings.push(clock_check::check(offset, any_accepted(&results), protocol));
    findings.extend(of_results(&results, offset, &plan.target));
    findings.extend(of_the_rest(&plan, producer_group));
}

/// As the gateway's own connections have it: a server may refuse one that speaks another HTTP.
fn tls_config(profile: &ProfileConfig, roots: &TlsRoots) -> Result<Arc<ClientConfig>, TlsError> {
    match &profile.protocol {
        #[cfg(feature = "rocketmq")]
        ProtocolConfig::RocketMq(_) => http2_client_config(roots),
        #[cfg(not(feature = "rocketmq"))]
        ProtocolConfig::RocketMq(_) => client_config(roots),
        ProtocolConfig::OnsHttp(_) | ProtocolConfig::MqHttp(_) => client_config(roots),
    }
}

/// The keys, or that the profile does without.
#[cfg(feature = "rocketmq")]
fn unsigned_or(credentials: &Result<Credentials, CredentialsError>) -> Result<Option<&Credentials>, &CredentialsError> {
    match credentials {
        Ok(credentials) => Ok(Some(credentials)),
        Err(CredentialsError::Nowhere) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn look_up(endpoints: Vec<EndpointAddress>, findings: &mut Vec<Finding>) -> Vec<EndpointUnderTest> {
    let results = join_all(endpoints.iter().map(network::look_up)).await;
    let mut step = Step::default();
    let mut tested = Vec::new();
    for (endpoint, result) in endpoints.into_iter().zip(results) {
        match result {
            Ok(addresses) => {
                let shown: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
                let same = shown.iter().all(|ip| *ip == endpoint.host);
                step.good(if same {
                    format!("{} is an address", endpoint.host)
                } else {
                    format!("{} is {}", endpoint.host, shown.join(", "))
                });
                tested.push(EndpointUnderTest { endpoint, addresses, socket: None });
            }
            Err(error) => step.bad(&endpoint.host, error),
        }
    }
    findings.push(step.finding(Check::Dns));
    tested
}

async fn connect(
    tested: Vec<EndpointUnderTest>,
    profile: &ProfileConfig,
    findings: &mut Vec<Finding>,
) -> Vec<EndpointUnderTest> {
    let tried = tested.iter().map(|it| network::connect(&it.addresses, profile.connect_timeout));
    let results = join_all(tried).await;
    let mut step = Step::default();
    let mut connected = Vec::new();
    for (it, result) in tested.into_iter().zip(results) {
        let url = profile_access::url(&it.endpoint);
        match result {
            Ok((address, socket)) => {
                step.good(format!("{url} answers at {address}"));
                connected.push(EndpointUnderTest { addresses: vec![address], socket: Some(socket), ..it });
            }
            Err(error) if profile.endpoints.contains(&Endpoint::Embedded) => {
                let advice = "start it: `mq-gateway` runs it beside itself, `mq-gateway embedded-mq` alone";
                step.bad(&format!("the embedded endpoint is not running at {url}"), NetworkError { advice, ..error });
            }
            Err(error) => step.bad(&url, error),
        }
    }
    findings.push(step.finding(Check::Connect));
    connected
}

async fn tls_handshake(
    tested: Vec<EndpointUnderTest>,
    tls: &Arc<ClientConfig>,
    findings: &mut Vec<Finding>,
) -> Vec<EndpointUnderTest> {
    if tested.iter().all(|it| !it.endpoint.tls) {
        let detail = "the endpoint is http://: nothing is encrypted on the way";
        findings.push(Finding::new(Check::Tls, Verdict::Skipped, detail));
        return tested;
    }
    let handshakes = tested.into_iter().map(|mut it| async move {
        let socket = it.socket.take().filter(|_| it.endpoint.tls);
        let result = match socket {
            Some(socket) => Some(network::tls_handshake(&it.endpoint.host, socket, tls).await),
            None => None,
        };
        (it, result)
    });
    let mut step = Step::default();
    let mut safe = Vec::new();
    for (it, result) in join_all(handshakes).await {
        let url = profile_access::url(&it.endpoint);
        match result {
            None => step.good(format!("{url} is not encrypted")),
            Some(Ok(version)) => step.good(format!("{version} with {url}, certificate verified")),
            Some(Err(error)) => {
                step.bad(&url, error);
                continue;
            }
        }
        safe.push(it);
    }
    findings.push(step.finding(Check::Tls));
    safe
}

/// What came of one step at every endpoint.
#[derive(Default)]
struct Step {
    good: Vec<String>,
    bad: Vec<String>,
    advice: Option<&'static str>,
}

impl Step {
    fn good(&mut self, detail: String) {
        self.good.push(detail);
    }

    fn bad(&mut self, place: &str, error: NetworkError) {
        self.bad.push(format!("{place}: {}", error.reason));
        self.advice.get_or_insert(error.advice);
    }

    /// Failed when no endpoint is left, a warning when some are.
    fn finding(self, check: Check) -> Finding {
        let verdict = match (self.good.is_empty(), self.bad.is_empty()) {
            (_, true) => Verdict::Ok,
            (false, false) => Verdict::Warning,
            (true, false) => Verdict::Failed,
        };
        let detail: Vec<String> = self.bad.into_iter().chain(self.good).collect();
        let finding = Finding::new(check, verdict, detail.join("; "));
        match self.advice {
            Some(advice) => finding.advise(advice),
            None => finding,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_of_two_is_a_warning() {
        let error = || NetworkError { reason: "refused".into(), advice: "start it" };
        let mut step = Step::default();
        step.bad("a", error());
        step.good("b answers".into());
        let finding = step.finding(Check::Connect);
        assert_eq!((finding.verdict, finding.detail.as_str()), (Verdict::Warning, "a: refused; b answers"));
        assert_eq!(finding.advice.as_deref(), Some("start it"));
        let mut step = Step::default();
        step.bad("a", error());
        assert_eq!(step.finding(Check::Connect).verdict, Verdict::Failed);
    }

    #[test]
    fn every_later_check_is_skipped_with_the_reason() {
        let skipped = skipped_from(Check::Credentials, "no keys");
        let checks: Vec<Check> = skipped.iter().map(|finding| finding.check).collect();
        assert_eq!(checks, [Check::Credentials, Check::Topic, Check::Group]);
        assert!(skipped.iter().all(|it| it.verdict == Verdict::Skipped && it.detail == "no keys"));
    }
}
