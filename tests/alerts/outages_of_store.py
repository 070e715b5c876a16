"""Outages of the embedded endpoint's store."""

import functools
import pathlib
import subprocess
import time

from bench import Outage
from gateway import Failed

DISK_MEBIBYTES = 40
HOURS_AGO = 2


class StoreFull(Outage):
    row, namespace = "The embedded store is full", "full"

    def prepare(self):
        """Its data directory is a small file system in a mount namespace of its own, which nobody has to be root for."""
        data = self.bench.directory / f"{self.namespace}-a" / "data"
        data.mkdir(parents=True)
        mount = f'mount -t tmpfs -o size={DISK_MEBIBYTES}m,mode=0700 tmpfs "$0" && exec "$@"'
        before = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, data]
        self.gateway = self.bench.embedded(self.namespace, before)
        # Nobody consumes: what is acknowledged would make room.
        self.bench.load(self.gateway, receives=False)

    def provoke(self):
        body = "x" * 60_000
        for _ in range(2 * (DISK_MEBIBYTES << 20) // len(body)):
            if self.gateway.publish(body=body)[0] == 503:
                return
        raise Failed("the disk did not become full")


@functools.cache
def machine_faults(root, directory):
    """The library of tests/it that has a disk fail and a clock be wrong, as files say."""
    library = pathlib.Path(directory) / "machine_faults.so"
    source = pathlib.Path(root) / "tests/it/support/machine_faults.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


class FaultyMachine(Outage):
    def prepare(self):
        library = machine_faults(self.bench.root, self.bench.directory)
        self.faults = self.bench.directory / f"{self.namespace}-faults"
        self.faults.mkdir()
        environment = {"LD_PRELOAD": str(library), "MQ_TEST_FAULTS": str(self.faults)}
        self.gateway = self.bench.embedded(self.namespace, environment=environment)


class StoreFailing(FaultyMachine):
    row, namespace = "The embedded store's disk fails", "disk"

    def prepare(self):
        super().prepare()
        self.bench.load(self.gateway)

    def provoke(self):
        (self.faults / "failing-disk").touch()


class Backlog(FaultyMachine):
    row, namespace = "A consumer is away", "backlog"

    def prepare(self):
        """Its group is known: it received once."""
        super().prepare()
        self.gateway.publish()
        self.gateway.acknowledge(self.gateway.receive())
        self.gateway.publish()
        self.bench.load(self.gateway, receives=False)

    def provoke(self):
        """Hours pass while the machine is off: the store follows the clock of its new start."""
        self.gateway.stop()
        (self.faults / "clock-offset").write_text(str(HOURS_AGO * 3600))
        self.began = time.monotonic()
        restart(self)


class Damaged(Outage):
    row, namespace = "Stored messages are damaged", "damaged"
    body = b"a-body-to-be-damaged"

    def prepare(self):
        self.gateway = self.bench.embedded(self.namespace)
        self.gateway.publish(topic="ledger", body=self.body.decode())
        self.bench.load(self.gateway)

    def provoke(self):
        """One bit of one message, also where an earlier form of its page is left in the file. It is found when it is to be delivered."""
        self.gateway.stop()
        store = self.gateway.directory / "data" / "embedded.db"
        content = store.read_bytes()
        if self.body not in content:
            raise Failed("the message is not in embedded.db as plain text")
        store.write_bytes(content.replace(self.body, self.body.replace(b"be", b"he")))
        restart(self)
        self.began = time.monotonic()
        if self.gateway.receive(topic="ledger"):
            raise Failed("a damaged message was delivered")


class DeadLetter(Outage):
    row, namespace = "A message is never acknowledged", "dead"

    def prepare(self):
        sections = 'max_redeliveries = 1\nvisibility_timeout = "1s"'
        self.gateway = self.bench.embedded(self.namespace, embedded=sections)
        self.bench.load(self.gateway)

    def provoke(self):
        """A consumer of another group takes it twice and fails on it."""
        self.gateway.publish(topic="parcels")
        end = time.monotonic() + 30
        taken = 0
        while taken < 2 and time.monotonic() < end:
            taken += len(self.gateway.receive(topic="parcels", wait_seconds=2))
        if taken < 2:
            raise Failed("a message did not come again")


def restart(outage):
    """The port of the management listener is another one then."""
    outage.bench.forget(outage.namespace, "a")
    outage.gateway.start()
    outage.bench.scrape(outage.gateway, outage.namespace, "a")


OUTAGES = [StoreFull, StoreFailing, Backlog, Damaged, DeadLetter]
