//! One profile, step by step.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::asking::Interview;
use super::questions::questions;
use super::reach::{self, Trouble};
use super::report::{Check, Finding, Verdict};
use super::{clocks, judgement};
use crate::cli::profile_access;
use crate::clock::Clock;
use crate::config::{Config, Endpoint, ProfileConfig};
use crate::outbound::{EndpointAddress, TlsRoots, client_config};
use crate::upstream::Keys;

/// All steps together. Their own limits add up to less; this is for what nobody thought of.
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
pub(super) async fn examine(config: &Config, profile: &ProfileConfig, clock: &Clock) -> Vec<Finding> {
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

/// An endpoint on its way through the steps.
struct Traveller {
    endpoint: EndpointAddress,
    addresses: Vec<SocketAddr>,
    socket: Option<TcpStream>,
}

async fn steps(config: &Config, profile: &ProfileConfig, clock: &Clock, findings: &mut Vec<Finding>) {
    let credentials = profile_access::credentials(config, profile);
    findings.push(match &credentials {
        Ok(_) => {
            let place = profile_access::credentials_place(config, profile);
            Finding::new(Check::CredentialsFiles, Verdict::Ok, place)
        }
        Err(error) => Finding::new(Check::CredentialsFiles, Verdict::Failed, error.reason.clone()).advise(error.advice),
    });
    let endpoints = match profile_access::addresses(config, profile) {
        Ok(endpoints) => endpoints,
        Err(reason) => return findings.extend(skipped_from(Check::Dns, &reason)),
    };
    let roots = profile.ca_file.clone().map_or(TlsRoots::Public, TlsRoots::File);
    let tls = client_config(&roots).map_err(|error| error.to_string());

    let travellers = look_up(endpoints, findings).await;
    if travellers.is_empty() {
        return findings.extend(skipped_from(Check::Connect, "there is no address"));
    }
    let mut travellers = connect(travellers, profile, findings).await;
    if travellers.is_empty() {
        return findings.extend(skipped_from(Check::Tls, "there is no connection"));
    }
    let tls = match tls {
        Ok(tls) => tls,
        Err(reason) => {
            let finding = Finding::new(Check::Tls, Verdict::Failed, reason);
            findings.push(finding.advise("mend `ca_file` of the profile: PEM, with the private CA's certificates"));
            return findings.extend(skipped_from(Check::ClockSkew, "TLS could not be set up"));
        }
    };
    travellers = shake_hands(travellers, &tls, findings).await;
    let first = travellers.into_iter().next().and_then(|it| Some((it.endpoint.origin().ok()?, it)));
    let Some((origin, Traveller { addresses, .. })) = first else {
        return findings.extend(skipped_from(Check::ClockSkew, "there is no safe connection"));
    };
    let (Some(address), Ok(credentials)) = (addresses.first().copied(), &credentials) else {
        return findings.extend(skipped_from(Check::ClockSkew, "there are no keys to sign a request with"));
    };
    let questions = questions(config, profile);
    let interview = Interview {
        origin,
        address,
        tls,
        protocol: profile.protocol,
        instance: profile.instance_id.as_deref(),
        keys: Keys::new(credentials, None),
        clock: clock.clone(),
    };
    let (asked, skew) = interview.ask(&questions.asked).await;
    findings.push(clocks::judge(skew, judgement::accepted(&asked), profile.protocol));
    findings.extend(judgement::judge(&asked, skew, &questions.respondent));
    findings.extend(judgement::unasked(&questions, &profile.producer_group));
}

async fn look_up(endpoints: Vec<EndpointAddress>, findings: &mut Vec<Finding>) -> Vec<Traveller> {
    let results = join_all(endpoints.iter().map(reach::look_up)).await;
    let mut step = Step::default();
    let mut travellers = Vec::new();
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
                travellers.push(Traveller { endpoint, addresses, socket: None });
            }
            Err(trouble) => step.bad(&endpoint.host, trouble),
        }
    }
    findings.push(step.finding(Check::Dns));
    travellers
}

async fn connect(travellers: Vec<Traveller>, profile: &ProfileConfig, findings: &mut Vec<Finding>) -> Vec<Traveller> {
    let tried = travellers.iter().map(|it| reach::connect(&it.addresses, profile.connect_timeout));
    let results = join_all(tried).await;
    let mut step = Step::default();
    let mut connected = Vec::new();
    for (traveller, result) in travellers.into_iter().zip(results) {
        let url = profile_access::url(&traveller.endpoint);
        match result {
            Ok((address, socket)) => {
                step.good(format!("{url} answers at {address}"));
                connected.push(Traveller { addresses: vec![address], socket: Some(socket), ..traveller });
            }
            Err(trouble) if profile.endpoints.contains(&Endpoint::Embedded) => {
                let advice = "start it: `mq-gateway` runs it beside itself, `mq-gateway embedded-mq` alone";
                step.bad(&format!("the embedded endpoint is not running at {url}"), Trouble { advice, ..trouble });
            }
            Err(trouble) => step.bad(&url, trouble),
        }
    }
    findings.push(step.finding(Check::Connect));
    connected
}

async fn shake_hands(
    travellers: Vec<Traveller>,
    tls: &Arc<ClientConfig>,
    findings: &mut Vec<Finding>,
) -> Vec<Traveller> {
    if travellers.iter().all(|it| !it.endpoint.tls) {
        let detail = "the endpoint is http://: nothing is encrypted on the way";
        findings.push(Finding::new(Check::Tls, Verdict::Skipped, detail));
        return travellers;
    }
    let shaken = travellers.into_iter().map(|mut traveller| async move {
        let socket = traveller.socket.take().filter(|_| traveller.endpoint.tls);
        let result = match socket {
            Some(socket) => Some(reach::shake_hands(&traveller.endpoint.host, socket, tls).await),
            None => None,
        };
        (traveller, result)
    });
    let mut step = Step::default();
    let mut safe = Vec::new();
    for (traveller, result) in join_all(shaken).await {
        let url = profile_access::url(&traveller.endpoint);
        match result {
            None => step.good(format!("{url} is not encrypted")),
            Some(Ok(version)) => step.good(format!("{version} with {url}, certificate verified")),
            Some(Err(trouble)) => {
                step.bad(&url, trouble);
                continue;
            }
        }
        safe.push(traveller);
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

    fn bad(&mut self, place: &str, trouble: Trouble) {
        self.bad.push(format!("{place}: {}", trouble.reason));
        self.advice.get_or_insert(trouble.advice);
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
        let trouble = || Trouble { reason: "refused".into(), advice: "start it" };
        let mut step = Step::default();
        step.bad("a", trouble());
        step.good("b answers".into());
        let finding = step.finding(Check::Connect);
        assert_eq!((finding.verdict, finding.detail.as_str()), (Verdict::Warning, "a: refused; b answers"));
        assert_eq!(finding.advice.as_deref(), Some("start it"));
        let mut step = Step::default();
        step.bad("a", trouble());
        assert_eq!(step.finding(Check::Connect).verdict, Verdict::Failed);
    }

    #[test]
    fn what_is_skipped_is_told_check_by_check() {
        let skipped = skipped_from(Check::Credentials, "no keys");
        let checks: Vec<Check> = skipped.iter().map(|finding| finding.check).collect();
        assert_eq!(checks, [Check::Credentials, Check::Topic, Check::Group]);
        assert!(skipped.iter().all(|it| it.verdict == Verdict::Skipped && it.detail == "no keys"));
    }
}
