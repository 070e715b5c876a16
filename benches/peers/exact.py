"""Counts that no other work on the machine moves: user instructions (valgrind) and system calls (strace) of each message.

Each is the difference between a longer and a shorter run of the whole program, divided by that of their messages: what starting and
stopping take is in both. The shorter run lasts as long as the longer one, so what happens by the clock is in both, too.
"""

import re
import sys
import time

from counts import counts
from load import load
from processes import found, free_port
from relays import LARGE
from work import Connection, Publish, Unexpected

# Valgrind counts each byte of a rep-prefixed memset or memcpy as an instruction, so libc is set to use none.
NO_REP = {"GLIBC_TUNABLES": "glibc.cpu.x86_rep_stosb_threshold=1000000000:glibc.cpu.x86_rep_movsb_threshold=1000000000"}
MANY = 64
SHORTER_SECONDS, LONGER_SECONDS = 1, 3


def exact(relays, directory, cpus, mq):
    """A row for each relay and work; `None` where the tool is missing or cannot run the relay."""
    rows = []
    for relay in relays:
        for work in relay.works:
            if work.description == LARGE:
                continue
            shorter, longer = (50, 450) if isinstance(work, Publish) and work.messages == 1 else (5, 35)
            counted = [one_by_one(work, shorter), one_by_one(work, longer)]
            loaded = [under_load(work, seconds, cpus, directory) for seconds in (SHORTER_SECONDS, LONGER_SECONDS)]
            row = {"relay": relay.name, "work": work.description}
            for name, count, loads in [("instructions", Instructions, counted), ("calls", Calls, counted), ("calls_many", Calls, loaded)]:
                try:
                    row[name] = difference(count, relay, work, loads, directory, cpus, mq) if found(count.tool) else None
                except (Unexpected, OSError) as error:
                    print(f"   {relay.name}, {work.description}: no {name}: {error}", file=sys.stderr)
                    row[name] = None
            rows.append(row)
            told = [f"{value:,.1f} {name}" if isinstance(value, float) else str(value) for name, value in row.items()]
            print(f"   {', '.join(told)}", file=sys.stderr)
    return rows


def one_by_one(work, steps):
    def run(port):
        with Connection(port) as connection:
            for _ in range(steps):
                work.step(connection)
    return run


def under_load(work, seconds, cpus, directory):
    return lambda port: load(port, work, min(MANY, work.most_connections), seconds, cpus.load, directory)


def difference(count, relay, work, loads, directory, cpus, mq):
    shorter, longer = loads
    more, more_messages, seconds = whole_run(count, relay, work, longer, directory, cpus, mq, 0)
    less, less_messages, _ = whole_run(count, relay, work, shorter, directory, cpus, mq, seconds)
    return (more - less) / (more_messages - less_messages)


def whole_run(count, relay, work, run, directory, cpus, mq, at_least_seconds):
    """What was counted from the relay's start to its end, how many messages there were, and how long the work took."""
    for old in directory.glob(f"{count.tool}.out*"):
        old.unlink()
    before = counts(mq.port)[work.counted]
    with relay.start(directory, free_port(), mq.port, cpus.relay, count.wrapper(directory), count.environment) as program:
        begun = time.monotonic()
        run(program.port)
        time.sleep(max(0, at_least_seconds - (time.monotonic() - begun)))
        seconds = time.monotonic() - begun
    return count.read(directory), counts(mq.port)[work.counted] - before, seconds


class Instructions:
    tool, environment = "valgrind", NO_REP

    @staticmethod
    def wrapper(directory):
        return ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no", "--trace-children=yes",
                "--cachegrind-out-file=/dev/null", f"--log-file={directory}/valgrind.out.%p"]

    @staticmethod
    def read(directory):
        texts = [path.read_text() for path in directory.glob("valgrind.out.*")]
        totals = [total for text in texts for total in re.findall(r"I\s+refs:\s+([\d,]+)", text)]
        if not totals:
            raise Unexpected(f"valgrind did not count: {''.join(texts)[-500:]}")
        return sum(int(total.replace(",", "")) for total in totals)


class Calls:
    tool, environment = "strace", None

    @staticmethod
    def wrapper(directory):
        return ["strace", "-f", "-c", "--summary-columns=calls,name", "-o", directory / "strace.out"]

    @staticmethod
    def read(directory):
        total = re.search(r"^\s*(\d+)\s+total$", (directory / "strace.out").read_text(), re.M)
        if not total:
            raise Unexpected("strace did not count")
        return int(total[1])
