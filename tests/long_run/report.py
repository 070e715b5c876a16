"""What a run found, as Markdown; and what of it is wrong."""

import time

from ledger import CUT_OFF, KINDS, NO_ANSWER, NOT_PUBLISHED, OUTCOMES, UNKNOWN, UNSAID
from measures import FIGURES

ALLOWED = 0.05
# Of small numbers 5 % is less than what comes and goes with the load: a connection here and there.
FEW = {"resident": 0, "anonymous": 0, "descriptors": 6}


def rows(head, lines):
    return "\n".join(
        [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(map(str, line))} |" for line in lines)]
    )


def progress(run):
    parts = []
    for lane in run.lanes:
        ledger = lane.ledger
        missing = "/".join(str(ledger.seen[kind].missing) for kind in KINDS)
        parts.append(f"{lane.name} {ledger.next}, {missing} to come, {ledger.twice} stored twice")
    cores = sum(run.measured.cores().values())
    fires = (
        sorted(f"{alert.removeprefix('MqGateway')}@{namespace}" for namespace, alert in run.alerts.now)
        if run.alerts
        else []
    )
    active = sorted(run.faults.active.values()) if run.faults else []
    memory = ", ".join(
        f"{name} {(series.values['resident'] or [0])[-1] / 1e6:.0f} MB" for name, series in run.measured.series.items()
    )
    return f"{run.phase}: " + "; ".join(parts) + f" | {cores:.2f} cores | {memory} | now: {active} | {fires}"


def messages(run):
    lines, wrong = [], []
    for lane in run.lanes:
        ledger = lane.ledger
        counts = [ledger.answers[name] for name in OUTCOMES[1:]]
        lost = {kind: ledger.lost(kind) for kind in KINDS}
        for kind, numbers in lost.items():
            if numbers:
                wrong.append(
                    f"{lane.name}: {len(numbers)} of the messages answered 201 never came to {kind}: {numbers[:5]}"
                )
        unknown, none = ledger.arrived(UNKNOWN)[0], ledger.arrived(NO_ANSWER)[0]
        lies, examples = ledger.arrived(NOT_PUBLISHED)
        if lies:
            wrong.append(f"{lane.name}: {lies} messages answered not_published arrived: {examples}")
        cut, examples = ledger.arrived(CUT_OFF)
        if cut:
            wrong.append(f"{lane.name}: {cut} messages arrived of which only a part was sent: {examples}")
        if ledger.answers[OUTCOMES[UNSAID]]:
            wrong.append(f"{lane.name}: {ledger.answers[OUTCOMES[UNSAID]]} publishes were answered without an outcome")
        if ledger.twice or ledger.foreign:
            wrong.append(
                f"{lane.name}: {ledger.twice} messages came under two ids, {ledger.foreign} were not what was published"
            )
        lines.append([lane.name, ledger.next, *counts, unknown, none, lies, *(len(lost[kind]) for kind in KINDS)])
    head = ["upstream", "messages", *OUTCOMES[1:], "unknown: arrived", "no answer: arrived", "not_published: arrived"]
    return rows([*head, *(f"lost to {kind}" for kind in KINDS)], lines), wrong


def answers(run):
    lines, wrong = [], []
    for lane in run.lanes:
        lines += [[lane.name, "publish", why, count] for why, count in lane.ledger.problems.most_common()]
        for what, counts in [("consuming", lane.callers.refused)] + [
            ("stream", it) for s in lane.callers.streams for it in (s.refused, s.problems)
        ]:
            lines += [[lane.name, what, why, count] for why, count in counts.most_common()]
        for why, count in lane.callers.unanswered.items():
            wrong.append(f"{lane.name}: without an answer, at a gateway that nobody killed: {why} ({count} times)")
    return rows(["upstream", "of", "answer", "times"], lines), wrong


def duplicates(run):
    lines, wrong = [], []
    for lane in run.lanes:
        for kind in KINDS:
            seen = lane.ledger.seen[kind]
            lines.append([lane.name, kind, seen.repeated, seen.repeated - seen.unexplained, seen.after_acknowledgement])
            # RocketMQ keeps what is acknowledged in memory for a while, so its own faults undo acknowledgements; the embedded
            # endpoint must not.
            if seen.after_acknowledgement and lane.protocol != "rocketmq":
                wrong.append(
                    f"{lane.name}: {seen.after_acknowledgement} messages came to {kind} after they were acknowledged in time:"
                    f" {seen.examples[:4]}"
                )
            if seen.unexplained:
                wrong.append(
                    f"{lane.name}: {seen.unexplained} messages came to {kind} again, and no fault explains it: {seen.examples[:4]}"
                )
    return rows(
        ["upstream", "consumer", "came again", "with a fault meanwhile", "after an acknowledgement in time"], lines
    ), wrong


def memory(run):
    lines, wrong = [], []
    names = ["baseline"]
    for name, series in run.measured.series.items():
        before, after = series.marks.get("baseline"), series.marks.get("end")
        if not before or not after or None in (*before.values(), *after.values()):
            wrong.append(f"{name}: memory and descriptors were not measured at the beginning and at the end")
            continue
        names = [it for it in series.marks if it != "end"]
        for figure in FIGURES:
            scale = 1 if figure == "descriptors" else 1e6
            change = after[figure] / before[figure] - 1
            shown = [*(series.marks[it][figure] for it in names), series.peak(figure), after[figure]]
            lines.append(
                [name, figure, *("?" if it is None else f"{it / scale:.1f}" for it in shown), f"{change:+.1%}"]
            )
            if after[figure] > max(before[figure] * (1 + ALLOWED), before[figure] + FEW[figure]):
                wrong.append(
                    f"{name}: {figure} {change:+.1%} at the gateway that nobody killed: {before[figure]:.0f} to {after[figure]:.0f}"
                )
    return rows(["upstream", "figure", *names, "peak", "end", "change"], lines), wrong


def alerts(run):
    if not run.alerts:
        return "Nobody looked.", []
    lines, wrong = [], []
    for (alert, namespace), row in sorted(run.alerts.rows().items()):
        because = ", ".join(
            f"{kind} ({count})" for kind, count in sorted(row["because"].items(), key=lambda it: -it[1])
        )
        lines.append([alert, namespace, row["times"], f"{row['seconds']:.0f}", because, len(row["unexplained"])])
        for at in row["unexplained"]:
            wrong.append(f"{namespace}: {alert} fired after {at - run.began:.0f} s, and no fault explains it")
    for namespace, alert in getattr(run, "overdue", []):
        wrong.append(f"{namespace}: {alert} still fires at the end, longer than its window after the last fault")
    still = ", ".join(f"{alert} of {namespace}" for namespace, alert in getattr(run, "still", [])) or "none"
    text = f"At the end fire, since their windows look back beyond the last fault: {still}."
    return text + "\n\n" + rows(
        ["alert", "namespace", "times", "seconds", "the last fault before it that explains it", "unexplained"], lines
    ), wrong


def logged(run):
    lines, wrong = [], []
    unexplained = run.logs.unexplained(run.journal)
    for (lane, level, message), count in sorted(run.logs.counts.items()):
        bare = unexplained.get((lane, level, message), [])
        lines.append([lane, level, message, count, len(bare)])
        if bare or level == "NO JSON" or "panicked" in message:
            first = f", first after {bare[0] - run.began:.0f} s" if bare else ""
            example = run.logs.examples[lane, level, message][0]
            wrong.append(
                f"{lane}: {level} `{message}` without a fault that explains it ({len(bare)} of {count}{first}): {example}"
            )
    return rows(["upstream", "level", "message", "times", "seconds without a fault"], lines), wrong


def written(run):
    """The report; what it finds wrong is added to the run's failures."""
    seconds, parts = time.monotonic() - run.began, []
    given = run.arguments
    parts.append(
        f"# A long run\n\nSeed {given.seed}, {given.seconds:.0f} s of faults, {seconds:.0f} s in all, {given.rate:.0f} messages a second."
    )
    if not hasattr(run, "measured"):
        return parts[0] + "\n\nIt did not start:\n" + "\n".join(run.failures)
    sections = [
        ("Messages", messages),
        ("What else was answered", answers),
        ("Duplicates", duplicates),
        ("Memory and descriptors of gateways that nobody killed", memory),
        ("Alerts", alerts),
        ("Logs", logged),
    ]
    for title, make in sections:
        text, wrong = make(run)
        parts.append(f"## {title}\n\n{text}")
        run.failures += wrong
    faults = sorted(run.journal.count.items(), key=lambda it: -it[1])
    parts.append("## Faults\n\n" + rows(["fault", "times"], faults))
    cores = run.measured.cores()
    parts.append(
        "## Processor\n\n" + rows(["process", "of a core"], [[name, f"{value:.3f}"] for name, value in cores.items()])
    )
    verdict = "\n".join(f"- {it}" for it in run.failures) or "Nothing is wrong."
    parts.insert(1, f"## Verdict\n\n{verdict}")
    return "\n\n".join(parts) + "\n"
