"""The lanes of a run: an upstream, its gateways, its callers, its target of pushes."""

import os
import random
import subprocess

import pods
from callers import Callers
from gateway import write_keys
from ledger import KINDS, Ledger
from target import Target

SERVER = """
data_dir = "{directory}/data"
[server]
listen = "127.0.0.1:0"
workers = 1
drain_delay = "2s"
shutdown_timeout = "8s"
[management]
listen = "127.0.0.1:0"
[profiles.main]
{profile}
[[topics]]
name = "{topic}"
profile = "main"
groups = ["GID_poll", "GID_stream", "GID_push"]
[subscriptions.work]
topic = "{topic}"
group = "GID_push"
url = "http://{target}/messages"
format = "receive-item"
concurrency = 64
timeout = "5s"
retry_schedule = [{pauses}]
{deliveries}
"""
EMBEDDED = """
[embedded]
enabled = true
listen = "127.0.0.1:0"
visibility_timeout = "{hidden}s"
max_redeliveries = 900
"""
PROFILES = {
    "ons-http": 'protocol = "ons-http"\nproducer_group = "PID_long"\nvisibility_timeout = "{hidden}s"',
    "mq-http": 'protocol = "mq-http"',
    "rocketmq": 'protocol = "rocketmq"\nvisibility_timeout = "{hidden}s"\nfollow_routes = false',
}
# Long enough that no fault comes to its end: nothing is given up.
PAUSES = ["1s", "2s", "4s", "8s", "15s", *["25s"] * 60]
DISK = "256m"
# Protocol, whether the MQ is elsewhere, whether a gateway of the lane is killed, whether another one is not, part of the rate.
UPSTREAMS = {
    "ons-http": ("ons-http", True, (False, True), 0.23),
    "mq-http": ("mq-http", True, (False, True), 0.23),
    "rocketmq": ("rocketmq", True, (False, True), 0.2),
    "embedded": ("mq-http", False, (False,), 0.2),
    "embedded-killed": ("ons-http", False, (True,), 0.14),
}


def address():
    """Somewhere on the loopback network where nobody else is."""
    return "127.%d.%d.%d" % tuple(random.SystemRandom().randrange(2, 250) for _ in range(3))


class Lane:
    has_small_disk = False
    gateways = ()

    def __init__(self, name, run, rate):
        self.protocol, self.is_foreign, kills, part = UPSTREAMS[name]
        self.name, self.run, self.rate = name, run, rate * part
        self.topic = f"T-{name}"
        self.directory = run.directory / name
        self.directory.mkdir()
        self.ledger = Ledger(name, lambda began, ended: run.journal.touches(name, began, ended))
        self.target, self.target_host, self.mq = Target(self.ledger), address(), None
        self.kills = kills

    async def start(self):
        await self.target.start(self.target_host)
        endpoint = '"embedded"'
        if self.is_foreign:
            await self.run.in_thread(self.start_mq)
            host = address()
            port = (await self.run.relays.tell(open=self.name, host=host))["port"]
            await self.aim()
            endpoint = f'"http://{host}:{port}"'
            self.write_keys()
        elif not self.kills[0] and os.geteuid() == 0:
            await self.run.in_thread(self.mount)
        self.gateways = [self.pod(is_killed, endpoint) for is_killed in self.kills]
        for pod in self.gateways:
            await self.run.in_thread(pod.start)
        self.callers = Callers(self, self.rate)

    def mount(self):
        """The store's folder becomes a small file system of its own."""
        folder = self.directory / "steady/data"
        folder.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "tmpfs", folder], check=True, timeout=30)
        self.has_small_disk = True

    def start_mq(self):
        if self.protocol == "rocketmq":
            self.mq = pods.RocketMq(self.run.library, self.directory / "mq")
            self.mq.start(self.topic, [f"GID_{kind}" for kind in KINDS])
        else:
            self.mq = pods.EmbeddedMq(self.run.program, self.directory / "mq").start()
        self.found_mq()

    def found_mq(self):
        if self.protocol != "rocketmq":
            self.run.scrape(self.mq.management, f"{self.name}-mq", "mq")

    def write_keys(self):
        write_keys(self.directory, *self.mq.pair(), mode=0o600)

    async def aim(self):
        """New connections lead to where the MQ is now."""
        await self.run.relays.tell(target=self.name, to=self.mq.endpoint)

    def pod(self, is_killed, endpoint):
        credentials = "main" if self.is_foreign else "embedded"
        profile = PROFILES[self.protocol].format(hidden=pods.HIDDEN)
        if not self.is_foreign:
            profile = "\n".join(line for line in profile.splitlines() if "visibility" not in line)
        profile += f'\nendpoints = [{endpoint}]\ncredentials = "{credentials}"'
        pauses = ", ".join(f'"{pause}"' for pause in PAUSES)
        target = f"{self.target_host}:{self.target.port}"
        text = SERVER.replace("{profile}", profile).replace("{topic}", self.topic).replace("{target}", target)
        text = text.replace("{pauses}", pauses).replace(
            "{deliveries}", "max_deliveries = 901" if self.is_foreign else ""
        )
        text += f'[credentials.main]\ndirectory = "{self.directory}/keys"\n' if self.is_foreign else ""
        text += "" if self.is_foreign else EMBEDDED.replace("{hidden}", str(pods.HIDDEN))
        name = "killed" if is_killed else "steady"
        return pods.Pod(self, name, self.run.program, self.directory / name, text, is_killed)

    def found(self, pod):
        """It listens, perhaps at another port than before."""
        self.run.scrape(pod.gateway.management, self.name, pod.name)

    def steady(self):
        return next((pod for pod in self.gateways if not pod.is_killed), None)

    def killed(self):
        return next((pod for pod in self.gateways if pod.is_killed), None)

    def stop(self):
        for pod in self.gateways:
            pod.kill()
        if self.has_small_disk:
            subprocess.run(["umount", self.directory / "steady/data"], check=False, timeout=30)
        if self.mq:
            self.mq.stop() if self.protocol == "rocketmq" else self.mq.kill()
