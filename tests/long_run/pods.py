"""The processes of a run: gateways, which may be replaced under their name, and the MQs behind them."""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

from gateway import Failed, Gateway, call

SERVER = pathlib.Path(__file__).resolve().parents[1] / "rocketmq/server.sh"
# What redeliveries wait for; the same at every MQ.
HIDDEN = 30
TICKS = os.sysconf("SC_CLK_TCK")


class Measures:
    """What the kernel says of a process, whichever it is at the moment."""

    process, spent = None, 0.0

    @property
    def pid(self):
        return self.process.pid

    def cpu_now(self):
        try:
            fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, AttributeError):
            return 0.0
        return (int(fields[11]) + int(fields[12])) / TICKS

    def cpu(self):
        return self.spent + self.cpu_now()

    def memory(self):
        """Resident bytes, and those of them that no file has."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return tuple(int(re.search(rf"{name}:\s+(\d+)", text)[1]) * 1024 for name in ("VmRSS", "RssAnon"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Program(Gateway, Measures):
    def kill(self):
        self.spent += self.cpu_now()
        super().kill()

    def stop(self):
        self.spent += self.cpu_now()
        super().stop()


class Pod:
    """A gateway under its name. `is_killed`: it is also ended, at any time, by faults."""

    def __init__(self, lane, name, program, directory, text, is_killed):
        self.lane, self.name, self.is_killed = lane, name, is_killed
        self.program, self.directory, self.text = program, directory, text
        self.number, self.spent, self.address_of_data = 0, 0.0, None
        self.gateway = self.made(directory)

    def made(self, directory):
        return Program(self.program, directory, self.text)

    def start(self, gateway=None):
        """Returns when it is ready; from then on it is the one that callers find."""
        (gateway or self.gateway).start()
        if gateway:
            self.spent += self.gateway.spent
            self.gateway = gateway
        host, port = self.gateway.data.removeprefix("http://").split(":")
        self.address_of_data = (host, int(port))
        self.lane.found(self)

    def kill(self):
        self.gateway.kill()

    def replace(self):
        """A new one is ready before the old one is told to end; who holds its data directory ends first. What is wrong, or nothing."""
        self.number += 1
        old = self.gateway
        if self.lane.mq is None:
            wrong = self.end(old)
            self.start()
            return wrong
        self.start(self.made(self.directory.with_name(f"{self.name}.{self.number % 2}")))
        wrong = self.end(old)
        self.spent += old.spent
        return wrong

    def end(self, gateway):
        began = time.monotonic()
        gateway.stop()
        code = gateway.process.returncode
        if code:
            return f"{self.name} ended with {code} after SIGTERM and {time.monotonic() - began:.1f} s"
        return None

    def cpu(self):
        return self.spent + self.gateway.cpu()

    def resume(self):
        """What an operator does after a target's 410."""
        return call(f"http://{self.gateway.management}/v1/subscriptions/work:resume", {}, timeout=10)[0]


class EmbeddedMq(Program):
    """`mq-gateway embedded-mq`."""

    def __init__(self, program, directory):
        settings = {"VISIBILITY_TIMEOUT": f"{HIDDEN}s", "MAX_REDELIVERIES": "900"}
        super().__init__(
            program, directory, "", environment={f"MQ_GATEWAY__EMBEDDED__{k}": v for k, v in settings.items()}
        )

    def start(self):
        with self.log.open("ab") as log:
            self.begins = log.tell()
            command = [
                self.program,
                "embedded-mq",
                "--embedded-listen",
                "127.0.0.1:0",
                "--management-listen",
                "127.0.0.1:0",
            ]
            command += ["--data-dir", self.directory / "data"]
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        self.management = self.address("management")
        host, port = self.address("embedded").split(":")
        self.endpoint = [host, int(port)]
        self.wait("is not ready", lambda: call(f"http://{self.management}/readyz", timeout=5)[0] == 200)
        return self

    def freeze(self, frozen):
        self.process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def rotate(self):
        """A new pair, taken at the next start; it has to be stopped."""
        path = self.directory / "data/embedded-credentials.json"
        pair = json.loads(path.read_text())
        pair["access_key"], pair["secret_key"] = (f"{random.getrandbits(80):020x}" for _ in range(2))
        path.write_text(json.dumps(pair))


class RocketMq(Measures):
    """A real one: name server, and a proxy with the broker inside."""

    def __init__(self, library, directory):
        directory.mkdir()
        (directory / "lib").symlink_to(library)
        self.directory = directory
        self.ports, self.secret = free_ports(), "secret-of-the-start"

    def command(self, name, *arguments, seconds=120):
        environment = {
            **os.environ,
            "RMQ_PORTS": " ".join(map(str, self.ports)),
            "RMQ_STORE": str(self.directory / "store"),
        }
        done = subprocess.run(
            [SERVER, name, self.directory, *arguments], env=environment, timeout=seconds, capture_output=True
        )
        if done.returncode:
            raise Failed(f"server.sh {name} {arguments}: {done.stderr.decode()[-500:]}")

    def start(self, topic, groups):
        self.command("start", "--acl")
        self.endpoint = ["127.0.0.1", self.ports[2]]
        self.command("topic", topic, "NORMAL")
        for group in groups:
            self.command("group", group, "retries=900")
        self.command("admin", *self.user("createUser"), "-t", "Super")
        return self

    def user(self, verb):
        """What `mqadmin` is told of the gateways' user; the server's own is another one."""
        namesrv, broker = (f"127.0.0.1:{port}" for port in self.ports[:2])
        return [verb, "-n", namesrv, "-b", broker, "-u", "gateway", "-p", self.secret]

    def rotate(self):
        self.secret = f"{random.getrandbits(80):020x}"
        self.command("admin", *self.user("updateUser"))

    def freeze(self, frozen):
        os.kill(self.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    @property
    def pid(self):
        return int((self.directory / "proxy.pid").read_text())

    def pair(self):
        return "gateway", self.secret

    def kill(self):
        self.spent += self.cpu_now()
        self.command("kill", "proxy")

    def up(self):
        try:
            self.command("up", "proxy", seconds=90)
        except (Failed, subprocess.TimeoutExpired):
            # A minute is not enough for it where the machine is busy.
            self.command("kill", "proxy")
            self.command("up", "proxy", seconds=90)

    def stop(self):
        try:
            self.freeze(False)
        except (OSError, ValueError):
            pass
        self.command("stop", "--wipe", "--now")
        shutil.rmtree(self.directory / "store", ignore_errors=True)


def free_ports():
    """Four for a server that has to be told its ports, below those that the kernel gives away; a broker takes those beside its own."""
    for _ in range(200):
        base = random.randrange(12_000, 30_000, 10)
        ports = [base, base + 4, base + 7, base + 8]
        try:
            for port in [*ports, base + 2, base + 5]:
                with socket.socket() as listener:
                    listener.bind(("127.0.0.1", port))
        except OSError:
            continue
        return ports
    raise Failed("no free ports for RocketMQ")
