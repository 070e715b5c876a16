"""Gateways as processes of their own, on free ports, each in a directory of its own."""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

START_SECONDS, STOP_SECONDS = 60, 20

USUAL = """
data_dir = "{directory}/data"
[server]
listen = "127.0.0.1:0"
workers = 1
drain_delay = "0s"
shutdown_timeout = "3s"
{server}
[server.limits]
{limits}
[management]
listen = "127.0.0.1:0"
"""
# A profile that speaks MQ HTTP with an MQ elsewhere.
FOREIGN = """
[profiles.main]
protocol = "mq-http"
endpoints = [{endpoints}]
credentials = "main"
dns_refresh = "5s"
{profile}
[credentials.main]
directory = "{directory}/keys"
[[topics]]
name = "orders"
profile = "main"
groups = ["GID_a", "GID_push", "GID_stream"]
"""
# The gateway is its own MQ.
EMBEDDED = """
[embedded]
enabled = true
listen = "127.0.0.1:0"
{embedded}
[profiles.main]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "PID_a"
[[topics]]
name = "*"
profile = "main"
groups = ["*"]
"""
# Its messages are sent to a service.
PUSH = """
[subscriptions.mail]
topic = "orders"
group = "GID_push"
url = "{url}"
format = "raw"
"""


class Failed(Exception):
    """What went wrong, in words."""


def call(url, body=None, method=None, timeout=30, headers=()):
    """The status, and the answer's text; 0 where nobody answers."""
    data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
    headers = {"Content-Type": "application/json", **dict(headers)}
    request = urllib.request.Request(url, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except (OSError, ValueError) as error:
        return 0, str(error)


def logged_address(log, listener):
    """Where a listener is, by what its gateway logged; `None` while it does not say so."""
    for line in log.splitlines():
        fields = json.loads(line) if line.startswith("{") and line.endswith("}") else {}
        if fields.get("message") == "listening" and fields.get("listener") == listener:
            return fields["address"]
    return None


class Gateway:
    """`before` is a command that runs the program, such as one that mounts something first."""

    def __init__(self, program, directory, configuration, before=(), environment=()):
        self.program, self.directory, self.before = program, pathlib.Path(directory), list(before)
        self.environment = {**os.environ, **dict(environment)}
        self.directory.mkdir(parents=True, exist_ok=True)
        self.configuration = self.directory / "gateway.toml"
        self.configuration.write_text(configuration.replace("{directory}", str(self.directory)))
        self.log = self.directory / "log"
        self.process = None

    def start(self):
        with self.log.open("ab") as log:
            self.begins = log.tell()
            command = [*self.before, str(self.program), "--config", str(self.configuration)]
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=self.environment
            )
        self.data = f"http://{self.address('data')}"
        self.management = self.address("management")
        self.wait("is not ready", lambda: call(f"http://{self.management}/readyz", timeout=5)[0] == 200)
        return self

    def output(self):
        with self.log.open("rb") as log:
            log.seek(self.begins)
            return log.read().decode(errors="replace")

    def wait(self, complaint, condition):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            if found := condition():
                return found
            time.sleep(0.1)
        raise Failed(f"{self.directory.name}: the gateway {complaint}:\n{self.output()[-2000:]}")

    def address(self, listener):
        return self.wait(f"does not listen ({listener})", lambda: logged_address(self.output(), listener))

    def embedded_url(self):
        return f"http://{self.address('embedded')}"

    def pair(self):
        """The keys that its embedded endpoint accepts."""
        command = [self.program, "embedded-mq", "credentials", "--data-dir", self.directory / "data"]
        shown = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return shown["access_key"], shown["secret_key"]

    def publish(self, topic="orders", body="one", headers=(), **fields):
        return call(f"{self.data}/v1/topics/{topic}/messages", {"body": body, **fields}, headers=headers)

    def receive(self, topic="orders", group="GID_a", **options):
        """The messages; none where it fails."""
        status, answer = call(f"{self.data}/v1/topics/{topic}/groups/{group}/messages:receive", options)
        return json.loads(answer)["messages"] if status == 200 else []

    def acknowledge(self, messages, topic="orders", group="GID_a"):
        handles = [message["receipt_handle"] for message in messages]
        return call(f"{self.data}/v1/topics/{topic}/groups/{group}/messages:ack", {"receipt_handles": handles})

    def stop(self, seconds=STOP_SECONDS):
        """In order: it ends by itself. The exit code; one that did not end in time was killed."""
        if self.process is None:
            return None
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.returncode

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def write_keys(directory, access_key, secret_key, mode=0o644):
    """As a mounted Secret changes: each file is whole at any time."""
    keys = pathlib.Path(directory) / "keys"
    keys.mkdir(mode=0o755, parents=True, exist_ok=True)
    for name, text in (("access_key", access_key), ("secret_key", secret_key)):
        new = keys / f".{name}"
        new.write_text(text)
        new.chmod(mode)
        new.rename(keys / name)


def configuration(kind, server="", limits="", more="", **fields):
    text = USUAL.replace("{server}", server).replace("{limits}", limits) + kind
    for name, value in {"embedded": "", "profile": "", **fields}.items():
        text = text.replace("{" + name + "}", value)
    return text + more
