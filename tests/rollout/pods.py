"""What the kubelet and the controllers do with pods: start, probe, list and end them. A pod is a process of the gateway."""

import asyncio
import os
import random
import signal
import time

from gateway import logged_address

# Longest time for news of a pod to reach whoever acts on it: the kubelet that sends SIGTERM, the machines that balance. Each
# draws its own, so either may be first.
LAG = 2.0


class Broken(Exception):
    """The test itself cannot go on."""


class Process:
    """A gateway and its log."""

    def __init__(self, program, directory, configuration):
        self.directory = directory
        directory.mkdir(parents=True)
        self.log = directory / "log"
        path = directory / "gateway.toml"
        path.write_text(configuration.replace("{directory}", str(directory)), encoding="utf-8")
        self.arguments = [program, "--config", path]
        self.process = None

    async def start(self):
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(*self.arguments, stdout=log, stderr=log)
        return self

    def address(self, listener):
        """Where it listens; `None` while it does not."""
        address = logged_address(self.log.read_text(encoding="utf-8"), listener)
        if not address:
            return None
        host, port = address.rsplit(":", 1)
        return host, int(port)

    async def listening(self, listener):
        end = time.monotonic() + 30
        while not (address := self.address(listener)):
            if self.process.returncode is not None or time.monotonic() > end:
                raise Broken(f"a gateway does not listen:\n{self.log.read_text()[-2000:]}")
            await asyncio.sleep(0.05)
        return address

    async def stop(self):
        """The end of the test, not of a pod."""
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Pod(Process):
    """One replica; what it did is looked at in the end."""

    # Where it listens for callers, once it does.
    data = management = None
    # When it was told to end, and how long it took.
    terminated_at = ended_after = None
    # When it got no more new connections.
    unlisted_at = None
    ready = deleted = False
    tasks = ()

    def __init__(self, name, program, directory, configuration, manifest, balancer, problems, heart):
        super().__init__(program, directory / name, configuration)
        self.name, self.manifest, self.balancer, self.problems, self.heart = name, manifest, balancer, problems, heart
        self.news = set()

    async def run(self):
        """Starts it, and returns when it is ready; is probed to its end."""
        await self.start()
        self.became_ready = asyncio.Event()
        self.tasks = [asyncio.create_task(work) for work in (self.probe(), self.watch(), self.became_ready.wait())]
        # Probes that gave up and a process that ended return, too.
        await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        if not self.became_ready.is_set():
            raise Broken(f"{self.name} did not become ready:\n{self.log.read_text()[-2000:]}")

    async def watch(self):
        """Nobody but us ends it."""
        code = await self.process.wait()
        if not self.terminated_at:
            self.problems.append(f"{self.name} ended by itself with {code}")

    async def stop(self):
        # The process first: what probes it ends with it, also where a cancellation is lost between two awaits.
        self.terminated_at = self.terminated_at or time.monotonic()
        await super().stop()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    # ---- probes --------------------------------------------------------------------------------------------------------

    async def probe(self):
        startup, failures = self.manifest.startup, 0
        while not await self.asks(startup) and self.process.returncode is None:
            failures += 1
            if failures >= startup.failures:
                return
            await asyncio.sleep(startup.period)
        self.data = self.address("data")
        await asyncio.gather(self.probe_readiness(), self.probe_liveness())

    async def probe_readiness(self):
        readiness, failures = self.manifest.readiness, 0
        while self.process.returncode is None:
            began = time.monotonic()
            failures = 0 if await self.asks(readiness) else failures + 1
            if failures in (0, readiness.failures):
                self.set_ready(failures == 0)
            await asyncio.sleep(max(0, began + readiness.period - time.monotonic()))

    async def probe_liveness(self):
        liveness, failures = self.manifest.liveness, 0
        # One that is being ended is not asked any more.
        while not self.terminated_at and self.process.returncode is None:
            failures = 0 if await self.asks(liveness) else failures + 1
            if failures >= liveness.failures and not self.terminated_at:
                self.problems.append(f"{self.name} failed its liveness probe {failures} times: it would have been restarted")
            await asyncio.sleep(liveness.period)

    async def asks(self, probe):
        """Asked anew where it failed while this process stood still itself: that says nothing of the pod."""
        for _ in range(3):
            began = time.monotonic()
            try:
                return await asyncio.wait_for(self.get(probe.path), probe.timeout)
            except (OSError, EOFError, ValueError, TimeoutError):
                if self.heart.longest_pause(began) < probe.timeout / 2:
                    return False
        self.problems.append(f"the test stood still during three probes of {self.name}: the machine is too busy for it")
        return False

    async def get(self, path):
        """As the kubelet asks: a connection for each probe, any status below 400 is good."""
        self.management = self.management or self.address("management")
        if not self.management:
            return False
        reader, writer = await asyncio.open_connection(*self.management)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.management[0]}\r\nConnection: close\r\n\r\n".encode())
            return 200 <= int((await reader.readline()).split()[1]) < 400
        finally:
            writer.close()

    # ---- endpoints -----------------------------------------------------------------------------------------------------

    def set_ready(self, ready):
        if ready != self.ready:
            self.ready = ready
            self.tell()
        if ready:
            self.became_ready.set()

    def tell(self):
        """News of its state goes out; it is the state at its arrival that counts."""
        news = asyncio.create_task(self.arrive(random.uniform(0, LAG)))
        self.news.add(news)
        news.add_done_callback(self.news.discard)

    async def arrive(self, lag):
        await asyncio.sleep(lag)
        listed = self.ready and not self.deleted and self.process.returncode is None
        if not listed and self in self.balancer.listed:
            self.unlisted_at = time.monotonic()
        self.balancer.set_listed(self, listed)

    # ---- the end -------------------------------------------------------------------------------------------------------

    async def terminate(self, told, kill=False):
        """Deletes it. `told`: the balancers hear of the deletion; else only failing probes take it out."""
        if told:
            self.deleted = True
            self.tell()
        await asyncio.sleep(random.uniform(0, LAG))
        self.terminated_at = time.monotonic()
        self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            code = await asyncio.wait_for(self.process.wait(), self.manifest.grace)
        except TimeoutError:
            self.process.kill()
            self.problems.append(f"{self.name} was still there {self.manifest.grace:.0f} s after SIGTERM: it was killed")
            code = await self.process.wait()
        self.ended_after = time.monotonic() - self.terminated_at
        if not kill and code != 0:
            self.problems.append(f"{self.name} ended with {code} after SIGTERM: {os.fspath(self.log)}")
        # What is gone is listed no more, as soon as that is known.
        self.tell()
        await asyncio.gather(*self.news)


class Deployment:
    """Replicas, replaced as `maxSurge: 1`, `maxUnavailable: 0` says: a new one is ready before an old one is deleted."""

    def __init__(self, replica, replicas):
        self.replica, self.replicas = replica, replicas
        self.pods, self.gone = [], []

    async def start(self):
        self.pods = [self.replica(number) for number in range(self.replicas)]
        await asyncio.gather(*(pod.run() for pod in self.pods))

    async def roll(self, kill=False):
        """Replaces every replica; the next new one does not wait for the end of an old one. Ends when the old ones are gone."""
        ending = []
        for old in list(self.pods):
            new = self.replica(len(self.pods) + len(self.gone))
            await new.run()
            self.pods.remove(old)
            self.pods.append(new)
            self.gone.append(old)
            ending.append(asyncio.create_task(old.terminate(told=len(self.gone) % 2 == 0, kill=kill)))
        await asyncio.gather(*ending)

    async def stop(self):
        await asyncio.gather(*(pod.stop() for pod in self.pods + self.gone))
