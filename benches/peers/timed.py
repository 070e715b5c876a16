"""Rounds under load: what each message costs a relay in CPU time, and how fast it is.

Every relay runs all the time, and in a round each works once after the other, in another order than in the round before: what the
machine does besides meets all of them. The first round only warms up, so what is counted finds its connections open.
"""

import contextlib
import resource
import sys
import time

from counts import counts
from load import load
from processes import busy_seconds, free_port
from relays import LARGE, SMALL
from work import Unexpected

# How many connections, and for which works; `None` is any but LARGE.
CELLS = [(64, None), (64, LARGE), (1, SMALL)]
QUICK_CELLS = CELLS[:2]
QUIET_SECONDS, TRIES = 0.1, 3


def timed(relays, directory, cpus, mq, rounds, seconds, quick):
    """All counted runs."""
    runs = []
    with contextlib.ExitStack() as stack:
        programs = [(relay, stack.enter_context(relay.start(directory, free_port(), mq.port, cpus.relay))) for relay in relays]
        for connections, wanted in QUICK_CELLS if quick else CELLS:
            begun = time.monotonic()
            rows = [(relay, program, work) for relay, program in programs for work in relay.works if wanted_work(work, wanted)]
            for number in range(rounds + 1):
                turned = rows[number % len(rows):] + rows[:number % len(rows)]
                for relay, program, work in turned[::-1] if number % 2 else turned:
                    run = one_that_counts(relay, program, work, connections, seconds if number else 1, directory, cpus, mq)
                    if number:
                        runs.append({"relay": relay.name, "work": work.description, "connections": connections, "round": number, **run})
            print(f"   {len(rows)} rows with {connections} connections: {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return runs


def wanted_work(work, wanted):
    return work.description == wanted if wanted else work.description != LARGE


def one_that_counts(relay, *run):
    """On a machine that others use, too, a run may be spoiled; three in a row are the relay's own fault."""
    for left in reversed(range(TRIES)):
        try:
            return one(*run)
        except Unexpected as error:
            print(f"   {relay.name}: does not count: {error}", file=sys.stderr)
            if not left:
                raise


def one(program, work, connections, seconds, directory, cpus, mq):
    connections = min(connections, work.most_connections)
    before, own_before, busy_before, cpu_before = settled(mq), own_seconds(mq), busy_seconds(), program.cpu_seconds()
    seen = load(program.port, work, connections, seconds, cpus.load, directory)
    after = settled(mq)
    cpu, busy, own = program.cpu_seconds() - cpu_before, busy_seconds() - busy_before, own_seconds(mq) - own_before
    messages = after[work.counted] - before[work.counted]
    must_be_all(work, connections, seen["requests"], messages)
    return {
        "cpu_us": cpu / messages * 1e6, "messages_per_second": messages / seen["seconds"],
        "p50_us": seen["p50_us"] if work.latency_tells else None, "p99_us": seen["p99_us"] if work.latency_tells else None,
        "resident_mib": program.resident_mib(), "new_connections": after["connections"] - before["connections"],
        "others": max(0.0, busy - cpu - own) / seen["seconds"],
    }


def settled(mq):
    """What the MQ has counted, once it is asked for nothing any more: callers that hung up may have left something under way."""
    last = counts(mq.port)
    while True:
        time.sleep(QUIET_SECONDS)
        now = counts(mq.port)
        if now == last:
            return now
        last = now


def must_be_all(work, connections, requests, messages):
    """What was answered has reached the MQ; beside it, what was under way at the end of the run, one request on each connection."""
    least, most = [(requests / work.requests + more) * work.messages for more in (-connections, connections)]
    if not least <= messages <= most or (work.requests == 1 and messages < requests * work.messages):
        raise Unexpected(f"{work.description}: {messages} messages {work.counted} by {requests} requests")


def own_seconds(mq):
    """CPU time of the measurement itself: wrk, which has ended, this program, and the MQ."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return mq.cpu_seconds() + sum(usage.ru_utime + usage.ru_stime for usage in usages)
