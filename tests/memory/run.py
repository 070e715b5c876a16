#!/usr/bin/env python3
"""The gateway in a memory control group of 256 MiB, under callers and an MQ that would take much more.

    tests/memory/run.py [--gateway target/release/mq-gateway] [--limit-mib 256] [--only uploads,receives,readers,embedded,ahead,crowd]

Each scenario runs beside healthy traffic: small publishes, twenty a second, each on a connection of its own. The gateway has to stay
alive, refuse none of the small publishes, stay below the limit with its sockets' buffers (version 2 counts them, version 1 beside it) and
without what the kernel keeps of files as long as there is room, and give the memory back; and the attack has to be one. Needs root, for
the control group; ends what it started, and exits with 1 where a promise is broken.
"""
import argparse
import asyncio
import functools
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from gateway import logged_address  # noqa: E402

MIB = 1 << 20
BODY_MIB = 4
MESSAGES = 16


# ---- the control group -------------------------------------------------------------------------------------------------

class ControlGroup:
    """A memory control group with a limit, below the one that this process is in."""

    def __init__(self, limit):
        own = dict(line.strip().split(":", 2)[1:] for line in open("/proc/self/cgroup"))
        v1 = next((path for names, path in own.items() if "memory" in names.split(",")), None)
        if v1 is not None:
            self.version, root, files = 1, "/sys/fs/cgroup/memory" + v1, ("memory.limit_in_bytes", "memory.max_usage_in_bytes")
        else:
            self.version, root, files = 2, "/sys/fs/cgroup" + own[""], ("memory.max", "memory.peak")
        self.folder = pathlib.Path(root) / f"mq-gateway-memory-{os.getpid()}"
        self.folder.mkdir()
        (self.folder / files[0]).write_text(str(limit))
        swap = self.folder / ("memory.memsw.limit_in_bytes" if self.version == 1 else "memory.swap.max")
        if swap.exists():
            swap.write_text(str(limit) if self.version == 1 else "0")
        # Version 1 counts sockets only where they have a limit, and beside the rest; version 2 counts them with it.
        sockets = self.folder / "memory.kmem.tcp.limit_in_bytes"
        if sockets.exists():
            sockets.write_text(str(limit))
        self.usage_files = ["memory.usage_in_bytes", "memory.kmem.tcp.usage_in_bytes"] if self.version == 1 else ["memory.current"]
        self.peak_file = self.folder / files[1]

    def usage_mib(self):
        """What is used now, sockets' buffers included, and files' pages not: the kernel takes those back before it ends a process."""
        files = [self.folder / name for name in self.usage_files]
        pages = self.stat("active_file") + self.stat("inactive_file")
        return (sum(int(file.read_text()) for file in files if file.exists()) - pages) / MIB

    def stat(self, name):
        return int(dict(line.split() for line in (self.folder / "memory.stat").open())[name])

    def sockets_mib(self):
        if self.version == 1:
            file = self.folder / self.usage_files[1]
            return int(file.read_text()) / MIB if file.exists() else 0.0
        return self.stat("sock") / MIB

    def enter(self):
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))

    def peak_mib(self):
        return int(self.peak_file.read_text()) / MIB if self.peak_file.exists() else float("nan")

    def remove(self):
        for _ in range(50):
            try:
                return self.folder.rmdir()
            except OSError:
                time.sleep(0.1)


# ---- an MQ with large messages -----------------------------------------------------------------------------------------

@functools.cache
def consumed(messages, body_bytes):
    body = "x" * body_bytes
    parts = ['<?xml version="1.0" encoding="utf-8"?><Messages xmlns="http://mq.aliyuncs.com/doc/v1">']
    for index in range(messages):
        parts.append(
            f"<Message><MessageId>ID{index}</MessageId><MessageBody>{body}</MessageBody><ReceiptHandle>H{index}</ReceiptHandle>"
            "<PublishTime>1700000000000</PublishTime><FirstConsumeTime>1700000000000</FirstConsumeTime>"
            "<NextConsumeTime>1700000300000</NextConsumeTime><ConsumedTimes>1</ConsumedTimes></Message>")
    parts.append("</Messages>")
    return "".join(parts).encode()


PUBLISHED = (b'<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mq.aliyuncs.com/doc/v1">'
             b"<MessageId>ID</MessageId><MessageBodyMD5>x</MessageBodyMD5></Message>")


async def mq(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            line, *fields = head.decode("latin1").split("\r\n")
            length = next((int(f.split(":")[1]) for f in fields if f.lower().startswith("content-length:")), 0)
            if length:
                await reader.readexactly(length)
            method, target = line.split(" ")[:2]
            if method == "GET":
                query = dict(pair.split("=", 1) for pair in target.partition("?")[2].split("&") if "=" in pair)
                status, body = "200 OK", consumed(min(int(query.get("numOfMessages", "1")), MESSAGES), BODY_MIB * MIB)
            elif method == "POST":
                status, body = "201 Created", PUBLISHED
            else:
                status, body = "204 No Content", b""
            writer.write(f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def serve_mq():
    server = await asyncio.start_server(mq, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Mq:
    """An MQ in a process of its own, so that large answers do not delay small ones in the test itself."""

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, __file__, "--mq"], stdout=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


# ---- callers -----------------------------------------------------------------------------------------------------------

async def exchange(port, head, body=b"", timeout=30.0):
    """One request on a connection of its own: status, body length, seconds."""
    began = time.monotonic()

    async def go():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            size = 0
            while chunk := await reader.read(1 << 16):
                size += len(chunk)
            return status, size
        finally:
            writer.close()

    status, size = await asyncio.wait_for(go(), timeout)
    return status, size, time.monotonic() - began


def post(path, length, extra=""):
    return (f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Length: {length}\r\n{extra}\r\n")


class Watch:
    """The most that the control group used at once, and that its sockets did."""

    def __init__(self, group):
        self.group, self.most, self.most_sockets, self.task = group, 0.0, 0.0, None

    async def __aenter__(self):
        self.task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()

    async def run(self):
        while True:
            self.most = max(self.most, self.group.usage_mib())
            self.most_sockets = max(self.most_sockets, self.group.sockets_mib())
            await asyncio.sleep(0.1)


class Healthy:
    """Small publishes, twenty a second, until stopped."""

    def __init__(self, port, topic):
        self.port, self.topic, self.seconds, self.refused, self.task = port, topic, [], [], None

    async def __aenter__(self):
        self.task = asyncio.create_task(self.run())
        return self

    async def __aexit__(self, *_):
        self.task.cancel()

    async def run(self):
        head = post(f"/v1/topics/{self.topic}/messages", 100, "Connection: close\r\n")
        pending = set()
        while True:
            pending.add(task := asyncio.create_task(self.one(head)))
            task.add_done_callback(pending.discard)
            await asyncio.sleep(0.05)

    async def one(self, head):
        try:
            status, _, seconds = await exchange(self.port, head, b"x" * 100)
            (self.seconds if status == 201 else self.refused).append(seconds if status == 201 else status)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            self.refused.append(type(error).__name__)

    def summary(self):
        times = sorted(self.seconds) or [float("nan")]
        p99 = times[min(len(times) - 1, int(len(times) * 0.99))]
        return {"small_ok": len(self.seconds), "small_refused": len(self.refused), "p50_ms": round(statistics.median(times) * 1e3, 1),
                "p99_ms": round(p99 * 1e3, 1), "refusals": sorted(set(map(str, self.refused)))[:4]}


async def uploads(port, seconds):
    """1,000 uploads of 4 MiB that stall before their last byte."""
    length, outcomes = BODY_MIB * MIB, {}

    async def one():
        outcome = "stalled"
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post("/v1/topics/big/messages", length).encode())
            answered = asyncio.create_task(reader.read(64))
            left = length - 1
            while left and not answered.done():
                step = min(left, 1 << 16)
                writer.write(b"x" * step)
                left -= step
                await writer.drain()
            await asyncio.wait_for(answered, seconds)
            outcome = answered.result()[9:12].decode() or "closed"
        except asyncio.TimeoutError:
            pass
        except OSError:
            outcome = "closed"
        finally:
            if writer:
                writer.close()
                answered.cancel()
                await asyncio.gather(answered, return_exceptions=True)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1

    await asyncio.gather(*(one() for _ in range(1000)))
    return outcomes


async def receives(port, topic, seconds):
    """50 receives of 16 messages of 4 MB, again and again."""
    outcomes, messages, end = {}, 0, time.monotonic() + seconds
    head = (f"GET /v1/topics/{topic}/groups/g/messages?max_messages={MESSAGES}&wait_seconds=5 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Connection: close\r\n\r\n")

    async def one():
        nonlocal messages
        while time.monotonic() < end:
            try:
                status, size, _ = await exchange(port, head, timeout=60)
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
                status, size = type(error).__name__, 0
            outcomes[status] = outcomes.get(status, 0) + 1
            messages += size // (BODY_MIB * MIB)

    await asyncio.gather(*(one() for _ in range(50)))
    return {**outcomes, "messages": messages}


async def readers(port, topic, seconds):
    """50 receives whose callers read 4 KiB a second of the answer."""
    outcomes, end = {}, time.monotonic() + seconds
    head = (f"GET /v1/topics/{topic}/groups/g/messages?max_messages={MESSAGES}&wait_seconds=5 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            "Connection: close\r\n\r\n")

    async def one():
        outcome = "reading"
        writer = None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=8192)
            writer.write(head.encode())
            first = await asyncio.wait_for(reader.read(4096), seconds)
            outcome = "reading" if first[9:12] == b"200" else (first[9:12].decode() or "closed")
            while outcome == "reading" and time.monotonic() < end:
                await asyncio.sleep(1)
                if not await asyncio.wait_for(reader.read(4096), seconds):
                    outcome = "cut"
        except asyncio.TimeoutError:
            outcome = "no answer"
        except OSError:
            outcome = "cut"
        finally:
            if writer:
                writer.close()
            outcomes[outcome] = outcomes.get(outcome, 0) + 1

    await asyncio.gather(*(one() for _ in range(50)))
    return outcomes


async def hold(port, count, request, seconds):
    """`count` connections that send `request`, or as much of it as is taken, and then stand still."""
    outcomes, end = {}, time.monotonic() + seconds

    async def one():
        outcome, writer = "held", None
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(64), end - time.monotonic())
            outcome = answer[9:12].decode() or "closed"
        except asyncio.TimeoutError:
            pass
        except OSError:
            outcome = "closed"
        finally:
            if writer:
                writer.transport.abort()
            outcomes[outcome] = outcomes.get(outcome, 0) + 1

    await asyncio.gather(*(one() for _ in range(count)))
    return outcomes


async def ahead(port, seconds):
    """1,000 callers that wait for a message, and have sent an upload behind that request."""
    waiting = f"GET /v1/topics/quiet/groups/g/messages?wait_seconds={seconds + 5} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    upload = post("/v1/topics/big/messages", BODY_MIB * MIB).encode() + b"x" * MIB
    return await hold(port, 1000, waiting.encode() + upload, seconds)


async def crowd(port, seconds):
    """8,000 connections that owe the rest of a head."""
    return await hold(port, 8000, b"POST /v1/topics/big/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Filler: " + b"x" * 4000, seconds)


async def fill_embedded(port, count):
    head = post("/v1/topics/local/messages", BODY_MIB * MIB, "Connection: close\r\n")
    for _ in range(count):
        status, _, _ = await exchange(port, head, b"x" * (BODY_MIB * MIB))
        if status != 201:
            raise SystemExit(f"could not fill the embedded endpoint: {status}")


# ---- the run -----------------------------------------------------------------------------------------------------------

CONFIG = """
[server]
listen = "127.0.0.1:0"
workers = 2
[management]
listen = "127.0.0.1:0"
[embedded]
enabled = true
listen = "127.0.0.1:0"
max_message_bytes = "5MiB"
[credentials.main]
directory = "{keys}"
[profiles.main]
protocol = "mq-http"
endpoints = ["http://127.0.0.1:{large}"]
credentials = "main"
[profiles.other]
protocol = "mq-http"
endpoints = ["http://127.0.0.1:{small}"]
credentials = "main"
[profiles.local]
protocol = "mq-http"
endpoints = ["embedded"]
credentials = "embedded"
[[topics]]
name = "big"
profile = "main"
groups = ["*"]
[[topics]]
name = "small"
profile = "other"
groups = ["*"]
[[topics]]
name = "local"
profile = "local"
groups = ["*"]
[[topics]]
name = "quiet"
profile = "local"
groups = ["*"]
"""


def rss_mib(pid):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def run(arguments):
    work = pathlib.Path(tempfile.mkdtemp(prefix="mq-gateway-memory-"))
    (work / "keys").mkdir()
    (work / "keys/access_key").write_text("ak")
    (work / "keys/secret_key").write_text("sk")
    with Mq() as large, Mq() as small:
        (work / "gateway.toml").write_text(CONFIG.format(keys=work / "keys", large=large.port, small=small.port))
        bad, count = await scenarios(arguments, work)
    shutil.rmtree(work, ignore_errors=True)
    for line in bad:
        print("BROKEN", line)
    print(f"{count - len(bad)} passed, {len(bad)} failed")
    return 1 if bad else 0


async def scenarios(arguments, work):
    """What was broken, and how many scenarios ran."""
    bad, results = [], {}
    # Each with the outcomes by which it was an attack, and how many of them make one. Memory has room for few of the large ones.
    attacks = {
        "uploads": (lambda port: uploads(port, 15), ("stalled", "408"), 10),
        "receives": (lambda port: receives(port, "big", 20), ("messages",), 50),
        "readers": (lambda port: readers(port, "big", 20), ("reading",), 1),
        "embedded": (lambda port: receives(port, "local", 20), ("messages",), 10),
        "ahead": (lambda port: ahead(port, 10), ("held",), 200),
        "crowd": (lambda port: crowd(port, 10), ("held",), 200),
    }
    for name in arguments.only.split(","):
        group = ControlGroup(arguments.limit_mib * MIB)
        log = open(work / f"{name}.log", "wb+")
        gateway = subprocess.Popen(
            [arguments.gateway, "--config", str(work / "gateway.toml"), "--data-dir", str(work / f"{name}.data")],
            stdout=log, stderr=subprocess.STDOUT, preexec_fn=group.enter)
        try:
            port = await listening(work / f"{name}.log", gateway)
            if name == "embedded":
                await fill_embedded(port, 24)
            idle = rss_mib(gateway.pid)
            async with Watch(group) as watch, Healthy(port, "small") as healthy:
                await asyncio.sleep(1)
                attack, signs, least = attacks[name]
                outcome = await attack(port)
                await asyncio.sleep(1)
            alive = gateway.poll() is None
            after = None
            if alive:
                await asyncio.sleep(10)
                after = rss_mib(gateway.pid)
            results[name] = {"alive": alive, "peak_mib": round(watch.most, 1), "with_files_mib": round(group.peak_mib(), 1),
                             "peak_sockets_mib": round(watch.most_sockets, 1), "rss_idle_mib": round(idle, 1),
                             "rss_10s_after_mib": after and round(after, 1), **healthy.summary(), "attack": outcome}
            print(name, json.dumps(results[name]), flush=True)
            summary = healthy.summary()
            if not alive:
                bad.append(f"{name}: the gateway died ({gateway.returncode})")
            elif sum(outcome.get(sign, 0) for sign in signs) < least:
                bad.append(f"{name}: the attack did not happen: {outcome}")
            elif summary["small_refused"] or summary["small_ok"] < 50:
                bad.append(f"{name}: small publishes: {summary}")
            elif watch.most > arguments.limit_mib:
                bad.append(f"{name}: {watch.most:.1f} MiB with sockets")
            elif after > 100:
                bad.append(f"{name}: {after:.1f} MiB are left after 10 s")
        finally:
            if gateway.poll() is None:
                gateway.send_signal(signal.SIGKILL)
            gateway.wait()
            group.remove()
    return bad, len(results)


async def listening(log, gateway):
    for _ in range(100):
        if address := logged_address(log.read_text(errors="replace"), "data"):
            return int(address.rsplit(":", 1)[1])
        if gateway.poll() is not None:
            break
        await asyncio.sleep(0.1)
    raise SystemExit(f"the gateway did not start:\n{log.read_text(errors='replace')}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gateway", default="target/release/mq-gateway")
    parser.add_argument("--limit-mib", type=int, default=256)
    parser.add_argument("--only", default="uploads,receives,readers,embedded,ahead,crowd")
    parser.add_argument("--mq", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.exit(asyncio.run(serve_mq() if arguments.mq else run(arguments)))


if __name__ == "__main__":
    main()
