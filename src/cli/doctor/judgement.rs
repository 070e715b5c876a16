//! What the answers to the doctor's questions say about keys, topics and groups, and what they leave open.
//!
//! The protocol answers 403 without a word to a wrong key, a wrong signature, a wrong time, and a topic or group of
//! somebody else. They are told apart as far as anybody can: the time by the `Date` of the answer, the keys by any
//! other question that was accepted. What is left is said.

use super::clocks::Skew;
use super::questions::{Asked, Parameter, Questions, Said};
use super::report::{Check, Finding, Verdict};

const CLOCK_ADVICE: &str =
    "mend the clock first and ask again: before that nothing can be said about keys, topics and groups";
const KEYS_ADVICE: &str = "compare access key and secret key with the vendor's console, character by character, and see \
                           there that topic and group exist and belong to this account; `mq-gateway sign --explain` \
                           shows what is signed";
const NAME_ADVICE: &str = "create it at the vendor's console or mend the name in the configuration; names are exact, \
                           letter case included";
const FOREIGN_ADVICE: &str = "see whether this is the address of the MQ's HTTP interface, and no proxy's or website's";
const UNABLE_ADVICE: &str = "ask whoever runs the MQ, or try again later";

const OTHER_ENDPOINT_ADVICE: &str = "the endpoint that runs there has another data directory: name it with --data-dir, or \
                                     end that one";

/// The findings on keys, topics and groups, in this order. `asked` is not empty. `any_name_is_good` where a refusal
/// cannot be about a name.
pub(super) fn judge(asked: &[Asked], skew: Option<Skew>, any_name_is_good: bool) -> Vec<Finding> {
    let mut findings = vec![credentials(asked, skew, any_name_is_good)];
    let mut named: Vec<&str> = Vec::new();
    for topic in asked.iter().map(|it| &it.question.topic).filter(|topic| !topic.made_up) {
        if !named.contains(&topic.name.as_str()) {
            named.push(&topic.name);
        }
    }
    findings.extend(named.iter().map(|name| topic(name, asked)));
    if named.is_empty() {
        findings.push(Finding::new(Check::Topic, Verdict::Skipped, "no topic is named in the configuration, only `*`"));
    }
    let groups: Vec<Finding> =
        asked.iter().filter(|it| !it.question.group.made_up).map(|it| group(it, asked)).collect();
    if groups.is_empty() {
        findings.push(Finding::new(Check::Group, Verdict::Skipped, "no group is named in the configuration"));
    }
    findings.extend(groups);
    findings
}

/// What was not asked, and why.
pub(super) fn unasked(questions: &Questions, producer_group: &str) -> Vec<Finding> {
    let producer = format!("`{producer_group}`, the producer group: only a publish shows it, and nothing is published");
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

fn credentials(asked: &[Asked], skew: Option<Skew>, any_name_is_good: bool) -> Finding {
    let finding = |verdict, detail: String| Finding::new(Check::Credentials, verdict, detail);
    // The answer that tells most: accepted, then about the keys, then any.
    let telling = |it: &&Asked| match &it.said {
        Said::Accepted(_) => 0,
        Said::Complained(Some(Parameter::Keys | Parameter::Time), _) => 1,
        Said::Refused(_) => 2,
        Said::Complained(..) | Said::Unknown(_) => 3,
        Said::Unable(_) | Said::Foreign(_) => 4,
        Said::Nothing(_) => 5,
    };
    let Some(it) = asked.iter().min_by_key(telling) else {
        return finding(Verdict::Skipped, "nothing was asked".to_owned());
    };
    match &it.said {
        Said::Accepted(status) => finding(
            Verdict::Ok,
            format!(
                "the MQ accepted a signed request ({status} to the acknowledgement of a handle that does not exist)"
            ),
        ),
        Said::Complained(Some(Parameter::Keys), code) => {
            finding(Verdict::Failed, format!("the MQ's 400 ({code}) is about the access key or the signature"))
                .advise(KEYS_ADVICE)
        }
        Said::Complained(Some(Parameter::Time), code) => {
            finding(Verdict::Failed, format!("the MQ's 400 ({code}) is about the time of the request"))
                .advise(CLOCK_ADVICE)
        }
        Said::Refused(status) => refused(it, *status, skew, any_name_is_good),
        Said::Complained(_, code) => finding(
            Verdict::Warning,
            format!("not known: the MQ answered 400 ({code}), and may not have looked at the signature"),
        )
        .advise(KEYS_ADVICE),
        Said::Unknown(code) => finding(
            Verdict::Warning,
            format!("not known: the MQ answered 404 ({code}), and may not have looked at the signature"),
        )
        .advise(NAME_ADVICE),
        Said::Unable(status) => {
            finding(Verdict::Failed, format!("not known: the MQ answered {status}, so it could not serve the request"))
                .advise(UNABLE_ADVICE)
        }
        Said::Foreign(status) => {
            finding(Verdict::Failed, format!("the answer was {status}, which the MQ's protocol does not have here"))
                .advise(FOREIGN_ADVICE)
        }
        Said::Nothing(reason) => {
            finding(Verdict::Failed, format!("the MQ gave no usable answer: {reason}")).advise(FOREIGN_ADVICE)
        }
    }
}

/// All questions were refused.
fn refused(it: &Asked, status: u16, skew: Option<Skew>, any_name_is_good: bool) -> Finding {
    let made_up = it.question.topic.made_up || it.question.group.made_up;
    match skew {
        Some(skew) if skew.is_fatal() => {
            let detail = format!("refused with {status}; the clocks alone explain it: {}", skew.words());
            return Finding::new(Check::Credentials, Verdict::Failed, detail).advise(CLOCK_ADVICE);
        }
        Some(_) | None => {}
    }
    if any_name_is_good {
        let detail = format!("refused with {status}: an embedded endpoint with other keys than these");
        return Finding::new(Check::Credentials, Verdict::Failed, detail).advise(OTHER_ENDPOINT_ADVICE);
    }
    let clock = match skew {
        Some(skew) => format!("not the clock ({})", skew.words()),
        None => "or the clock, which could not be compared".to_owned(),
    };
    let mut detail = format!(
        "refused with {status}; the MQ does not say why: the access key, the secret key, or a topic or group that is not \
         this account's, {clock}"
    );
    if made_up {
        detail.push_str(
            "; topic or group were made up for the question, since none is named, so good keys may be refused",
        );
    }
    let verdict = if made_up { Verdict::Warning } else { Verdict::Failed };
    let advice = if made_up { "name a topic and a group in the configuration and ask again" } else { KEYS_ADVICE };
    Finding::new(Check::Credentials, verdict, detail).advise(advice)
}

fn topic(name: &str, asked: &[Asked]) -> Finding {
    let finding = |verdict, detail: &str| Finding::new(Check::Topic, verdict, format!("`{name}` {detail}"));
    let ours: Vec<&Asked> = asked.iter().filter(|it| it.question.topic.name == name).collect();
    let any = |wanted: fn(&Said) -> bool| ours.iter().any(|it| wanted(&it.said));
    if any(|said| matches!(said, Said::Accepted(_))) {
        return finding(Verdict::Ok, "was accepted");
    }
    if any(|said| matches!(said, Said::Unknown(_))) {
        return finding(Verdict::Failed, "or its group is not known to the MQ: 404").advise(NAME_ADVICE);
    }
    if any(|said| matches!(said, Said::Complained(Some(Parameter::Topic), _))) {
        return finding(Verdict::Failed, "is not to the MQ's liking: 400").advise(NAME_ADVICE);
    }
    if !any(|said| matches!(said, Said::Refused(_))) {
        return finding(Verdict::Skipped, "could not be asked about, see the credentials");
    }
    if !accepted(asked) {
        return finding(Verdict::Skipped, "was refused together with the credentials; the MQ does not say which it is");
    }
    if ours.iter().all(|it| it.question.group.made_up) {
        return finding(
            Verdict::Warning,
            "was refused, and the keys are good; its groups are not named, so it may be the made-up one of the question",
        )
        .advise("name a group of the topic in the configuration and ask again");
    }
    finding(
        Verdict::Failed,
        "was refused, and the keys are good: it, or its groups, do not exist or belong to another account",
    )
    .advise(NAME_ADVICE)
}

fn group(it: &Asked, asked: &[Asked]) -> Finding {
    let (name, topic) = (&it.question.group.name, &it.question.topic.name);
    let finding = |verdict, detail: &str| {
        let of = if it.question.topic.made_up { "a made-up topic".to_owned() } else { format!("`{topic}`") };
        Finding::new(Check::Group, verdict, format!("`{name}` on {of} {detail}"))
    };
    match &it.said {
        Said::Accepted(_) => finding(Verdict::Ok, "was accepted"),
        Said::Complained(Some(Parameter::Group), _) => {
            finding(Verdict::Failed, "is not to the MQ's liking: 400").advise(NAME_ADVICE)
        }
        Said::Refused(_) if asked.iter().any(|other| other.question.topic.name == *topic && is_accepted(other)) => {
            finding(
                Verdict::Failed,
                "was refused, and the topic is good: it does not exist or belongs to another account",
            )
            .advise(NAME_ADVICE)
        }
        Said::Refused(_) if accepted(asked) => {
            finding(Verdict::Skipped, "was refused with its topic; the MQ does not say which it is")
        }
        Said::Refused(_) => {
            finding(Verdict::Skipped, "was refused together with the credentials; the MQ does not say which it is")
        }
        Said::Complained(..) | Said::Unknown(_) | Said::Unable(_) | Said::Foreign(_) | Said::Nothing(_) => {
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
        Said::Refused(403)
    }

    /// Verdicts by their first letters: credentials, topics, groups.
    #[track_caller]
    fn check(asked: &[Asked], skew: Option<f64>, expected: &str) -> Vec<Finding> {
        let findings = judge(asked, skew.map(Skew), false);
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
        check(&[asked("a", "g", Said::Accepted(204))], None, all);
        check(&[asked("a", "g", Said::Accepted(400))], Some(0.1), all);
        let unnamed = "Credentials:Ok Topic:Skipped Group:Skipped";
        check(&[asked("?a", "?g", Said::Accepted(400))], None, unnamed);
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
        assert_eq!(judge(&made_up, Some(Skew(0.2)), true)[0].verdict, Verdict::Failed, "every name is good there");
    }

    #[test]
    fn one_good_answer_clears_the_keys_and_leaves_the_names() {
        let good = || asked("a", "g", Said::Accepted(204));
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
        let code = || "SC_BAD_REQUEST".to_owned();
        let verdicts = |said: Said| {
            judge(&[asked("a", "g", said)], None, false).iter().map(|finding| finding.verdict).collect::<Vec<_>>()
        };
        use Verdict::{Failed, Skipped, Warning};
        for (said, expected) in [
            (Said::Unknown(code()), [Warning, Failed, Skipped]),
            (Said::Complained(Some(Parameter::Topic), code()), [Warning, Failed, Skipped]),
            (Said::Complained(Some(Parameter::Group), code()), [Warning, Skipped, Failed]),
            (Said::Complained(Some(Parameter::Keys), code()), [Failed, Skipped, Skipped]),
            (Said::Complained(Some(Parameter::Time), code()), [Failed, Skipped, Skipped]),
            (Said::Complained(None, code()), [Warning, Skipped, Skipped]),
            (Said::Unable(502), [Failed, Skipped, Skipped]),
            (Said::Foreign(404), [Failed, Skipped, Skipped]),
            (Said::Nothing("reset".into()), [Failed, Skipped, Skipped]),
        ] {
            assert_eq!(verdicts(said.clone()), expected, "{said:?}");
        }
    }
}
