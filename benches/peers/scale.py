#!/usr/bin/env python3
"""How the gateway grows: with an MQ that takes its time, with topics, with idle connections, with workers.

    python3 benches/peers/scale.py target/release/mq-gateway

Needs wrk and gcc, and two CPUs: the gateway has one, the load and the MQ the other. About a minute and a half. Prints Markdown tables.
"""

import argparse
import resource
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from counts import counts
from load import load
from page import table
from processes import Program, free_port
from relays import V1, gateway, write_keys
from run import cpus, make_mq
from work import Publish, Unexpected, one_envelope

SECONDS = 3
IDLE = 10_000


class Setting:
    """One gateway towards one MQ."""

    def __init__(self, binary, directory, where, millis=0, topics=0, workers=1):
        self.directory, self.where, self.topics, self.workers = directory, where, topics, workers
        command, self.mq_port = make_mq(directory)
        self.mq = Program([*command, str(millis)], self.mq_port, where.load, directory / "upstream.log")
        self.binary, self.port = binary, free_port()

    def __enter__(self):
        self.mq.__enter__()
        relay = gateway(self.binary)
        self.gateway = relay.start(self.directory, self.port, self.mq_port, self.where.relay)
        configuration = self.directory / "gateway.toml"
        text = configuration.read_text().replace("workers = 1", f"workers = {self.workers}")
        for number in range(self.topics):
            text += f'\n[[topics]]\nname = "topic-{number}"\nprofile = "ons"\ngroups = ["GID-{number}"]\n'
        configuration.write_text(text)
        begun = time.monotonic()
        self.gateway.__enter__()
        self.start_seconds = time.monotonic() - begun
        return self

    def __exit__(self, *_):
        self.gateway.__exit__()
        self.mq.__exit__()

    def publish(self, connections, target=V1):
        """Messages a second, CPU µs of each, and wrk's view."""
        work = Publish("publish 1 KB", target, one_envelope)
        load(self.port, work, connections, 1, self.where.load, self.directory)
        cpu, published, begun = self.gateway.cpu_seconds(), counts(self.mq_port)["published"], time.monotonic()
        seen = load(self.port, work, connections, SECONDS, self.where.load, self.directory)
        count = counts(self.mq_port)["published"] - published
        return count / (time.monotonic() - begun), (self.gateway.cpu_seconds() - cpu) / count * 1e6, seen


def delays(binary, directory, where):
    rows = []
    for millis in (0, 5, 20):
        with Setting(binary, directory, where, millis=millis) as setting:
            for connections in (64, 512, 1000):
                rate, cpu, seen = setting.publish(connections)
                rows.append([str(millis), str(connections), f"{rate:,.0f}", f"{cpu:.1f}", f"{seen['p50_us'] / 1000:.1f}",
                             f"{seen['p99_us'] / 1000:.1f}", f"{setting.gateway.resident_mib():.0f}"])
    return table(["MQ takes ms", "callers", "messages/s", "CPU µs", "p50 ms", "p99 ms", "RSS MiB"], rows)


def topics(binary, directory, where):
    rows = []
    for count in (10, 100, 1000):
        with Setting(binary, directory, where, topics=count) as setting:
            start, resident = setting.start_seconds, setting.gateway.resident_mib()
            rate, cpu, _ = setting.publish(64, f"/v1/topics/topic-{count - 1}/messages")
            rows.append([f"{count:,}", f"{start * 1000:.0f}", f"{resident:.0f}", f"{rate:,.0f}", f"{cpu:.1f}"])
    return table(["topics and groups", "start ms", "RSS MiB at start", "messages/s to the last", "CPU µs"], rows)


def workers(binary, directory, where):
    rows = []
    for count in (1, 2):
        with Setting(binary, directory, where, workers=count) as setting:
            rate, cpu, _ = setting.publish(64)
            rows.append([str(count), f"{rate:,.0f}", f"{cpu:.1f}", f"{setting.gateway.resident_mib():.0f}"])
    return table(["workers on one CPU", "messages/s", "CPU µs", "RSS MiB"], rows)


def idle(binary, directory, where):
    with Setting(binary, directory, where) as setting:
        before = setting.gateway.resident_mib()
        held = [socket.create_connection(("127.0.0.1", setting.port)) for _ in range(IDLE)]
        time.sleep(1)  # what is accepted is not told
        more = setting.gateway.resident_mib() - before
        cpu = setting.gateway.cpu_seconds()
        time.sleep(SECONDS)
        busy = (setting.gateway.cpu_seconds() - cpu) / SECONDS * 100
        for connection in held:
            connection.close()
    return table(["idle connections", "KiB each", "CPU % at rest"], [[f"{IDLE:,}", f"{more * 1024 / IDLE:.1f}", f"{busy:.1f}"]])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path, help="a release build of mq-gateway")
    binary, where = parser.parse_args().program.resolve(), cpus()
    wanted, (_, most) = IDLE + 2000, resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, most)))
    with tempfile.TemporaryDirectory(prefix="mq-gateway-scale-") as name:
        directory = Path(name)
        write_keys(directory)
        for measure in (delays, topics, workers, idle):
            print(measure(binary, directory, where), flush=True)
            print()


if __name__ == "__main__":
    try:
        main()
    except (Unexpected, OSError, subprocess.SubprocessError) as error:
        sys.exit(f"FAILED: {error}")
