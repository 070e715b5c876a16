"""A gateway beside an MQ of its own (`upstream.py`), plain or under valgrind, with the same surroundings every time."""

import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from work import ACCESS_KEY, MQ_TOPIC, ONS_TOPIC, SECRET_KEY, Unexpected

HERE = Path(__file__).resolve().parent
START_SECONDS, STOP_SECONDS = 60, 60

# Production's defaults, but for one worker, free ports, and connections that are neither looked at nor closed during a run.
CONFIGURATION = """\
[server]
listen = "127.0.0.1:0"
workers = 1
drain_delay = "0s"

[management]
listen = "127.0.0.1:0"

[credentials.mq]
directory = "mq"

[credentials.caller]
directory = "caller"

[profiles.ons]
protocol = "ons-http"
endpoints = ["http://127.0.0.1:{port}"]
credentials = "mq"
producer_group = "PID_cost"
dns_refresh = "1h"
keep_alive = "10m"

[profiles.mq]
protocol = "mq-http"
endpoints = ["http://127.0.0.1:{port}"]
credentials = "mq"
instance_id = "MQ_INST_cost"
dns_refresh = "1h"
keep_alive = "10m"

[[topics]]
name = "{ons_topic}"
profile = "ons"
groups = ["GID_cost"]

[[topics]]
name = "{mq_topic}"
profile = "mq"
groups = ["GID_cost"]

[dropin]
client_auth = "keys"

[callers.cost]
credentials = "caller"
topics = ["*"]
"""

# Valgrind counts each byte of a rep-prefixed memset or memcpy as an instruction, so libc is set to use none. There is nothing else in the
# environment: its size moves the stack, and a variable could be a setting.
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "GLIBC_TUNABLES": "glibc.cpu.x86_rep_stosb_threshold=1000000000:glibc.cpu.x86_rep_movsb_threshold=1000000000",
}
VALGRIND = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--branch-sim=no", "--cachegrind-out-file=/dev/null",
            "--log-file=valgrind.log"]


class Gateway:
    """Runs inside of `with`. A gateway that was `counted` has its `instructions` afterwards, from its start to its end."""

    def __init__(self, binary, directory, counted):
        self.binary, self.directory, self.counted, self.instructions = binary, directory, counted, None

    def __enter__(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        for name, access_key, secret_key in [("mq", "cost-mq-access", "cost-mq-secret-not-real"), ("caller", ACCESS_KEY, SECRET_KEY)]:
            keys = self.directory / name
            keys.mkdir(parents=True)
            (keys / "access_key").write_text(access_key)
            (keys / "secret_key").write_text(secret_key)
        (self.directory / "mq-gateway").symlink_to(self.binary)
        self.upstream = subprocess.Popen([sys.executable, HERE / "upstream.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.gateway = None
        try:
            self.port = int(self.upstream.stdout.readline())
            text = CONFIGURATION.format(port=self.port, ons_topic=ONS_TOPIC, mq_topic=MQ_TOPIC)
            (self.directory / "gateway.toml").write_text(text)
            self.log = self.directory / "gateway.log"
            with self.log.open("wb") as log:
                self.gateway = subprocess.Popen(
                    [*(VALGRIND if self.counted else []), "./mq-gateway", "--config", "gateway.toml"],
                    cwd=self.directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            print(self.gateway.pid, file=self.upstream.stdin, flush=True)
            self.address = self.wait_until_it_serves()
        except BaseException:
            self.kill()
            raise
        return self

    def wait_until_it_serves(self):
        """Until it listens, and each profile has connected to the MQ to see whether it is there. Asking the gateway would count."""
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.gateway.poll() is None:
            address = re.search(r'"listener":"data","address":"([^"]+)"', self.log.read_text())
            if address and self.upstream_counts()["connections"] >= CONFIGURATION.count("[profiles."):
                return address[1]
            time.sleep(0.05)
        raise Unexpected(f"the gateway does not serve:\n{self.log.read_text()[-2000:]}")

    def upstream_counts(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request("GET", "/counts")
        counts = json.loads(connection.getresponse().read())
        connection.close()
        return counts

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.stop()
        finally:
            self.kill()

    def stop(self):
        self.gateway.send_signal(signal.SIGTERM)
        code = self.gateway.wait(STOP_SECONDS)
        if code != 0:
            raise Unexpected(f"the gateway ended with {code}:\n{self.log.read_text()[-2000:]}")
        if self.counted:
            text = (self.directory / "valgrind.log").read_text()
            total = re.search(r"I\s+refs:\s+([\d,]+)", text)
            if not total:
                raise Unexpected(f"valgrind did not count:\n{text[-2000:]}")
            self.instructions = int(total[1].replace(",", ""))

    def end_upstream(self):
        self.upstream.kill()
        self.upstream.wait()

    def kill(self):
        for process in (self.gateway, self.upstream):
            if process and process.poll() is None:
                process.kill()
                process.wait()
