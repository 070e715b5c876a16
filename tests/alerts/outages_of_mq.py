"""Outages of the MQ, of the keys and of the clock."""

import signal
import threading

from bench import Outage
from gateway import write_keys


class KeysRefused(Outage):
    row, namespace = "The MQ refuses the keys", "keys"

    def prepare(self):
        self.gateway = self.bench.on_shared(self.namespace)
        self.bench.load(self.gateway)

    def provoke(self):
        """The wrong pair is rotated in; it cannot be seen to be wrong."""
        write_keys(self.gateway.directory, "another-access-key", "another-secret-key")


class KeyFiles(Outage):
    row, namespace = "Changed key files cannot be used", "key-files"

    def prepare(self):
        self.gateway = self.bench.on_shared(self.namespace)
        self.bench.load(self.gateway)

    def provoke(self):
        write_keys(self.gateway.directory, "another-access-key", "")


class Clock(Outage):
    row, namespace = "The clocks differ", "clock"

    def prepare(self):
        self.fake = self.bench.fake()
        self.bench.load(self.bench.foreign(self.namespace, self.fake.url))

    def provoke(self):
        self.fake.clock_offset = -30


class Topic(Outage):
    row, namespace = "The MQ has no such topic", "topic"
    more = '[[topics]]\nname = "invoices"\nprofile = "main"\ngroups = ["GID_a"]\n'

    def prepare(self):
        self.load = self.bench.load(self.bench.on_shared(self.namespace, more=self.more))

    def provoke(self):
        self.load.topics.append("invoices")


class Group(Outage):
    row, namespace = "The MQ has no such group", "group"

    def prepare(self):
        self.fake = self.bench.fake()
        self.bench.load(self.bench.foreign(self.namespace, self.fake.url))

    def provoke(self):
        self.fake.knows_group = False


class Stopped(Outage):
    row, namespace = "The MQ is stopped", "stopped"

    def prepare(self):
        self.mq = self.bench.mq(self.namespace)
        self.bench.load(self.bench.foreign(self.namespace, self.mq.embedded_url(), pair=self.mq.pair()))

    def provoke(self):
        self.mq.kill()


class Hangs(Outage):
    row, namespace = "The MQ hangs", "hangs"

    def prepare(self):
        self.mq = self.bench.mq(self.namespace)
        self.bench.load(self.bench.foreign(self.namespace, self.mq.embedded_url(), pair=self.mq.pair()), threads=2)

    def provoke(self):
        """It takes connections, as its kernel does that, and no more."""
        self.mq.process.send_signal(signal.SIGSTOP)


class OneEndpoint(Outage):
    row, namespace = "One of two endpoints is away", "endpoint"
    callers = 12

    def prepare(self):
        self.first, second = self.bench.fake(), self.bench.fake()
        settings = 'connect_timeout = "500ms"'
        self.gateway = self.bench.foreign(self.namespace, self.first.url, second.url, profile=settings)
        self.bench.load(self.gateway, receives=False)

    def provoke(self):
        """Many callers at that moment: five failures in a row come before the gateway has found out that it prefers the other."""
        self.first.vanish()
        callers = [threading.Thread(target=self.gateway.publish) for _ in range(self.callers)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()


class Failing(Outage):
    row, namespace = "The MQ fails every publish", "failing"

    def prepare(self):
        self.fake = self.bench.fake()
        self.bench.load(self.bench.foreign(self.namespace, self.fake.url))

    def provoke(self):
        self.fake.fails_publish = lambda number: True


class Leaking(Outage):
    row, namespace = "The MQ fails some publishes", "leaking"

    def prepare(self):
        self.fake = self.bench.fake()
        self.bench.load(self.bench.foreign(self.namespace, self.fake.url), threads=2)

    def provoke(self):
        self.fake.fails_publish = lambda number: number % 10 == 0


class UnknownOutcome(Outage):
    row, namespace = "The outcome of a publish is unknown", "unknown"

    def prepare(self):
        self.fake = self.bench.fake()
        self.bench.load(self.bench.foreign(self.namespace, self.fake.url))

    def provoke(self):
        """One, and no more."""
        victim = self.fake.publishes + 1
        self.fake.fails_publish = lambda number: number == victim


class Slow(Outage):
    row, namespace = "The MQ is slow", "slow"

    def prepare(self):
        self.fake = self.bench.fake()
        self.bench.load(self.bench.foreign(self.namespace, self.fake.url), threads=3)

    def provoke(self):
        self.fake.publish_delay = 2


class Consuming(Outage):
    row, namespace = "The MQ fails receives", "consuming"

    def prepare(self):
        self.fake = self.bench.fake()
        self.bench.load(self.bench.foreign(self.namespace, self.fake.url))

    def provoke(self):
        self.fake.fails_receives = True


OUTAGES = [
    KeysRefused, KeyFiles, Clock, Topic, Group, Stopped, Hangs, OneEndpoint, Failing, Leaking, UnknownOutcome, Slow, Consuming,
]
