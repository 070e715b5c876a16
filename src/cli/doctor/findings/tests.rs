//! Results in, findings out.

use super::*;
use crate::cli::doctor::advice;
use crate::cli::doctor::http_protocol::HttpProtocol;
use crate::cli::doctor::probe_result::{Parameter, ProbeOutcome, Reply};
use crate::cli::doctor::probes::{Name, Probe};

/// A probe of `topic` and `group` and its outcome; a `?` in front is a placeholder.
fn result(topic: &str, group: &str, outcome: ProbeOutcome) -> ProbeResult {
    let name =
        |text: &str| Name { text: text.trim_start_matches('?').to_owned(), is_placeholder: text.starts_with('?') };
    ProbeResult { probe: Probe { topic: name(topic), group: name(group) }, outcome }
}

fn refusal() -> ProbeOutcome {
    ProbeOutcome::Refused(Reply::plain(403))
}

fn accepted() -> ProbeOutcome {
    ProbeOutcome::Accepted(Reply::plain(204))
}

const ONS: Target = Target { protocol: HttpProtocol::OnsHttp, embedded: false, takes_any_name: false };
const MQ: Target = Target { protocol: HttpProtocol::MqHttp, ..ONS };
const OURS: Target = Target { embedded: true, takes_any_name: true, ..ONS };

/// Verdicts by their first letters: credentials, topics, groups.
#[track_caller]
fn check(results: &[ProbeResult], offset: Option<i64>, expected: &str) -> Vec<Finding> {
    check_of(&ONS, results, offset, expected)
}

#[track_caller]
fn check_of(target: &Target, results: &[ProbeResult], offset: Option<i64>, expected: &str) -> Vec<Finding> {
    let findings = of_results(results, offset.map(ClockOffset), target);
    let verdicts: Vec<String> = findings.iter().map(|it| format!("{:?}:{:?}", it.check, it.verdict)).collect();
    assert_eq!(verdicts.join(" "), expected, "{findings:#?}");
    for finding in &findings {
        let wants_advice = matches!(finding.verdict, Verdict::Warning | Verdict::Failed);
        assert_eq!(finding.advice.is_some(), wants_advice, "{finding:?}");
    }
    findings
}

#[test]
fn an_accepted_probe_proves_all_three() {
    let all = "Credentials:Ok Topic:Ok Group:Ok";
    check(&[result("a", "g", accepted())], None, all);
    check(&[result("a", "g", ProbeOutcome::Accepted(Reply::plain(400)))], Some(100), all);
    let unnamed = "Credentials:Ok Topic:Skipped Group:Skipped";
    check(&[result("?a", "?g", ProbeOutcome::Accepted(Reply::plain(400)))], None, unnamed);
}

#[test]
fn a_refusal_is_told_apart_as_far_as_it_can_be() {
    let open = "Credentials:Failed Topic:Skipped Group:Skipped";
    let named = [result("a", "g", refusal())];
    let detail = |offset| check(&named, offset, open).swap_remove(0).detail;
    assert!(detail(Some(1_200_000)).contains("the clocks alone explain it: the MQ's clock is 1200.0 s ahead"));
    assert!(detail(Some(200)).contains("not the clock"));
    assert!(detail(None).contains("could not be compared"));
    let placeholder = [result("?a", "?g", refusal())];
    check(&placeholder, Some(200), "Credentials:Warning Topic:Skipped Group:Skipped");
    check(&placeholder, Some(-90_000), "Credentials:Failed Topic:Skipped Group:Skipped");
    assert_eq!(
        of_results(&placeholder, Some(ClockOffset(200)), &OURS)[0].verdict,
        Verdict::Failed,
        "every name is good there"
    );
}

#[test]
fn one_good_answer_clears_the_keys_and_leaves_the_names() {
    let good = || result("a", "g", accepted());
    check(&[good(), result("b", "g", refusal())], None, "Credentials:Ok Topic:Ok Topic:Failed Group:Ok Group:Skipped");
    check(&[good(), result("a", "h", refusal())], None, "Credentials:Ok Topic:Ok Group:Ok Group:Failed");
    check(&[good(), result("b", "?x", refusal())], None, "Credentials:Ok Topic:Ok Topic:Warning Group:Ok");
}

#[test]
fn other_answers_prove_nothing_about_the_keys() {
    let reply = || Reply::with_code(400, Some("SC_BAD_REQUEST"));
    let plain = Reply::plain;
    let verdicts = |outcome: ProbeOutcome| {
        of_results(&[result("a", "g", outcome)], None, &ONS).iter().map(|finding| finding.verdict).collect::<Vec<_>>()
    };
    use Verdict::{Failed, Skipped, Warning};
    for (outcome, expected) in [
        (ProbeOutcome::NotFound(None, reply()), [Warning, Failed, Skipped]),
        (ProbeOutcome::Invalid(Some(Parameter::Topic), reply()), [Warning, Failed, Skipped]),
        (ProbeOutcome::Invalid(Some(Parameter::Group), reply()), [Warning, Skipped, Failed]),
        (ProbeOutcome::Invalid(Some(Parameter::AccessKey), reply()), [Failed, Skipped, Skipped]),
        (ProbeOutcome::Invalid(Some(Parameter::Signature), reply()), [Failed, Skipped, Skipped]),
        (ProbeOutcome::Invalid(Some(Parameter::Time), reply()), [Failed, Skipped, Skipped]),
        (ProbeOutcome::Invalid(Some(Parameter::Headers), reply()), [Failed, Skipped, Skipped]),
        (ProbeOutcome::Invalid(None, reply()), [Warning, Skipped, Skipped]),
        (ProbeOutcome::Unavailable(plain(502)), [Failed, Skipped, Skipped]),
        (ProbeOutcome::Unexpected(404), [Failed, Skipped, Skipped]),
        (ProbeOutcome::NoAnswer("reset".into()), [Failed, Skipped, Skipped]),
    ] {
        assert_eq!(verdicts(outcome.clone()), expected, "{outcome:?}");
    }
}

/// Detail and advice of a finding.
fn words(finding: &Finding) -> String {
    format!("{} -> {}", finding.detail, finding.advice.as_deref().unwrap_or_default())
}

#[test]
fn the_codes_of_mq_http_are_named_and_blame_what_they_mean() {
    let about = |parameter, status, code| ProbeOutcome::Invalid(Some(parameter), Reply::with_code(status, Some(code)));
    let unknown = |parameter, code| ProbeOutcome::NotFound(Some(parameter), Reply::with_code(404, Some(code)));
    let alone = "Credentials:Failed Topic:Skipped Group:Skipped";
    for (outcome, verdicts, at, expected) in [
        (
            ProbeOutcome::Accepted(Reply::with_code(404, Some("ReceiptHandleError"))),
            "Credentials:Ok Topic:Ok Group:Ok",
            0,
            ["(404 ReceiptHandleError to the acknowledgement", ""],
        ),
        (
            about(Parameter::Signature, 403, "SignatureDoesNotMatch"),
            alone,
            0,
            ["403 SignatureDoesNotMatch is about the signature: the secret key", "compare the secret key"],
        ),
        (
            about(Parameter::AccessKey, 403, "InvalidAccessKeyId"),
            alone,
            0,
            ["403 InvalidAccessKeyId is about the access key: it is not known there", "security_token"],
        ),
        (
            about(Parameter::Time, 408, "TimeExpired"),
            alone,
            0,
            ["408 TimeExpired is about the time", "correct the clock"],
        ),
        (
            about(Parameter::Headers, 400, "MissingDateHeader"),
            alone,
            0,
            ["400 MissingDateHeader is about a header", "a proxy on the way"],
        ),
        (
            ProbeOutcome::Refused(Reply::with_code(403, Some("AccessDenied"))),
            alone,
            0,
            ["refused with 403 AccessDenied: the access key may not do this", "the access key is active"],
        ),
        (
            unknown(Parameter::Topic, "TopicNotExist"),
            "Credentials:Warning Topic:Failed Group:Skipped",
            0,
            ["404 TopicNotExist, and may not have looked at the signature", "instance_id"],
        ),
        (
            unknown(Parameter::Topic, "TopicNotExist"),
            "Credentials:Warning Topic:Failed Group:Skipped",
            1,
            ["`a` is not known to the MQ: 404 TopicNotExist", "names are exact"],
        ),
        (
            unknown(Parameter::Group, "SubscriptionNotExist"),
            "Credentials:Warning Topic:Skipped Group:Failed",
            2,
            ["`g` on `a` is not known to the MQ: 404 SubscriptionNotExist", "names are exact"],
        ),
        (
            ProbeOutcome::Unavailable(Reply::with_code(503, Some("QpsLimitExceeded"))),
            alone,
            0,
            ["the MQ answered 503 QpsLimitExceeded, so it could not serve", "try again later"],
        ),
    ] {
        let findings = check_of(&MQ, &[result("a", "g", outcome)], None, verdicts);
        for word in expected {
            assert!(words(&findings[at]).contains(word), "{word} in {}", words(&findings[at]));
        }
    }
}

#[test]
fn the_clock_is_no_explanation_where_the_mq_gives_another() {
    let denied = || [result("a", "g", ProbeOutcome::Refused(Reply::with_code(403, Some("AccessDenied"))))];
    let open = "Credentials:Failed Topic:Skipped Group:Skipped";
    let finding = check_of(&MQ, &denied(), Some(1_200_000), open).swap_remove(0);
    assert!(!finding.detail.contains("clock"), "{finding:?}");
    let silent = [result("a", "g", refusal())];
    let finding = check_of(&MQ, &silent, Some(60_000), open).swap_remove(0);
    assert!(finding.detail.contains("not the clock"), "{finding:?}");
    let expired =
        [result("a", "g", ProbeOutcome::Invalid(Some(Parameter::Time), Reply::with_code(408, Some("TimeExpired"))))];
    let finding = check_of(&MQ, &expired, Some(1_000), open).swap_remove(0);
    assert!(
        words(&finding).contains("yet the clocks agree: the MQ's clock is within a second or two of ours"),
        "{finding:?}"
    );
    assert_eq!(finding.advice.as_deref(), Some(advice::DELAY));
}

#[test]
fn a_placeholder_name_that_is_not_there_is_no_fault() {
    let unknown = |parameter, code| ProbeOutcome::NotFound(Some(parameter), Reply::with_code(404, Some(code)));
    let placeholder = [result("?a", "?g", unknown(Parameter::Topic, "TopicNotExist"))];
    let findings = check_of(&MQ, &placeholder, None, "Credentials:Warning Topic:Skipped Group:Skipped");
    assert_eq!(findings[0].advice.as_deref(), Some(advice::NAME_BOTH));
    let no_group = [result("a", "?g", unknown(Parameter::Group, "SubscriptionNotExist"))];
    let findings = check_of(&MQ, &no_group, None, "Credentials:Warning Topic:Skipped Group:Skipped");
    assert_eq!(findings[0].advice.as_deref(), Some(advice::NAME_BOTH));
    assert!(findings[1].detail.contains("does not know the group of the probe"), "{findings:?}");
}

#[test]
fn permission_is_told_from_existence_by_the_other_answers() {
    let denied = || ProbeOutcome::Refused(Reply::with_code(403, Some("AccessDenied")));
    let both = [result("a", "g", accepted()), result("b", "g", denied()), result("a", "h", denied())];
    let findings =
        check_of(&MQ, &both, None, "Credentials:Ok Topic:Ok Topic:Failed Group:Ok Group:Skipped Group:Failed");
    for at in [2, 5] {
        assert!(words(&findings[at]).contains("or this one's user may not have"), "{findings:?}");
        assert_eq!(findings[at].advice.as_deref(), Some(advice::PERMISSION));
    }
}

#[test]
fn other_keys_at_the_embedded_endpoint_mean_another_data_directory() {
    let mq = Target { protocol: HttpProtocol::MqHttp, ..OURS };
    let outcome = ProbeOutcome::Invalid(Some(Parameter::AccessKey), Reply::with_code(403, Some("InvalidAccessKeyId")));
    let findings =
        check_of(&mq, &[result("?a", "?g", outcome)], None, "Credentials:Failed Topic:Skipped Group:Skipped");
    assert!(findings[0].detail.starts_with("refused with 403 InvalidAccessKeyId: an embedded"), "{findings:?}");
}

#[test]
fn a_topic_that_the_embedded_endpoint_does_not_have_is_no_matter_of_the_vendors_console() {
    let listed = Target { takes_any_name: false, ..OURS };
    let results = [result("a", "g", refusal())];
    let finding = check_of(&listed, &results, Some(0), "Credentials:Failed Topic:Skipped Group:Skipped").swap_remove(0);
    assert!(
        words(&finding).contains("`topics` below [embedded]") && !words(&finding).contains("console"),
        "{finding:?}"
    );
    let mq = Target { protocol: HttpProtocol::MqHttp, ..listed };
    let results = [result(
        "a",
        "g",
        ProbeOutcome::NotFound(Some(Parameter::Topic), Reply::with_code(404, Some("TopicNotExist"))),
    )];
    for finding in check_of(&mq, &results, None, "Credentials:Warning Topic:Failed Group:Skipped").iter().take(2) {
        let advice = finding.advice.as_deref();
        assert_eq!(advice, Some("add it to `topics` below [embedded], or leave that list empty"), "{finding:?}");
    }
}

#[test]
fn the_producer_group_is_not_probed_and_why() {
    let details = |target, group| {
        let plan = ProbePlan { probes: Vec::new(), left_out: 3, target };
        of_the_rest(&plan, group).into_iter().map(|finding| finding.detail).collect::<Vec<_>>()
    };
    let more = "3 more pairs of topic and group were not checked";
    let ons = "`PID`, the producer group: only a publish shows it, and nothing is published";
    assert_eq!(details(ONS, Some("PID")), [ons, more]);
    assert_eq!(details(MQ, None), ["the producer group: mq-http sends none", more]);
}
