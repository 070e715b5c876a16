"""What a gateway takes: `figures.py PROGRAM`. Its size, the time from its start until it is ready, and its memory at rest and after
work, with the Deployment's own configuration and with the embedded endpoint. Fails where it is much more than was ever measured."""

import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from gateway import logged_address  # noqa: E402

STARTS, PUBLISHES = 10, 5000
# Far above what is measured on two slow processors, so that only a real change fails.
MOST = {"size in MiB": 40, "start in ms": 3000, "memory at rest in MiB": 64, "memory after work in MiB": 128}


class Gateway:
    """A process, from its start until it is ready."""

    def __init__(self, arguments, directory):
        self.began, self.log = time.monotonic(), directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > self.began + 30:
                self.stop()
                sys.exit(f"the gateway is not ready:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.001)
        self.ready_after = time.monotonic() - self.began

    def address(self, listener):
        return logged_address(self.log.read_text(), listener)

    def ready(self):
        address = self.address("management")
        if not address:
            return False
        connection = http.client.HTTPConnection(address, timeout=5)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200

    def mebibytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(2)
            self.process.wait(30)


def deployment(directory):
    """The ConfigMap's configuration, on free ports, with a Secret's files."""
    (directory / "keys").mkdir(mode=0o700)
    for name in ("access_key", "secret_key"):
        (directory / "keys" / name).write_text("example-of-a-key")
        (directory / "keys" / name).chmod(0o600)
    text = (ROOT / "deploy/kubernetes/base/gateway.toml").read_text(encoding="utf-8")
    for theirs, ours in (("0.0.0.0:8080", "127.0.0.1:0"), ("0.0.0.0:8081", "127.0.0.1:0"), ("/run/secrets/mq", f"{directory}/keys")):
        assert theirs in text, f"deploy/kubernetes/base/gateway.toml does not say {theirs}"
        text = text.replace(theirs, ours)
    (directory / "gateway.toml").write_text(text)
    return ["--config", directory / "gateway.toml"]


def embedded(directory):
    listeners = ("--listen", "--management-listen", "--embedded-listen")
    return [word for flag in listeners for word in (flag, "127.0.0.1:0")] + ["--data-dir", directory / "data"]


def publish(gateway):
    connection = http.client.HTTPConnection(gateway.address("data"), timeout=30)
    body = json.dumps({"body": "x" * 1024})
    for _ in range(PUBLISHES):
        connection.request("POST", "/v1/topics/orders/messages", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 201, answer.status


def size(program):
    """Without what a debugger reads, as the image has it."""
    with tempfile.TemporaryDirectory() as path:
        stripped = pathlib.Path(path) / "stripped"
        subprocess.run(["strip", "-o", stripped, program], check=True)
        return stripped.stat().st_size


program = pathlib.Path(sys.argv[1]).resolve()
figures = {"size in MiB": size(program) / 2**20}
for name, arguments in (("as deployed", deployment), ("with the embedded endpoint", embedded)):
    starts = []
    for count in range(STARTS):
        with tempfile.TemporaryDirectory() as path:
            directory = pathlib.Path(path)
            gateway = Gateway([program, *arguments(directory)], directory)
            try:
                starts.append(gateway.ready_after * 1000)
                if count == STARTS - 1:
                    at_rest = gateway.mebibytes()
                    if arguments is embedded:
                        publish(gateway)
                        figures["memory after work in MiB"] = gateway.mebibytes()
            finally:
                gateway.stop()
    figures["start in ms"] = max(figures.get("start in ms", 0), statistics.median(starts))
    figures["memory at rest in MiB"] = max(figures.get("memory at rest in MiB", 0), at_rest)
    print(f"   {name}: ready after {statistics.median(starts):.0f} ms (median of {STARTS}), {at_rest:.0f} MiB at rest")
print(f"   {figures['size in MiB']:.1f} MiB on disk; {figures['memory after work in MiB']:.0f} MiB after {PUBLISHES:,} publishes of 1 KiB")
over = [f"{name}: {figures[name]:.0f}, more than {most}" for name, most in MOST.items() if figures[name] > most]
sys.exit(f"FAILED: {'; '.join(over)}" if over else 0)
