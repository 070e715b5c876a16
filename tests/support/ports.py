"""Ports that a test may name before it listens there, and again after a restart: `own_port()`. From a shell `ports.py COUNT`, which prints
them and keeps them until its input ends: `own_ports` in .ci/lib.sh.

They lie below what the system hands out for port 0 and for connections (`ip_local_port_range`), so that neither a connection nor
another listener takes one between two uses; and a lock keeps each for one process among the tests that run side by side."""

import fcntl
import os
import pathlib
import random
import socket
import sys
import tempfile

# Between the ports that a RocketMQ server of tests/rocketmq takes by default and those that its runs give it.
FIRST, LAST = 22_000, 27_999
LOCKS = pathlib.Path(tempfile.gettempdir()) / f"mq-gateway-ports.{os.getuid()}"
held = []  # open files: their locks end with the process


def is_free(port):
    # Also where a connection that ended shortly ago is still known, as the gateway's own listener does.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def own_port():
    """One that stays this process's own until it ends."""
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    for port in random.SystemRandom().sample(range(FIRST, LAST + 1), 200):
        lock = open(LOCKS / str(port), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if is_free(port):
            held.append(lock)
            return port
        lock.close()
    raise RuntimeError(f"no free port from {FIRST} to {LAST} in 200 tries")


if __name__ == "__main__":
    print(*(own_port() for _ in range(int(sys.argv[1]))), flush=True)
    sys.stdin.read()
