"""What every outage has: gateways that are scraped, an MQ for those whose MQ is well, callers."""

import threading

from fake_mq import FakeMq
from gateway import EMBEDDED, FOREIGN, PUSH, Gateway, configuration, write_keys
from load import Load, Stream
from target import Target

PAIR = ("access-of-the-test", "secret-of-the-test")
# In memory: a disk that others keep busy is no outage.
WELL = 'topics = ["orders"]\nstorage = "memory"'


class Bench:
    def __init__(self, program, root, directory, monitoring):
        self.program, self.root, self.directory, self.monitoring = program, root, directory, monitoring
        self.gateways, self.loads, self.fakes = [], [], []
        self.lock = threading.Lock()
        self.shared = self.mq("shared")

    def mq(self, name):
        """An MQ: another gateway's embedded endpoint, with the topic `orders` alone."""
        directory = self.directory / f"mq-{name}"
        mq = Gateway(self.program, directory, configuration(EMBEDDED, embedded=WELL)).start()
        self.gateways.append(mq)
        return mq

    def fake(self):
        fake = FakeMq()
        self.fakes.append(fake)
        return fake

    def target(self):
        target = Target()
        self.fakes.append(target)
        return target

    def foreign(self, namespace, *urls, pair=PAIR, pod="a", scraped=True, before=(), **sections):
        """A gateway whose MQ is elsewhere."""
        directory = self.directory / f"{namespace}-{pod}"
        write_keys(directory, *pair)
        endpoints = ", ".join(f'"{url}"' for url in urls)
        text = configuration(FOREIGN, endpoints=endpoints, **sections)
        return self.start(Gateway(self.program, directory, text, before), namespace, pod, scraped)

    def on_shared(self, namespace, pod="a", **sections):
        """A gateway whose MQ is well."""
        return self.foreign(namespace, self.shared.embedded_url(), pair=self.shared.pair(), pod=pod, **sections)

    def embedded(self, namespace, before=(), environment=(), **sections):
        """A gateway that is its own MQ."""
        directory = self.directory / f"{namespace}-a"
        gateway = Gateway(self.program, directory, configuration(EMBEDDED, **sections), before, environment)
        return self.start(gateway, namespace, "a", True)

    def pushing(self, namespace, target, lines="", embedded="", more=""):
        """A gateway that is its own MQ, in memory, and sends its messages to a service."""
        embedded = f'storage = "memory"\n{embedded}'
        return self.embedded(namespace, embedded=embedded, more=PUSH.replace("{url}", target.url) + lines + more)

    def start(self, gateway, namespace, pod, scraped):
        with self.lock:
            self.gateways.append(gateway)
        gateway.start()
        if scraped:
            self.scrape(gateway, namespace, pod)
        return gateway

    def scrape(self, gateway, namespace, pod):
        with self.lock:
            self.monitoring.add_target(gateway.management, namespace, f"{namespace}-{pod}")

    def forget(self, namespace, pod):
        with self.lock:
            self.monitoring.remove_target(f"{namespace}-{pod}")

    def load(self, gateway, **options):
        load = Load(gateway, **options)
        self.loads.append(load)
        return load

    def stream(self, gateway):
        stream = Stream(gateway)
        self.loads.append(stream)
        return stream

    def stop(self):
        for load in self.loads:
            load.end()
        for gateway in self.gateways:
            gateway.kill()
        for fake in self.fakes:
            fake.close()


class Outage:
    """`row` is the row's first cell in the table of docs/operate/alerts.md."""

    row = namespace = ""
    # Where the restart that provokes it takes the metrics away for a while.
    began = None

    def __init__(self, bench):
        self.bench = bench

    def prepare(self):
        """All is well, and callers come."""

    def provoke(self):
        """From here on it is not."""
