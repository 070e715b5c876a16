"""Outages of the gateway itself, and of who scrapes it."""

import os
import re
import socket
import subprocess
import time

from bench import Outage
from gateway import PUSH, Failed, call, write_keys

NOBODY = 65532


class Panic(Outage):
    """A machine that gives the process no more threads. Reading changed keys takes one: the standard library's answer is a panic."""

    row, namespace = "The gateway meets a bug", "panic"

    def prepare(self):
        # Limits of this kind do not hold for root.
        before = []
        if os.geteuid() == 0:
            before = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        self.before = before
        self.gateway = self.bench.on_shared(self.namespace, before=before)
        self.bench.load(self.gateway)

    def provoke(self):
        """Threads that are idle are kept for ten seconds and would do it; then the pair is written again."""
        limit = ["prlimit", "--pid", str(self.gateway.process.pid), "--nproc=1:1"]
        subprocess.run([*self.before, *limit], check=True)
        limited, written = time.monotonic(), False
        while time.monotonic() < limited + 40:
            self.began = time.monotonic()
            if re.search(r"^mq_gateway_panics_total [1-9]", call(f"http://{self.gateway.management}/metrics")[1], re.MULTILINE):
                return
            if not written and self.began > limited + 12:
                write_keys(self.gateway.directory, "another-access-key", "another-secret-key")
                written = True
            time.sleep(0.2)
        raise Failed("no panic without threads: if that was mended, find another way to make one, or say so in alerts.md")


class Memory(Outage):
    row, namespace = "The memory budget is nearly used up", "memory"
    # Of 8 MiB large bodies may have six. An upload that never ends holds what came of it.
    uploads, part = 4, 1_400_000
    limits = 'memory = "8MiB"\nbody_timeout = "10m"\nrequest_timeout = "10m"\nmin_body_rate = 0'

    def prepare(self):
        self.gateway = self.bench.on_shared(self.namespace, limits=self.limits)
        self.bench.load(self.gateway)

    def provoke(self):
        host, port = self.gateway.data.removeprefix("http://").split(":")
        head = f"POST /v1/topics/orders/messages HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: text/plain\r\n"
        head += f"Content-Length: {self.part + 1}\r\n\r\n"
        self.sockets = [socket.create_connection((host, int(port)), timeout=30) for _ in range(self.uploads)]
        for upload in self.sockets:
            upload.sendall(head.encode() + b"x" * self.part)
        # More of them find no room; too few to be an outage of publishing.
        for _ in range(4):
            time.sleep(3)
            url = f"{self.gateway.data}/v1/topics/orders/messages"
            status, answer = call(url, b"x" * self.part, headers={"Content-Type": "text/plain"})
            if status != 503:
                raise Failed(f"there is still room for a large body: {status} {answer}")


class Connections(Outage):
    row, namespace = "The connections are nearly used up", "connections"
    # Waiting connections are closed from 90 % on, so they stay below.
    limits, callers = "connections = 40", 35

    def prepare(self):
        self.gateway = self.bench.on_shared(self.namespace, limits=self.limits, server='keep_alive = "10m"')
        self.bench.load(self.gateway)

    def provoke(self):
        host, port = self.gateway.data.removeprefix("http://").split(":")
        self.sockets = [socket.create_connection((host, int(port)), timeout=30) for _ in range(self.callers)]
        for caller in self.sockets:
            caller.sendall(f"GET /v1/topics/orders HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            if not caller.recv(1000).startswith(b"HTTP/1.1 200"):
                raise Failed("a connection was refused")


class UnknownCallers(Outage):
    row, namespace = "Unknown callers come", "callers"
    requests = 30
    more = '[dropin]\nclient_auth = "keys"\n[callers.shop]\ncredentials = "shop"\ntopics = ["*"]\n'

    def prepare(self):
        keys = self.bench.directory / "shop"
        write_keys(keys, "the-shop", "the-shop's-secret")
        more = f'{self.more}[credentials.shop]\ndirectory = "{keys}/keys"\n'
        self.gateway = self.bench.on_shared(self.namespace, more=more)
        self.bench.load(self.gateway)

    def provoke(self):
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        headers = {"Authorization": "MQ nobody:nothing", "Date": date, "x-mq-version": "2015-06-06", "Content-Type": "text/xml"}
        for _ in range(self.requests):
            time.sleep(0.2)
            url = f"{self.gateway.data}/topics/orders/messages"
            status, answer = call(url, b"<Message><MessageBody>x</MessageBody></Message>", headers=headers)
            if status != 403:
                raise Failed(f"an unknown caller was answered {status}: {answer}")


class CollectorAway(Outage):
    """Nobody listens where spans go. None is recorded but a caller's whose own trace is, and those come when it begins."""

    row, namespace = "The collector of traces is away", "collector"
    traced = {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}

    def prepare(self):
        # Bound, so that nobody else gets the port, and not listening.
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        port = self.socket.getsockname()[1]
        more = f'[tracing]\nendpoint = "http://127.0.0.1:{port}"\nsampler = "parentbased_always_off"\n'
        self.gateway = self.bench.on_shared(self.namespace, more=more)
        self.load = self.bench.load(self.gateway)

    def provoke(self):
        self.load.headers = self.traced


class OnePod(Outage):
    row, namespace = "A pod is away", "pod"

    def prepare(self):
        self.gateways = [self.bench.on_shared(self.namespace, pod) for pod in "ab"]
        self.bench.load(self.gateways[0])

    def provoke(self):
        self.gateways[1].kill()


class AllPods(OnePod):
    row, namespace = "All pods are away", "pods"

    def provoke(self):
        for gateway in self.gateways:
            gateway.kill()


class Control(Outage):
    """All is well, also for who streams and for who is pushed to, and the pods are replaced one after the other, as an update does it."""

    row, namespace = None, "control"

    def prepare(self):
        self.target = self.bench.target()
        self.target.delay = 0.1
        self.pods = {pod: self.begin(pod) for pod in "ab"}

    def begin(self, pod):
        gateway = self.bench.on_shared(self.namespace, pod, server="", more=PUSH.replace("{url}", self.target.url))
        return gateway, self.bench.load(gateway), self.bench.stream(gateway)

    def provoke(self):
        """A new one is ready before an old one is told to end, and is found a little before that."""
        for new, old in ("ca", "db"):
            self.pods[new] = self.begin(new)
            time.sleep(20)
            gateway, *loads = self.pods.pop(old)
            for load in loads:
                load.end()
            time.sleep(2)
            gateway.stop()
            time.sleep(5)
            self.bench.forget(self.namespace, old)


OUTAGES = [Panic, Memory, Connections, UnknownCallers, CollectorAway, OnePod, AllPods]
