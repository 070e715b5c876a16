"""Programs: where they run, when they serve, what they take, how they end."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from work import Unexpected

START_SECONDS, STOP_SECONDS = 60, 30
TICKS = os.sysconf("SC_CLK_TCK")

# Servers are in sbin, which is not everybody's to search. Nothing else is in the environment: its size moves the stack, and a variable
# could be a setting.
PATH = os.environ["PATH"] + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/local/go/bin"
ENVIRONMENT = {"PATH": PATH}


def found(program):
    return shutil.which(program, path=PATH) is not None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Program:
    """A program on one CPU, from when it listens to the end of `with`."""

    def __init__(self, command, port, cpu, log, environment=None):
        self.command, self.port, self.cpu, self.log = [str(part) for part in command], port, cpu, log
        self.environment = {**ENVIRONMENT, **(environment or {})}

    def __enter__(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self.command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, preexec_fn=lambda: os.sched_setaffinity(0, {self.cpu}))
        try:
            self.wait_until_it_listens()
        except BaseException:
            self.kill()
            raise
        return self

    def wait_until_it_listens(self):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise Unexpected(f"{self.command[0]} does not serve:\n{self.log.read_text(errors='replace')[-2000:]}")

    def __exit__(self, *_):
        """A tracer ends with what it traces, which is its only child."""
        traced = children(self.process.pid) if "strace" in self.command[0] else []
        try:
            os.kill(traced[0] if traced else self.process.pid, signal.SIGTERM)
            self.process.wait(STOP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        finally:
            self.kill()

    def kill(self):
        if self.process.poll() is None:
            for pid in self.pids()[::-1]:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()

    def pids(self):
        """Its own and its children's."""
        return [self.process.pid, *children(self.process.pid)]

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.pids())

    def resident_mib(self):
        lines = [line for pid in self.pids() for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
        return sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def children(pid):
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def cpu_seconds(pid):
    """User and system time of a process, all its threads, also those that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def busy_seconds():
    """What all CPUs have worked, for whomever."""
    user, nice, system, _idle, _waiting, irq, softirq, stolen = [int(field) for field in Path("/proc/stat").read_text().split()[1:9]]
    return (user + nice + system + irq + softirq + stolen) / TICKS
