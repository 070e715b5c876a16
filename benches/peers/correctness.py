"""Before anything is measured: does each relay sign, pass bodies on as they are, and give each caller its own answer?

What is wrong must be noticed, so what signs nothing must be refused, and the gateway with another secret, too.
"""

import hashlib
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from counts import counts
from processes import Program, free_port
from work import Connection, Publish, Unexpected

CALLERS, ROUNDS = 8, 10
TEXTS = ["plain", 'quo"ted \\ back/slash', "中文 é 🚀", "tab\tnew\nline", "<a href='b'>&amp;</a>", "x" * 16000]


def caller(port, work, number):
    """Its own texts through one connection. Each must come back as the id that the MQ makes of it, in their order."""
    with Connection(port) as connection:
        for step in range(ROUNDS):
            if not isinstance(work, Publish):
                bodies = work.step(connection)
                if not all(body.startswith("delivery ") and body.endswith("x" * 900) for body in bodies):
                    raise Unexpected(f"{work.description}: not the bodies that the MQ gave")
                continue
            texts = [f"{number}.{step}.{index} {TEXTS[(step + index) % len(TEXTS)]}" for index in range(work.messages)]
            # A batch of long bodies would be larger than a caller may send.
            texts = texts if work.messages == 1 else [text[:2000] for text in texts]
            ids = work.step(connection, texts)
            if ids != [hashlib.md5(text.encode()).hexdigest().upper() for text in texts]:
                raise Unexpected(f"{work.description}: not the ids of what was sent")


def must_pass(port, work, mq_port):
    before = counts(mq_port)
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(lambda number: caller(port, work, number), range(CALLERS)))
    after = counts(mq_port)
    done, expected = after[work.counted] - before[work.counted], CALLERS * ROUNDS * work.messages
    if done != expected or after["refused"] != before["refused"]:
        raise Unexpected(f"{work.description}: {done} of {expected} messages {work.counted}, refused: {after['reasons']}")


def must_be_refused(port, work, mq_port):
    before = counts(mq_port)
    try:
        with Connection(port) as connection:
            work.step(connection)
    except Unexpected:
        if counts(mq_port)["refused"] > before["refused"]:
            return
    raise Unexpected(f"{work.description}: the MQ did not refuse it")


def check(relays, directory, cpus):
    """The relays that do what they must, after a line for each."""
    mq_port, good = free_port(), []
    command = [sys.executable, "-B", Path(__file__).with_name("checking_mq.py"), mq_port]
    with Program(command, mq_port, cpus.load, directory / "checking_mq.log"):
        for relay in relays:
            try:
                with relay.start(directory, free_port(), mq_port, cpus.relay) as program:
                    for work in relay.works:
                        (must_pass if relay.signs else must_be_refused)(program.port, work, mq_port)
                if relay.wrong_keys:
                    with relay.start(directory, free_port(), mq_port, cpus.relay, keys=relay.wrong_keys) as program:
                        for work in relay.works:
                            must_be_refused(program.port, work, mq_port)
            except (Unexpected, OSError) as error:
                print(f"   {relay.name}: WRONG, not measured: {error}", file=sys.stderr)
                continue
            says = "refused, as it must be" if not relay.signs else f"{len(relay.works)} kinds of work, {CALLERS * ROUNDS} steps each"
            says += "; refused with another secret" if relay.wrong_keys else ""
            print(f"   {relay.name}: good, {says}", file=sys.stderr)
            good.append(relay)
    return good
