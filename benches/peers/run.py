#!/usr/bin/env python3
"""The gateway beside other programs that do its job: callers POST messages, the relay signs each for ONS HTTP and passes it on.

    python3 benches/peers/run.py path/to/mq-gateway [--quick | --exact-only | --check-only] [--json OUT] [--page]

docs/benchmarks.md says what is measured and what it means. Needs wrk and gcc, and two CPUs; valgrind and strace for the exact counts.
A relay whose program is missing is left out:

    apt-get install wrk gcc libc6-dev libssl-dev haproxy nginx-light libnginx-mod-http-lua lua-cjson golang-go valgrind strace

Nothing is installed here, only loopback is used, and only what was started here is ended.
"""

import argparse
import collections
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True  # a checkout stays as it is

import machine
import page
from correctness import check
from exact import exact
from processes import Program, found, free_port
from relays import HERE, PEERS, gateway, write_keys
from timed import timed
from work import BODY, Unexpected

Cpus = collections.namedtuple("Cpus", "relay load")


def say(text):
    print(text, file=sys.stderr, flush=True)


def cpus():
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Unexpected("two CPUs are needed: one for the relay, one for what it talks to")
    return Cpus(*usable[:2])


def made(relays, directory):
    """The relays that this machine can run."""
    good = []
    for relay in relays:
        lacks = relay.lacks()
        failed = None if lacks else relay.make(directory)
        if lacks or failed:
            say(f"   {relay.name}: left out, {'no ' + ', '.join(lacks) if lacks else failed}")
        else:
            good.append(relay)
    return good


def make_mq(directory):
    """The MQ of what is measured, on one CPU with the load."""
    subprocess.run(["gcc", "-O2", "-o", directory / "upstream", HERE / "upstream.c"], check=True)
    return [directory / "upstream", port := free_port(), hashlib.md5(BODY.encode()).hexdigest().upper()], port


def measure(arguments, directory):
    """Everything that was asked for, as it goes into the file of results."""
    where = cpus()
    binary = directory / "mq-gateway"
    # Valgrind reads all debug information at each start, which takes longer than what is counted.
    stripped = shutil.which("strip") and not subprocess.run(["strip", "-o", binary, arguments.program]).returncode
    if not stripped:
        shutil.copy(arguments.program, binary)
    write_keys(directory)
    say("which relays do what they must?")
    everything = [*PEERS, gateway(binary)]
    relays = made(everything, directory)
    good = check(relays, directory, where)
    if len(good) < len(relays):
        raise Unexpected("a relay does not do what it must")
    results = {"machine": machine.describe(binary, [relay.name for relay in everything if relay not in good]), "timed": [], "exact": []}
    if arguments.check_only:
        return results
    command, port = make_mq(directory)
    with Program(command, port, where.load, directory / "upstream.log") as mq:
        if not arguments.exact_only:
            rounds, seconds = (3, 1) if arguments.quick else (arguments.rounds, arguments.seconds)
            say(f"CPU time, {rounds} rounds of {seconds} s")
            results["timed"] = timed(good, directory, where, mq, rounds, seconds, arguments.quick)
        if not arguments.quick:
            say("exact counts")
            results["exact"] = exact(good, directory, where, mq)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, nargs="?", help="a release build of mq-gateway")
    extent = parser.add_mutually_exclusive_group()
    extent.add_argument("--quick", action="store_true", help="three rounds of a second, no exact counts")
    extent.add_argument("--exact-only", action="store_true", help="only instructions and system calls, which noise does not move")
    extent.add_argument("--check-only", action="store_true", help="only whether each relay does what it must")
    extent.add_argument("--from", type=Path, dest="results", metavar="JSON", help="measure nothing, tell what an earlier run has found")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2, help="of each run in a round")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all runs to this file")
    parser.add_argument("--page", action="store_true", help="write table and plot into docs/benchmarks.md and docs/benchmarks.svg")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as Ctrl-C: what was started here ends with this
    if arguments.results:
        results = json.loads(arguments.results.read_text())
    elif not arguments.program or not arguments.program.is_file():
        parser.error("which mq-gateway?")
    else:
        lacking = [program for program in ("wrk", "gcc") if not found(program)]
        if lacking:
            raise Unexpected(f"no {' and no '.join(lacking)}")
        with tempfile.TemporaryDirectory(prefix="mq-gateway-peers-") as directory:
            os.chmod(directory, 0o755)  # nginx's worker is another user
            results = measure(arguments, Path(directory))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")
    if not arguments.check_only:
        print(page.tables(results))
    if arguments.page:
        if not results["timed"] or not results["exact"]:
            raise Unexpected("the page wants a whole run")
        page.write(results)


if __name__ == "__main__":
    try:
        main()
    except (Unexpected, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"FAILED: {error}")
