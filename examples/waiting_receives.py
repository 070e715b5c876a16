"""Thousands of receives that wait, through a gateway in front of an MQ in another process.

    ulimit -n 20000
    python3 examples/waiting_receives.py target/release/mq-gateway [waiters] [groups] [seconds]

Starts `embedded-mq` in memory and a gateway that reaches it over ONS HTTP, and has so many callers wait by long poll, each of which
asks again as soon as it is answered. Prints what that costs while nothing is published: the gateway's memory and processor time,
its connections to the MQ and how often it asks; then how long a publish takes to reach a waiter of each group, of 100.
"""

import json
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

TOPIC, PUBLISHES, WAIT_SECONDS = "orders", 100, 30
START_SECONDS = 60


class Program:
    """One process of the program, killed at the end."""

    def __init__(self, path, arguments, directory, listeners):
        log = open(os.path.join(directory, "log"), "w+")
        self.child = subprocess.Popen([path, *arguments], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.addresses, deadline = {}, time.monotonic() + START_SECONDS
        while not listeners <= self.addresses.keys():
            if self.child.poll() is not None or time.monotonic() > deadline:
                sys.exit("it does not listen:\n" + open(log.name).read())
            time.sleep(0.05)
            events = [json.loads(line) for line in open(log.name) if line.startswith("{") and line.endswith("\n")]
            self.addresses = {event["listener"]: event["address"] for event in events if event["message"] == "listening"}

    def resident(self):
        """In megabytes."""
        with open(f"/proc/{self.child.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) / 1024

    def processor(self):
        """Seconds of processor time."""
        with open(f"/proc/{self.child.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metric(self, name, *labels):
        with urllib.request.urlopen(f"http://{self.addresses['management']}/metrics") as answer:
            lines = answer.read().decode().splitlines()
        found = [line for line in lines if re.match(name + r"[{ ]", line) and all(label in line for label in labels)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    def stop(self):
        self.child.kill()
        self.child.wait()


def start_mq(path, directory):
    arguments = ["embedded-mq", "--in-memory", "--embedded-listen", "127.0.0.1:0", "--data-dir", directory]
    program = Program(path, arguments, directory, {"embedded"})
    keys = json.loads(subprocess.check_output([path, "embedded-mq", "credentials", "--data-dir", directory]))
    for name in ("access_key", "secret_key"):
        with open(os.open(os.path.join(directory, name), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(keys[name])
    return program


def start_gateway(path, directory, mq):
    configuration = os.path.join(directory, "gateway.toml")
    with open(configuration, "w") as file:
        file.write(
            f'[server]\nlisten = "127.0.0.1:0"\n[management]\nlisten = "127.0.0.1:0"\n[credentials.main]\ndirectory = "{directory}"\n'
            f'[profiles.main]\nprotocol = "ons-http"\nendpoints = ["http://{mq.addresses["embedded"]}"]\ncredentials = "main"\n'
            'producer_group = "PID_a"\n[[topics]]\nname = "*"\nprofile = "main"\ngroups = ["*"]\n'
        )
    os.mkdir(os.path.join(directory, "gateway"))
    return Program(path, ["--config", configuration], os.path.join(directory, "gateway"), {"data", "management"})


class Waiters:
    """Callers who wait, ask again when they are answered, and note when a message came."""

    def __init__(self, address, count, groups):
        self.host, port = address.rsplit(":", 1)
        self.poll, self.all, self.port = select.epoll(), {}, int(port)
        self.answers, self.failures, self.arrivals = 0, 0, []
        for number in range(count):
            self.add(number, f"CID_{number % groups}")
            self.work(0)

    def add(self, number, group):
        # One address has too few ports for very many.
        source = (f"127.0.0.{2 + number // 5000}", 0)
        connection = socket.create_connection((self.host, self.port), 30, source)
        body = json.dumps({"wait_seconds": WAIT_SECONDS, "max_messages": 32})
        head = f"POST /v1/topics/{TOPIC}/groups/{group}/messages:receive HTTP/1.1\r\nHost: localhost\r\n"
        request = f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        self.all[connection.fileno()] = (connection, request, group)
        self.poll.register(connection, select.EPOLLIN)
        connection.sendall(request)

    def work(self, seconds):
        """Handles what has been answered, or is within so long."""
        for number, _ in self.poll.poll(seconds, 1000):
            connection, request, group = self.all[number]
            answer = connection.recv(1 << 16)
            while not is_whole(answer):
                answer += connection.recv(1 << 16) or sys.exit("a connection ended")
            now = time.monotonic()
            self.answers += 1
            if not answer.startswith(b"HTTP/1.1 200"):
                self.failures += 1
                print(answer.decode(), file=sys.stderr)
            self.arrivals += [(group, now)] * answer.count(b'"message_id"')
            connection.sendall(request)


def is_whole(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    if length:
        return len(body) >= int(length[1])
    return b"chunked" in head.lower() and body.endswith(b"0\r\n\r\n")


def connections_to(address):
    """Established connections to a port, as the kernel counts them at the server's end."""
    port = f":{int(address.rsplit(':', 1)[1]):04X}"
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table]
    return sum(1 for row in rows[1:] if row[1].endswith(port) and row[3] == "01")


def at_rest(gateway, mq, waiters, seconds):
    receives = ("mq_gateway_upstream_requests_total", 'operation="receive"')
    before, asked, answered = gateway.processor(), gateway.metric(*receives), waiters.answers
    most, polls, end = 0, 0, time.monotonic() + seconds
    next_look = time.monotonic()
    while time.monotonic() < end:
        waiters.work(0.05)
        if time.monotonic() >= next_look:
            most, next_look = max(most, connections_to(mq.addresses["embedded"])), time.monotonic() + 1
            polls = max(polls, gateway.metric("mq_gateway_upstream_polls"))
    busy = (gateway.processor() - before) / seconds * 100
    print(f"at rest for {seconds} s: RSS {gateway.resident():.0f} MB, {busy:.1f} % of a core, "
          f"{waiters.answers - answered} receives ended without a message")
    print(f"upstream: at most {polls:.0f} polls and {most} connections at once, "
          f"{(gateway.metric(*receives) - asked) / seconds:.1f} polls ended per second")


def publish_and_wait(gateway, waiters, groups):
    host, port = gateway.addresses["data"].rsplit(":", 1)
    publisher = socket.create_connection((host, int(port)), 30)
    body = b'{"body":"x"}'
    head = f"POST /v1/topics/{TOPIC}/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    times = []
    for _ in range(PUBLISHES):
        waiters.arrivals.clear()
        started = time.monotonic()
        publisher.sendall(request)
        while len(waiters.arrivals) < groups:
            waiters.work(5)
            if time.monotonic() - started > 60:
                sys.exit(f"{len(waiters.arrivals)} of {groups} groups have it after 60 s")
        times += [arrived - started for _, arrived in waiters.arrivals]
        if not publisher.recv(1 << 16).startswith(b"HTTP/1.1 201"):
            sys.exit("not published")
        waiters.work(0.05)
    times.sort()
    p50, p99 = (times[len(times) * part // 100] * 1000 for part in (50, 99))
    print(f"{PUBLISHES} publishes, {len(times)} messages: p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {times[-1] * 1000:.1f} ms")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    count, groups, seconds = (int(text) for text in (sys.argv[2:] + ["10000", "1", "60"][len(sys.argv) - 2:]))
    with tempfile.TemporaryDirectory() as directory:
        mq = start_mq(path, directory)
        try:
            gateway = start_gateway(path, directory, mq)
            try:
                empty = gateway.resident()
                started = time.monotonic()
                waiters = Waiters(gateway.addresses["data"], count, groups)
                print(f"{count} receives wait for {groups} groups after {time.monotonic() - started:.1f} s; RSS before {empty:.0f} MB")
                at_rest(gateway, mq, waiters, seconds)
                publish_and_wait(gateway, waiters, groups)
                print(f"{waiters.failures} of {waiters.answers} receives failed")
            finally:
                gateway.stop()
        finally:
            mq.stop()


if __name__ == "__main__":
    main()
