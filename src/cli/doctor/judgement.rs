//! What the answers to the doctor's questions say about keys, topics and groups, and what they leave open.
//!
//! ONS HTTP answers 403 without a word to a wrong key, a wrong signature, a wrong time, and a topic or group of somebody
//! else. They are told apart as far as anybody can: the time by the `Date` of the answer, the keys by any other question
//! that was accepted. MQ HTTP has a code for each, but no source tells in which order it looks: a topic that is not
//! there says nothing about the keys. What is left is said.

use super::advice;
use super::answers::{Asked, Parameter, Reply, Said};
use super::clocks::Skew;
use super::questions::{Questions, Respondent};
use super::report::{Check, Finding, Verdict};
use crate::model::Protocol;

/// The findings on keys, topics and groups, in this order. `asked` is not empty.
pub(super) fn judge(asked: &[Asked], skew: Option<Skew>, respondent: &Respondent) -> Vec<Finding> {
    let mut findings = vec![credentials(asked, skew, respondent)];
    let mut named: Vec<&str> = Vec::new();
    for topic in asked.iter().map(|it| &it.question.topic).filter(|topic| !topic.made_up) {
        if !named.contains(&topic.name.as_str()) {
            named.push(&topic.name);
        }
    }
    findings.extend(named.iter().map(|name| topic(name, asked, respondent)));
    if named.is_empty() {
        findings.push(Finding::new(Check::Topic, Verdict::Skipped, "no topic is named in the configuration, only `*`"));
    }
    let groups: Vec<Finding> =
        asked.iter().filter(|it| !it.question.group.made_up).map(|it| group(it, asked, respondent)).collect();
    if groups.is_empty() {
        findings.push(Finding::new(Check::Group, Verdict::Skipped, "no group is named in the configuration"));
    }
    findings.extend(groups);
    findings
}

/// What was not asked, and why. `producer_group` is that of a protocol which has one.
pub(super) fn unasked(questions: &Questions, producer_group: Option<&str>) -> Vec<Finding> {
    let producer = match producer_group {
        Some(group) => format!("`{group}`, the producer group: only a publish shows it, and nothing is published"),
        None => format!("the producer group: {} sends none", questions.respondent.protocol),
    };
    let mut findings = vec![Finding::new(Check::Group, Verdict::Skipped, producer)];
    if questions.left_out > 0 {
        let detail = format!("{} more pairs of topic and group were not asked about", questions.left_out);
        findings.push(Finding::new(Check::Group, Verdict::Skipped, detail));
    }
    findings
}

/// Whether the MQ took our identity at least once.
pub(super) fn accepted(asked: &[Asked]) -> bool {
    asked.iter().any(|it| matches!(it.said, Said::Accepted(_)))
}

fn credentials(asked: &[Asked], skew: Option<Skew>, respondent: &Respondent) -> Finding {
    let finding = |verdict, detail: String| Finding::new(Check::Credentials, verdict, detail);
    let protocol = respondent.protocol;
    // The answer that tells most: accepted, then about the keys, then any.
    let telling = |it: &&Asked| match &it.said {
        Said::Accepted(_) => 0,
        Said::Complained(
            Some(Parameter::AccessKey | Parameter::Signature | Parameter::Time | Parameter::Headers),
            _,
        ) => 1,
        Said::Refused(_) => 2,
        Said::Complained(..) | Said::Unknown(..) => 3,
        Said::Unable(_) | Said::Foreign(_) => 4,
        Said::Nothing(_) => 5,
    };
    let Some(it) = asked.iter().min_by_key(telling) else {
        return finding(Verdict::Skipped, "nothing was asked".to_owned());
    };
    match &it.said {
        Said::Accepted(reply) => finding(
            Verdict::Ok,
            format!(
                "the MQ accepted a signed request ({reply} to the acknowledgement of a handle that does not exist)"
            ),
        ),
        Said::Complained(Some(Parameter::AccessKey | Parameter::Signature), reply) if respondent.embedded => {
            finding(Verdict::Failed, format!("refused with {reply}: an embedded endpoint with other keys than these"))
                .advise(advice::OTHER_ENDPOINT)
        }
        Said::Complained(Some(Parameter::AccessKey), reply) => {
            finding(Verdict::Failed, format!("the MQ's {reply} is about the access key: it is not known there"))
                .advise(advice::ACCESS_KEY)
        }
        Said::Complained(Some(Parameter::Signature), reply) => finding(
            Verdict::Failed,
            format!("the MQ's {reply} is about the signature: the secret key is not the one of this access key"),
        )
        .advise(advice::SIGNATURE),
        Said::Complained(Some(Parameter::Time), reply) => about_the_time(reply, skew, protocol),
        Said::Complained(Some(Parameter::Headers), reply) => finding(
            Verdict::Failed,
            format!(
                "the MQ's {reply} is about a header that every request of ours has: it did not come as it was sent"
            ),
        )
        .advise(advice::HEADERS),
        Said::Refused(reply) => refused(it, reply, skew, respondent),
        Said::Complained(_, reply) => finding(
            Verdict::Warning,
            format!("not known: the MQ answered {reply}, and may not have looked at the signature"),
        )
        .advise(advice::keys(respondent)),
        Said::Unknown(parameter, reply) => finding(
            Verdict::Warning,
            format!("not known: the MQ answered {reply}, and may not have looked at the signature"),
        )
        .advise(if is_made_up(it, *parameter) { advice::NAME_THEM } else { advice::name(respondent) }),
        Said::Unable(reply) => {
            finding(Verdict::Failed, format!("not known: the MQ answered {reply}, so it could not serve the request"))
                .advise(advice::UNABLE)
        }
        Said::Foreign(status) => {
            finding(Verdict::Failed, format!("the answer was {status}, which the MQ's protocol does not have here"))
                .advise(advice::FOREIGN)
        }
        Said::Nothing(reason) => {
            finding(Verdict::Failed, format!("the MQ gave no usable answer: {reason}")).advise(advice::FOREIGN)
        }
    }
}

/// Whether what is not there was never configured.
fn is_made_up(it: &Asked, parameter: Option<Parameter>) -> bool {
    match parameter {
        Some(Parameter::Topic) => it.question.topic.made_up,
        Some(Parameter::Group) => it.question.group.made_up,
        Some(_) | None => it.question.topic.made_up || it.question.group.made_up,
    }
}

/// The MQ says that the time is wrong.
fn about_the_time(reply: &Reply, skew: Option<Skew>, protocol: Protocol) -> Finding {
    let detail = format!("the MQ's {reply} is about the time of the request");
    match skew {
        Some(skew) if !skew.is_fatal(protocol) => {
            let detail = format!("{detail}, yet the clocks agree: {}", skew.words());
            Finding::new(Check::Credentials, Verdict::Failed, detail).advise(advice::DELAY)
        }
        Some(_) | None => Finding::new(Check::Credentials, Verdict::Failed, detail).advise(advice::CLOCK),
    }
}

/// All questions were refused.
fn refused(it: &Asked, reply: &Reply, skew: Option<Skew>, respondent: &Respondent) -> Finding {
    let made_up = it.question.topic.made_up || it.question.group.made_up;
    let (mut detail, advice) = if reply.code.is_some() {
        // Wrong keys and times have codes of their own.
        let detail = format!(
            "refused with {reply}: the access key may not do this, or topic, group or instance are not its account's"
        );
        (detail, advice::PERMISSION)
    } else {
        match skew {
            Some(skew) if skew.is_fatal(respondent.protocol) => {
                let detail = format!("refused with {reply}; the clocks alone explain it: {}", skew.words());
                return Finding::new(Check::Credentials, Verdict::Failed, detail).advise(advice::CLOCK);
            }
            Some(_) | None => {}
        }
        if respondent.any_name_is_good {
            let detail = format!("refused with {reply}: an embedded endpoint with other keys than these");
            return Finding::new(Check::Credentials, Verdict::Failed, detail).advise(advice::OTHER_ENDPOINT);
        }
        let clock = match skew {
            Some(skew) => format!("not the clock ({})", skew.words()),
            None => "or the clock, which could not be compared".to_owned(),
        };
        let detail = format!(
            "refused with {reply}; the MQ does not say why: the access key, the secret key, or a topic or group that is \
             not this account's, {clock}"
        );
        (detail, advice::keys(respondent))
    };
    if made_up {
        detail.push_str(
            "; topic or group were made up for the question, since none is named, so good keys may be refused",
        );
    }
    let verdict = if made_up { Verdict::Warning } else { Verdict::Failed };
    Finding::new(Check::Credentials, verdict, detail).advise(if made_up { advice::NAME_THEM } else { advice })
}

fn topic(name: &str, asked: &[Asked], respondent: &Respondent) -> Finding {
    let finding = |verdict, detail: &str| Finding::new(Check::Topic, verdict, format!("`{name}` {detail}"));
    let ours: Vec<&Asked> = asked.iter().filter(|it| it.question.topic.name == name).collect();
    let any = |wanted: fn(&Said) -> bool| ours.iter().any(|it| wanted(&it.said));
    if any(|said| matches!(said, Said::Accepted(_))) {
        return finding(Verdict::Ok, "was accepted");
    }
    for it in &ours {
        let detail = match &it.said {
            Said::Unknown(Some(Parameter::Topic), reply) => format!("is not known to the MQ: {reply}"),
            Said::Unknown(None, reply) => format!("or its group is not known to the MQ: {reply}"),
            Said::Complained(Some(Parameter::Topic), reply) => format!("is not to the MQ's liking: {reply}"),
            Said::Accepted(_)
            | Said::Refused(_)
            | Said::Complained(..)
            | Said::Unknown(..)
            | Said::Unable(_)
            | Said::Foreign(_)
            | Said::Nothing(_) => continue,
        };
        return finding(Verdict::Failed, &detail).advise(advice::name(respondent));
    }
    if !any(|said| matches!(said, Said::Refused(_))) {
        let why = if any(|said| matches!(said, Said::Unknown(Some(Parameter::Group), _))) {
            "could not be asked about: the MQ does not know the group that the question has"
        } else {
            "could not be asked about, see the credentials"
        };
        return finding(Verdict::Skipped, why);
    }
    if !accepted(asked) {
        return finding(Verdict::Skipped, "was refused together with the credentials; the MQ does not say which it is");
    }
    if ours.iter().all(|it| it.question.group.made_up) {
        return finding(
            Verdict::Warning,
            "was refused, and the keys are good; its groups are not named, so it may be the made-up one of the question",
        )
        .advise(advice::NAME_A_GROUP);
    }
    let why = match respondent.protocol {
        _ if respondent.embedded => "the endpoint does not have it",
        Protocol::OnsHttp => "it, or its groups, do not exist or belong to another account",
        // What does not exist has codes of its own.
        Protocol::MqHttp => "it, or its groups, belong to another account, or this one's user may not have them",
    };
    finding(Verdict::Failed, &format!("was refused, and the keys are good: {why}"))
        .advise(advice::refused_name(respondent))
}

fn group(it: &Asked, asked: &[Asked], respondent: &Respondent) -> Finding {
    let (name, topic) = (&it.question.group.name, &it.question.topic.name);
    let finding = |verdict, detail: &str| {
        let of = if it.question.topic.made_up { "a made-up topic".to_owned() } else { format!("`{topic}`") };
        Finding::new(Check::Group, verdict, format!("`{name}` on {of} {detail}"))
    };
    match &it.said {
        Said::Accepted(_) => finding(Verdict::Ok, "was accepted"),
        Said::Complained(Some(Parameter::Group), reply) => {
            finding(Verdict::Failed, &format!("is not to the MQ's liking: {reply}"))
                .advise(advice::group_name(respondent))
        }
        Said::Unknown(Some(Parameter::Group), reply) => {
            finding(Verdict::Failed, &format!("is not known to the MQ: {reply}")).advise(advice::group_name(respondent))
        }
        Said::Refused(_) if asked.iter().any(|other| other.question.topic.name == *topic && is_accepted(other)) => {
            let why = match respondent.protocol {
                Protocol::OnsHttp => "it does not exist or belongs to another account",
                Protocol::MqHttp => "it belongs to another account, or this one's user may not have it",
            };
            finding(Verdict::Failed, &format!("was refused, and the topic is good: {why}"))
                .advise(advice::refused_name(respondent))
        }
        Said::Refused(_) if accepted(asked) => {
            finding(Verdict::Skipped, "was refused with its topic; the MQ does not say which it is")
        }
        Said::Refused(_) => {
            finding(Verdict::Skipped, "was refused together with the credentials; the MQ does not say which it is")
        }
        Said::Complained(..) | Said::Unknown(..) | Said::Unable(_) | Said::Foreign(_) | Said::Nothing(_) => {
            finding(Verdict::Skipped, "could not be asked about, see the credentials and the topic")
        }
    }
}

fn is_accepted(asked: &Asked) -> bool {
    matches!(asked.said, Said::Accepted(_))
}

#[cfg(test)]
mod tests {
    use super::super::questions::{Question, Subject};
    use super::*;

    /// A question about `topic` and `group`; a `?` in front is a made-up name.
    fn asked(topic: &str, group: &str, said: Said) -> Asked {
        let subject =
            |text: &str| Subject { name: text.trim_start_matches('?').to_owned(), made_up: text.starts_with('?') };
        Asked { question: Question { topic: subject(topic), group: subject(group) }, said }
    }

    fn refusal() -> Said {
        Said::Refused(Reply::plain(403))
    }

    fn accepted() -> Said {
        Said::Accepted(Reply::plain(204))
    }

    const ONS: Respondent = Respondent { protocol: Protocol::OnsHttp, embedded: false, any_name_is_good: false };
    const MQ: Respondent = Respondent { protocol: Protocol::MqHttp, ..ONS };
    const OURS: Respondent = Respondent { embedded: true, any_name_is_good: true, ..ONS };

    /// Verdicts by their first letters: credentials, topics, groups.
    #[track_caller]
    fn check(asked: &[Asked], skew: Option<f64>, expected: &str) -> Vec<Finding> {
        check_of(&ONS, asked, skew, expected)
    }

    #[track_caller]
    fn check_of(respondent: &Respondent, asked: &[Asked], skew: Option<f64>, expected: &str) -> Vec<Finding> {
        let findings = judge(asked, skew.map(Skew), respondent);
        let verdicts: Vec<String> = findings.iter().map(|it| format!("{:?}:{:?}", it.check, it.verdict)).collect();
        assert_eq!(verdicts.join(" "), expected, "{findings:#?}");
        for finding in &findings {
            let wants_advice = matches!(finding.verdict, Verdict::Warning | Verdict::Failed);
            assert_eq!(finding.advice.is_some(), wants_advice, "{finding:?}");
        }
        findings
    }

    #[test]
    fn an_accepted_question_proves_all_three() {
        let all = "Credentials:Ok Topic:Ok Group:Ok";
        check(&[asked("a", "g", accepted())], None, all);
        check(&[asked("a", "g", Said::Accepted(Reply::plain(400)))], Some(0.1), all);
        let unnamed = "Credentials:Ok Topic:Skipped Group:Skipped";
        check(&[asked("?a", "?g", Said::Accepted(Reply::plain(400)))], None, unnamed);
    }

    #[test]
    fn a_refusal_is_told_apart_as_far_as_it_can_be() {
        let open = "Credentials:Failed Topic:Skipped Group:Skipped";
        let named = [asked("a", "g", refusal())];
        let detail = |skew| check(&named, skew, open).swap_remove(0).detail;
        assert!(detail(Some(1200.0)).contains("the clocks alone explain it: the MQ's clock is 1200.0 s ahead"));
        assert!(detail(Some(0.2)).contains("not the clock"));
        assert!(detail(None).contains("could not be compared"));
        let made_up = [asked("?a", "?g", refusal())];
        check(&made_up, Some(0.2), "Credentials:Warning Topic:Skipped Group:Skipped");
        check(&made_up, Some(-90.0), "Credentials:Failed Topic:Skipped Group:Skipped");
        assert_eq!(judge(&made_up, Some(Skew(0.2)), &OURS)[0].verdict, Verdict::Failed, "every name is good there");
    }

    #[test]
    fn one_good_answer_clears_the_keys_and_leaves_the_names() {
        let good = || asked("a", "g", accepted());
        check(
            &[good(), asked("b", "g", refusal())],
            None,
            "Credentials:Ok Topic:Ok Topic:Failed Group:Ok Group:Skipped",
        );
        check(&[good(), asked("a", "h", refusal())], None, "Credentials:Ok Topic:Ok Group:Ok Group:Failed");
        check(&[good(), asked("b", "?x", refusal())], None, "Credentials:Ok Topic:Ok Topic:Warning Group:Ok");
    }

    #[test]
    fn other_answers_prove_nothing_about_the_keys() {
        let reply = || Reply::with_code(400, "SC_BAD_REQUEST");
        let plain = Reply::plain;
        let verdicts = |said: Said| {
            judge(&[asked("a", "g", said)], None, &ONS).iter().map(|finding| finding.verdict).collect::<Vec<_>>()
        };
        use Verdict::{Failed, Skipped, Warning};
        for (said, expected) in [
            (Said::Unknown(None, reply()), [Warning, Failed, Skipped]),
            (Said::Complained(Some(Parameter::Topic), reply()), [Warning, Failed, Skipped]),
            (Said::Complained(Some(Parameter::Group), reply()), [Warning, Skipped, Failed]),
            (Said::Complained(Some(Parameter::AccessKey), reply()), [Failed, Skipped, Skipped]),
            (Said::Complained(Some(Parameter::Signature), reply()), [Failed, Skipped, Skipped]),
            (Said::Complained(Some(Parameter::Time), reply()), [Failed, Skipped, Skipped]),
            (Said::Complained(Some(Parameter::Headers), reply()), [Failed, Skipped, Skipped]),
            (Said::Complained(None, reply()), [Warning, Skipped, Skipped]),
            (Said::Unable(plain(502)), [Failed, Skipped, Skipped]),
            (Said::Foreign(404), [Failed, Skipped, Skipped]),
            (Said::Nothing("reset".into()), [Failed, Skipped, Skipped]),
        ] {
            assert_eq!(verdicts(said.clone()), expected, "{said:?}");
        }
    }

    /// Detail and advice of a finding.
    fn words(finding: &Finding) -> String {
        format!("{} -> {}", finding.detail, finding.advice.as_deref().unwrap_or_default())
    }

    #[test]
    fn the_codes_of_mq_http_are_named_and_blame_what_they_mean() {
        let about = |parameter, status, code| Said::Complained(Some(parameter), Reply::with_code(status, code));
        let unknown = |parameter, code| Said::Unknown(Some(parameter), Reply::with_code(404, code));
        let alone = "Credentials:Failed Topic:Skipped Group:Skipped";
        for (said, verdicts, at, expected) in [
            (
                Said::Accepted(Reply::with_code(404, "ReceiptHandleError")),
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
                ["408 TimeExpired is about the time", "mend the clock"],
            ),
            (
                about(Parameter::Headers, 400, "MissingDateHeader"),
                alone,
                0,
                ["400 MissingDateHeader is about a header", "a proxy on the way"],
            ),
            (
                Said::Refused(Reply::with_code(403, "AccessDenied")),
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
                Said::Unable(Reply::with_code(503, "QpsLimitExceeded")),
                alone,
                0,
                ["the MQ answered 503 QpsLimitExceeded, so it could not serve", "try again later"],
            ),
        ] {
            let findings = check_of(&MQ, &[asked("a", "g", said)], None, verdicts);
            for word in expected {
                assert!(words(&findings[at]).contains(word), "{word} in {}", words(&findings[at]));
            }
        }
    }

    #[test]
    fn the_clock_is_no_explanation_where_the_mq_gives_another() {
        let denied = || [asked("a", "g", Said::Refused(Reply::with_code(403, "AccessDenied")))];
        let open = "Credentials:Failed Topic:Skipped Group:Skipped";
        let finding = check_of(&MQ, &denied(), Some(1200.0), open).swap_remove(0);
        assert!(!finding.detail.contains("clock"), "{finding:?}");
        let silent = [asked("a", "g", refusal())];
        let finding = check_of(&MQ, &silent, Some(60.0), open).swap_remove(0);
        assert!(finding.detail.contains("not the clock"), "{finding:?}");
        let expired = [asked("a", "g", Said::Complained(Some(Parameter::Time), Reply::with_code(408, "TimeExpired")))];
        let finding = check_of(&MQ, &expired, Some(1.0), open).swap_remove(0);
        assert!(
            words(&finding).contains("yet the clocks agree: the MQ's clock is within a second or two of ours"),
            "{finding:?}"
        );
        assert_eq!(finding.advice.as_deref(), Some(advice::DELAY));
    }

    #[test]
    fn a_made_up_name_that_is_not_there_is_no_fault() {
        let unknown = |parameter, code| Said::Unknown(Some(parameter), Reply::with_code(404, code));
        let made_up = [asked("?a", "?g", unknown(Parameter::Topic, "TopicNotExist"))];
        let findings = check_of(&MQ, &made_up, None, "Credentials:Warning Topic:Skipped Group:Skipped");
        assert_eq!(findings[0].advice.as_deref(), Some(advice::NAME_THEM));
        let no_group = [asked("a", "?g", unknown(Parameter::Group, "SubscriptionNotExist"))];
        let findings = check_of(&MQ, &no_group, None, "Credentials:Warning Topic:Skipped Group:Skipped");
        assert_eq!(findings[0].advice.as_deref(), Some(advice::NAME_THEM));
        assert!(findings[1].detail.contains("does not know the group that the question has"), "{findings:?}");
    }

    #[test]
    fn permission_is_told_from_existence_by_the_other_answers() {
        let denied = || Said::Refused(Reply::with_code(403, "AccessDenied"));
        let both = [asked("a", "g", accepted()), asked("b", "g", denied()), asked("a", "h", denied())];
        let findings =
            check_of(&MQ, &both, None, "Credentials:Ok Topic:Ok Topic:Failed Group:Ok Group:Skipped Group:Failed");
        for at in [2, 5] {
            assert!(words(&findings[at]).contains("or this one's user may not have"), "{findings:?}");
            assert_eq!(findings[at].advice.as_deref(), Some(advice::PERMISSION));
        }
    }

    #[test]
    fn other_keys_at_the_embedded_endpoint_mean_another_data_directory() {
        let mq = Respondent { protocol: Protocol::MqHttp, ..OURS };
        let said = Said::Complained(Some(Parameter::AccessKey), Reply::with_code(403, "InvalidAccessKeyId"));
        let findings =
            check_of(&mq, &[asked("?a", "?g", said)], None, "Credentials:Failed Topic:Skipped Group:Skipped");
        assert!(findings[0].detail.starts_with("refused with 403 InvalidAccessKeyId: an embedded"), "{findings:?}");
    }

    #[test]
    fn a_topic_that_the_embedded_endpoint_does_not_have_is_no_matter_of_the_vendors_console() {
        let listed = Respondent { any_name_is_good: false, ..OURS };
        let said = [asked("a", "g", refusal())];
        let finding =
            check_of(&listed, &said, Some(0.0), "Credentials:Failed Topic:Skipped Group:Skipped").swap_remove(0);
        assert!(
            words(&finding).contains("`topics` below [embedded]") && !words(&finding).contains("console"),
            "{finding:?}"
        );
        let mq = Respondent { protocol: Protocol::MqHttp, ..listed };
        let said = [asked("a", "g", Said::Unknown(Some(Parameter::Topic), Reply::with_code(404, "TopicNotExist")))];
        for finding in check_of(&mq, &said, None, "Credentials:Warning Topic:Failed Group:Skipped").iter().take(2) {
            let advice = finding.advice.as_deref();
            assert_eq!(advice, Some("add it to `topics` below [embedded], or leave that list empty"), "{finding:?}");
        }
    }

    #[test]
    fn the_producer_group_is_not_asked_about_and_why() {
        let told = |respondent, group| {
            let questions = Questions { asked: Vec::new(), left_out: 3, respondent };
            unasked(&questions, group).into_iter().map(|finding| finding.detail).collect::<Vec<_>>()
        };
        let more = "3 more pairs of topic and group were not asked about";
        let ons = "`PID`, the producer group: only a publish shows it, and nothing is published";
        assert_eq!(told(ONS, Some("PID")), [ons, more]);
        assert_eq!(told(MQ, None), ["the producer group: mq-http sends none", more]);
    }
}
