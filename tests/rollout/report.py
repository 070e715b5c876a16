"""What a run came to, in one line, and whether that is what was promised."""

import sys


def quantile(seconds, share):
    ordered = sorted(seconds)
    return f"{ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000:.1f} ms" if ordered else "–"


def span(seconds):
    return f"{min(seconds):.1f} to {max(seconds):.1f} s" if seconds else "–"


def line(run):
    ledger, gone = run.load.ledger, run.deployment.gone
    total = sum(ledger.requests.values())
    counts = ", ".join(f"{count:,} {operation}" for operation, count in ledger.requests.items())
    unlisted = [pod.unlisted_at - pod.terminated_at for pod in gone if pod.unlisted_at]
    again = sum(len(ids) - 1 for ids in ledger.worked.values())
    return (
        f"{run.name}: {len(gone)} replicas replaced in {run.load.lasted:.0f} s, {total:,} requests ({counts}), "
        f"{total / run.load.lasted:.0f} a second, {len(ledger.failures):,} failed; "
        f"publish p50 {quantile(ledger.seconds, 0.5)}, p99 {quantile(ledger.seconds, 0.99)}, "
        f"longest {quantile(ledger.seconds, 1)}; {len(ledger.stored):,} answered 201, {len(ledger.lost(ledger.audited))} of them "
        f"not in the MQ, {len(twice(ledger))} there twice, {len(ledger.lost(ledger.worked))} not received, {again} received again; "
        f"replicas ended {span([pod.ended_after for pod in gone])} after their signal, left the endpoints {span(unlisted)} after it, "
        f"and gave {run.balancer.late_answers:,} answers meanwhile"
    )


def twice(ledger):
    """What the auditor, who acknowledges at once, got more than once: by another id, it was stored twice."""
    return [body for body, ids in ledger.audited.items() if len(ids) > 1 and not body.startswith("warm-up")]


def complain(run, wrong):
    for what in wrong:
        print(f"FAILED: {run.name}: {what}", file=sys.stderr, flush=True)
    return not wrong


def good(run, promised):
    """Nothing failed, nothing is lost, nothing is there twice; and it was a test at all."""
    ledger, wrong = run.load.ledger, list(run.problems)
    if ledger.failures:
        wrong.append(f"{len(ledger.failures)} requests failed, as these: {[why for _, why in ledger.failures[:8]]}")
    if run.balancer.without_pod or run.balancer.not_taken:
        wrong.append(f"connections: {run.balancer.without_pod} had no replica, {run.balancer.not_taken} were not taken by one")
    wrong += lost(ledger)
    if again := twice(ledger):
        copies = [(body, ledger.audited[body]) for body in again[:5]]
        wrong.append(f"{len(again)} messages came to the auditor more than once: {copies}")
    if foreign := [body for body in ledger.audited if body not in ledger.stored and not body.startswith("warm-up")]:
        wrong.append(f"{len(foreign)} messages are in the MQ without having been answered 201: {foreign[:5]}")
    rate = sum(ledger.requests.values()) / run.load.lasted
    # A real broker on the same cores takes its share.
    if rate < (150 if run.name == "rocketmq" else 240):
        wrong.append(f"only {rate:.0f} requests a second were made of 300: the machine is too busy for this test")
    if len(run.deployment.gone) < run.rollouts * promised.replicas:
        wrong.append(f"only {len(run.deployment.gone)} replicas were replaced of {run.rollouts * promised.replicas}")
    if not run.balancer.late_answers:
        wrong.append("no replica answered after its SIGTERM: the load does not reach those that drain")
    return complain(run, wrong)


def controlled(run):
    """Requests failed, which the same eyes must have seen; what was answered 201 is there all the same."""
    wrong = lost(run.load.ledger)
    if not run.load.ledger.failures:
        wrong.append("no request failed, although replicas ended at once: this test would not see a failure")
    return complain(run, wrong)


def lost(ledger):
    wrong = []
    for who, seen in (("auditor", ledger.audited), ("workers", ledger.worked)):
        if missing := ledger.lost(seen):
            wrong.append(f"{len(missing)} messages that were answered 201 did not come to the {who}: {sorted(missing)[:5]}")
    return wrong
