"""What a run was made on: kind of CPU, system, versions."""

import os
import platform
import re
import subprocess
from pathlib import Path

from processes import ENVIRONMENT, found

VERSIONS = {
    "HAProxy": (["haproxy", "-v"], r"version (\d[\d.]*)"),
    "nginx": (["nginx", "-v"], r"nginx/([\d.]+)"),
    "Go": (["go", "version"], r"go(\d[\d.]*)"),
    "gcc": (["gcc", "-dumpfullversion"], r"([\d.]+)"),
    "wrk": (["wrk", "-v"], r"([\d.]+)-?"),
    "valgrind": (["valgrind", "--version"], r"valgrind-([\d.]+)"),
    "strace": (["strace", "-V"], r"version ([\d.]+)"),
}


def describe(gateway, left_out):
    cpu = re.search(r"^(?:model name|Hardware)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    system = re.search(r'^PRETTY_NAME="?([^"\n]+)', Path("/etc/os-release").read_text(), re.M)
    return {
        "cpu": cpu[1] if cpu else platform.machine(), "cpus": os.cpu_count(),
        "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "kernel": re.match(r"[\d.]+\d", platform.release())[0], "system": system[1] if system else "Linux",
        "versions": {"mq-gateway": output([gateway, "--version"], r"([\d.]+)"), "rustc": compiler(gateway)}
        | {name: output(command, pattern) for name, (command, pattern) in VERSIONS.items() if found(command[0])},
        "left_out": left_out,
    }


def output(command, pattern):
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = re.search(pattern, done.stdout)
    return found[1] if found else "?"


def compiler(gateway):
    """The one that made the program, as it says itself."""
    found = re.search(rb"rustc version (\d[\w.-]*)", gateway.read_bytes())
    return found[1].decode() if found else "?"
