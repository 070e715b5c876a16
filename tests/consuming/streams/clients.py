#!/usr/bin/env python3
"""Streams as three kinds of clients read them: Python's own library, npm's eventsource, the EventSource of a browser.

    tests/consuming/streams/clients.py GATEWAY [--only python,node,browser]

Each reads from a gateway with its embedded endpoint, two messages at a time, and acknowledges what it gets. Then the gateway is
stopped as an orchestrator stops it, and another one started at the same address: every client has to come back by itself and to
get what was published meanwhile. Also while a gateway drains a client is told to come back, and not that something is wrong.
Needs NODE_PACKAGES for node (a folder with eventsource) and `chromium` for the browser. Ends with the number of checks.
"""

import argparse
import http.server
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "support"))
import gateway as support  # noqa: E402
from ports import own_port  # noqa: E402

TOPIC = "orders"
BODIES = ["plain", "two\nlines\r\nand more", "quotes \" and \\ and \u2028", "中文 😀", "", "x" * 30_000]
good = failed = 0


def check(what, holds, shown=None):
    global good, failed
    good, failed = good + bool(holds), failed + (not holds)
    print(f"{'ok ' if holds else 'BAD'} {what}" + ("" if holds or shown is None else f": {str(shown)[:600]}"), flush=True)


CONFIGURATION = """
data_dir = "{directory}/data"
[server]
listen = "127.0.0.1:PORT"
allowed_origins = ["ORIGIN"]
drain_delay = "3s"
[management]
listen = "127.0.0.1:0"
[embedded]
enabled = true
listen = "127.0.0.1:0"
[profiles.embedded]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "PID_a"
[[topics]]
name = "*"
profile = "embedded"
groups = ["*"]
"""


class Gateway(support.Gateway):
    """One that can be stopped and started again at the same address, with the same store."""

    def __init__(self, path, directory, origin):
        port = own_port()
        super().__init__(path, directory, CONFIGURATION.replace("PORT", str(port)).replace("ORIGIN", origin))
        self.url = f"http://127.0.0.1:{port}"
        self.start()

    def publish_all(self, bodies):
        """Bodies by their ids."""
        return {self.published(body): body for body in bodies}

    def published(self, body):
        status, answer = self.publish(TOPIC, body)
        if status != 201:
            sys.exit(f"a publish failed: {status} {answer}")
        return json.loads(answer)["message_id"]


class Client:
    """A program whose lines are what it saw."""

    def __init__(self, name, command, lines=None):
        self.name, self.seen = name, queue.Queue()
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE if lines is None else subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL, start_new_session=True)
        if lines is None:
            threading.Thread(target=self.read, daemon=True).start()
        else:
            self.seen = lines

    def read(self):
        for line in self.child.stdout:
            self.seen.put(json.loads(line))

    def next(self, wanted, limit=60):
        """The next line with this member; others are skipped."""
        deadline = time.monotonic() + limit
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self.seen.get(timeout=left)
            except queue.Empty:
                break
            if wanted in line:
                return line
        return None

    def end(self):
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()


class Page(http.server.BaseHTTPRequestHandler):
    """Serves the page, and takes what it says."""

    lines = queue.Queue()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write((HERE / "page.html").read_bytes())

    def do_POST(self):
        self.lines.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def browser(directory, page, gateway, group):
    # The page's own server and the gateway are all that it reaches.
    return ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad",
            "--disable-crash-reporter", "--disable-dev-shm-usage", f"--user-data-dir={directory}/profile",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"{page}/#{gateway.url}|{TOPIC}|{group}"]


def takes(client, ids):
    """Checks that the client gets and acknowledges all of it: bodies by their ids."""
    got = {}
    while len(got) < len(ids):
        line = client.next("message")
        if line is None:
            break
        # What comes again, and what was published for others, is not counted.
        if line["id"] in ids:
            got[line["id"]] = line
    check(f"{client.name}: {len(ids)} messages, by their ids", got.keys() == ids.keys(), (len(got), len(ids)))
    check(f"{client.name}: bodies as published", all(line["message"]["body"] == ids.get(at) for at, line in got.items()))
    check(f"{client.name}: acknowledged", all(line["ack"] == 204 for line in got.values()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("gateway")
    parser.add_argument("--only", default="python,node,browser")
    options = parser.parse_args()
    kinds = options.only.split(",")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = f"http://127.0.0.1:{server.server_address[1]}"
    # By SIGTERM, too, nothing that was started here is left.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    # The browser's helpers may still write while it is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        directory = pathlib.Path(directory)
        gateway = Gateway(options.gateway, directory, page)
        clients = []
        try:
            for kind in kinds:
                group = f"CID_{kind}"
                command = {
                    "python": lambda: [sys.executable, str(HERE / "reader.py"), gateway.url, TOPIC, group],
                    "node": lambda: ["node", str(HERE / "reader.mjs"), gateway.url, TOPIC, group],
                    "browser": lambda: browser(directory, page, gateway, group),
                }[kind]()
                clients.append(Client(kind, command, Page.lines if kind == "browser" else None))
            for client in clients:
                check(f"{client.name}: open", client.next("open", 60) is not None)
            for client in clients:
                takes(client, gateway.publish_all(BODIES))
            check("the gateway ends with 0", gateway.stop(40) == 0)
            for client in clients:
                cut = client.next("cut", 60) if client.name != "python" else {}
                check(f"{client.name}: sees the end, and nothing that is for good",
                      cut is not None and cut.get("code") is None and cut.get("cut") != "readyState 2", cut)
            gateway.start()
            meanwhile = gateway.publish_all(["while nobody reads"])
            for client in clients:
                check(f"{client.name}: comes back by itself", client.next("open", 90) is not None)
                takes(client, meanwhile)
            for client in clients:
                takes(client, gateway.publish_all(["after the restart", "and one more"]))
        finally:
            for client in clients:
                client.end()
            gateway.stop(40)
    print(f"{good} checks good, {failed} failed")
    sys.exit(1 if failed or not good else 0)


if __name__ == "__main__":
    main()
