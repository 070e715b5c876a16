"""What a request costs the gateway, in user instructions, against what it cost when that was last recorded.

    python3 tests/cost/cost.py PROGRAM DIRECTORY [--record]

PROGRAM is a release build, DIRECTORY is for files and logs. `.ci/stages/cost.sh` calls this and takes `--record` too.

Instructions are counted by valgrind, so neither the machine's speed nor its other work changes them. Each kind of work (`work.py`) is done
by two runs of different length, and the difference of their counts is divided by that of their messages: what starting and stopping
cost is in both. The shorter run then waits until it has lasted as long as the longer one, so what happens by the clock is in both, too.
Every response is checked, and so is how many requests reached the MQ: a run in which anything failed counts for nothing.

More than LIMIT_PERCENT above a recorded number is a failure. `recorded.toml` holds for the compiler and the machine it names; with others,
the table is printed and nothing fails.
"""

import argparse
import platform
import re
import sys
import time
import tomllib
from pathlib import Path

from gateway import Gateway
from work import KINDS, Connection, Unexpected

RECORDED = Path(__file__).resolve().parent / "recorded.toml"
LIMIT_PERCENT = 3.0
METHODS = ("POST", "GET", "DELETE")
RECORD = "bash .ci/stages/cost.sh --record"


# ---- first: does the work succeed, and is it noticed when it does not? -------------------------------------------------


def must_fail(kind, address, spoiled, why):
    connection = Connection(address)
    try:
        kind.run(connection, **spoiled)
    except Unexpected:
        return
    finally:
        connection.close()
    raise Unexpected(f"{kind.description}: succeeded {why}")


def check(program, directory):
    """Every kind once, without valgrind; then with what must be refused; then without the MQ."""
    with Gateway(program, directory / "check", counted=False) as gateway:
        for kind in KINDS:
            before = gateway.upstream_counts()
            connection = Connection(gateway.address)
            kind.run(connection)
            connection.close()
            must_have_asked(kind, 1, before, gateway.upstream_counts())
            before = gateway.upstream_counts()
            for spoiled in kind.spoiled:
                must_fail(kind, gateway.address, spoiled, f"with a wrong {', '.join(spoiled)}")
            after = gateway.upstream_counts()
            if any(after[method] != before[method] for method in ("POST", "DELETE")):
                raise Unexpected(f"{kind.description}: what was refused reached the MQ")
        gateway.end_upstream()
        for kind in KINDS:
            must_fail(kind, gateway.address, {}, "without an MQ")


def must_have_asked(kind, steps, before, after):
    for method in METHODS:
        asked, expected = after[method] - before[method], steps * kind.upstream.get(method, 0)
        if asked != expected:
            raise Unexpected(f"{kind.description}: {asked} {method} reached the MQ in {steps} steps, not {expected}")


# ---- then: what does it cost? ------------------------------------------------------------------------------------------


def count(program, directory, kind, steps, at_least_seconds=0.0):
    """The instructions of a whole run, and how long its work took."""
    with Gateway(program, directory / f"{kind.name}-{steps}", counted=True) as gateway:
        begun = time.monotonic()
        connection = Connection(gateway.address)
        for _ in range(steps):
            kind.run(connection)
        time.sleep(max(0.0, at_least_seconds - (time.monotonic() - begun)))
        seconds = time.monotonic() - begun
        connection.close()
        must_have_asked(kind, steps, dict.fromkeys(METHODS, 0), gateway.upstream_counts())
    return gateway.instructions, seconds


def instructions(program, directory, kind):
    """What one message costs."""
    shorter, longer = kind.steps
    more, seconds = count(program, directory, kind, longer)
    less, _ = count(program, directory, kind, shorter, seconds)
    return round((more - less) / (longer - shorter) / kind.messages)


# ---- last: is it what was recorded? ------------------------------------------------------------------------------------


def compiler(program):
    """The compiler, as `rustc --version` prints it, from the program itself: the one at hand may be another."""
    found = re.search(rb"rustc version (\d[\w.-]* \([0-9a-f]+ [\d-]+\))\0", program.read_bytes())
    if not found:
        raise Unexpected(f"{program} does not say which rustc has made it")
    return "rustc " + found[1].decode()


def record(made_by, counted):
    lines = ["# User instructions of a request or message (cost.py). Changed on purpose only, in the commit that changes what it costs:",
             f"# {RECORD}", f'rustc = "{made_by["rustc"]}"', f'machine = "{made_by["machine"]}"', "", "[instructions]"]
    RECORDED.write_text("\n".join(lines + [f"{name} = {number}" for name, number in counted.items()]) + "\n")
    print(f"   recorded in {RECORDED.name}")


def compare(recorded, made_by, counted):
    """Prints the table. Whether nothing has become dearer than it may."""
    print(f"   {'instructions':<58}{'recorded':>10}{'now':>10}{'difference':>12}")
    dearer = cheaper = False
    for kind in KINDS:
        before, now = recorded["instructions"][kind.name], counted[kind.name]
        percent = 100 * (now - before) / before
        dearer, cheaper = dearer or percent > LIMIT_PERCENT, cheaper or percent < -LIMIT_PERCENT
        mark = "  <- more" if percent > LIMIT_PERCENT else "  <- less" if percent < -LIMIT_PERCENT else ""
        print(f"   {kind.description:<58}{before:>10,}{now:>10,}{percent:>+10.1f} %{mark}")
    other = [f"{recorded[name]} there, {value} here" for name, value in made_by.items() if recorded[name] != value]
    if other:
        print(f"   not compared, since the numbers were recorded elsewhere: {'; '.join(other)}")
        return True
    if cheaper:
        print(f"   less than recorded by more than {LIMIT_PERCENT:.0f} %: if that is on purpose, keep it: {RECORD}")
    return not dearer


def main():
    parser = argparse.ArgumentParser(description="user instructions per request against the recorded ones")
    parser.add_argument("program", type=Path)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--record", action="store_true", help="write what was counted to recorded.toml")
    arguments = parser.parse_args()
    program = arguments.program.resolve()
    made_by = {"rustc": compiler(program), "machine": platform.machine()}
    check(program, arguments.directory)
    print("   every kind of request succeeds, and fails where it must")
    counted = {kind.name: instructions(program, arguments.directory, kind) for kind in KINDS}
    if arguments.record:
        record(made_by, counted)
    recorded = tomllib.loads(RECORDED.read_text())
    if recorded["instructions"].keys() != counted.keys():
        raise Unexpected(f"{RECORDED.name} has not the kinds of work that there are: {RECORD}")
    if not compare(recorded, made_by, counted):
        raise Unexpected(f"a request costs over {LIMIT_PERCENT:.0f} % more than recorded; if it must: {RECORD}")


if __name__ == "__main__":
    try:
        main()
    except (Unexpected, OSError) as error:
        sys.exit(f"FAILED: {error}")
