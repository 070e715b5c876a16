//! The embedded endpoint's store, as the running gateway tells of it: never by its files, which are the gateway's alone.

use std::net::SocketAddr;

use super::advice;
use super::management_page::{self, PageFailure};
use super::report::{Check, Finding, Verdict};
use crate::embedded::FaultKind;

/// Every gateway of ours shows it.
const BUILD_INFO: &str = "mq_gateway_build_info";
/// One sample a kind, where there is an embedded endpoint.
const DEGRADED: &str = "mq_gateway_embedded_store_degraded";
const SET_ASIDE: &str = "mq_gateway_embedded_set_aside_messages";

/// Asks the gateway whose management listener is at `listen`.
pub(super) async fn check(listen: SocketAddr) -> Vec<Finding> {
    if listen.port() == 0 {
        let detail = "`management.listen` takes a free port when the gateway starts, which is not known here";
        return vec![new(Verdict::Skipped, detail)];
    }
    let url = management_page::url(listen);
    match management_page::get(listen, "/metrics").await {
        Ok((200, page)) => of_page(&url, &page),
        Ok((status, _)) => vec![no_gateway(&format!("{url}: its answer to GET /metrics was {status}"))],
        Err(PageFailure::NobodyThere(reason)) => {
            let detail = format!("no gateway runs at {url} (`management.listen`): {reason}; start it and ask again");
            vec![new(Verdict::Skipped, detail)]
        }
        Err(PageFailure::NoAnswer(reason)) => {
            let detail = format!("what listens at {url} (`management.listen`) gave no usable answer: {reason}");
            vec![new(Verdict::Warning, detail).advise(advice::MANAGEMENT)]
        }
    }
}

/// What a page of metrics says. Only names and numbers that are known are taken from it: whoever answers may write anything.
fn of_page(url: &str, page: &[u8]) -> Vec<Finding> {
    let page = String::from_utf8_lossy(page);
    if !page.lines().any(|line| line.starts_with(BUILD_INFO)) {
        return vec![no_gateway(&format!("{url}: its metrics are not a gateway's"))];
    }
    let degraded =
        FaultKind::ALL.map(|kind| (kind, number(&page, &format!("{DEGRADED}{{kind=\"{}\"}}", kind.label()))));
    let (Some(set_aside), true) = (number(&page, SET_ASIDE), degraded.iter().all(|(_, it)| it.is_some())) else {
        let detail = format!("the gateway at {url} tells of no embedded endpoint: it runs with another configuration");
        return vec![new(Verdict::Warning, detail).advise(advice::MANAGEMENT)];
    };
    let mut findings: Vec<Finding> =
        degraded.into_iter().filter(|(_, it)| *it != Some(0)).map(|(kind, _)| fault(kind, url)).collect();
    if set_aside > 0 {
        let messages = if set_aside == 1 { "1 message is".to_owned() } else { format!("{set_aside} messages are") };
        let detail = format!("{messages} set aside at {url}: not what was written, so that no group gets them");
        findings.push(new(Verdict::Failed, detail).advise(advice::SET_ASIDE));
    }
    if findings.is_empty() {
        findings.push(new(Verdict::Ok, format!("the gateway at {url} finds nothing wrong with it")));
    }
    findings
}

/// A kind of trouble that the gateway has now.
fn fault(kind: FaultKind, url: &str) -> Finding {
    let (detail, what_to_do) = match kind {
        FaultKind::Full => ("full: publishes are refused, what is there can be received", advice::STORE_FULL),
        FaultKind::Io => ("its disk does not take or give what it should: requests fail", advice::STORE_IO),
        FaultKind::Damage => ("it holds what nobody wrote", advice::STORE_DAMAGE),
    };
    let advice = format!("{what_to_do}; {url}/readyz?verbose tells the first failure and since when, as does the log");
    new(Verdict::Failed, format!("degraded, says the gateway at {url}: {detail}")).advise(advice)
}

fn no_gateway(detail: &str) -> Finding {
    let detail = format!("something else than a gateway answers at {detail}");
    new(Verdict::Warning, detail).advise(advice::MANAGEMENT)
}

/// The value of the sample with exactly this name and these labels.
fn number(page: &str, series: &str) -> Option<u64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

fn new(verdict: Verdict, detail: impl Into<String>) -> Finding {
    Finding::new(Check::EmbeddedStore, verdict, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:8081";

    fn page(degraded: [u64; 3], set_aside: u64) -> String {
        let [full, io, damage] = degraded;
        format!(
            "# HELP {SET_ASIDE} 7\n{BUILD_INFO}{{version=\"1.0.0\"}} 1\n{SET_ASIDE} {set_aside}\n\
             {DEGRADED}{{kind=\"damage\"}} {damage}\n{DEGRADED}{{kind=\"full\"}} {full}\n{DEGRADED}{{kind=\"io\"}} {io}\n"
        )
    }

    #[track_caller]
    fn check(page: &str, expected: &[(Verdict, &str)]) {
        let findings = of_page(URL, page.as_bytes());
        assert_eq!(findings.len(), expected.len(), "{findings:#?}");
        for (finding, (verdict, words)) in findings.iter().zip(expected) {
            assert!(finding.verdict == *verdict && finding.detail.contains(words), "{words}: {finding:#?}");
            assert_eq!(finding.advice.is_some(), *verdict != Verdict::Ok, "{finding:?}");
        }
    }

    #[test]
    fn each_fault_is_a_finding() {
        check(&page([0, 0, 0], 0), &[(Verdict::Ok, "nothing wrong")]);
        check(&page([1, 0, 0], 0), &[(Verdict::Failed, "full: publishes are refused")]);
        check(&page([0, 1, 0], 0), &[(Verdict::Failed, "does not take or give")]);
        check(&page([0, 0, 0], 1), &[(Verdict::Failed, "1 message is set aside")]);
        let damage = [(Verdict::Failed, "what nobody wrote"), (Verdict::Failed, "12 messages are set aside")];
        check(&page([0, 0, 1], 12), &damage);
    }

    #[test]
    fn a_page_of_somebody_else_is_told_and_not_repeated() {
        for other in ["", "<html>zq-canary</html>", "up 1\n", &page([0, 0, 0], 0).replace(BUILD_INFO, "zq_canary")] {
            check(other, &[(Verdict::Warning, "something else than a gateway")]);
        }
        let whole = page([0, 0, 0], 0);
        for missing in [SET_ASIDE, "kind=\"full\"", "kind=\"io\"", "kind=\"damage\""] {
            check(&whole.replace(missing, "zq-canary"), &[(Verdict::Warning, "no embedded endpoint")]);
            assert!(!format!("{:?}", of_page(URL, whole.replace(missing, "zq-canary").as_bytes())).contains("canary"));
        }
    }
}
