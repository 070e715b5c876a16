"""Runs the README's commands word for word and compares the answers with those that it prints.

    python3 .ci/readme.py README.md

The convention, for whoever writes the README (blocks run in their order, in one bash, in the repository's root):

    ```sh server      starts the gateway: one command, on its default ports, left running until the end. The runner goes on
                      when the management listener says it is ready.
    ```sh             commands, without `$`, each of which must end with 0. Variables live on from block to block.
    ```json           directly below a ```sh block: what its last command prints, as JSON. Key order and white space do not
                      count, everything else does.
    ```text           the same as text, line by line; trailing white space does not count.

`…` stands for what differs from run to run: anywhere in a JSON string or a line of text, for any characters; as a whole JSON
string "…", for any JSON value; as a line of its own in text, for any number of lines; as the last element of a JSON array, for
any further elements. Below curl, the HTTP status is checked too: that of the fence (```json 202) if it has one, else the
answer's own `status` member (a problem), else any 2xx; without an expected answer, too, any 2xx.
Fences of any other kind (```shell, ```toml, ```yaml, ```console) are not run.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "target/ci/readme"
PORTS = (8080, 8081, 8090)
READY = "http://127.0.0.1:8081/readyz"
STATUS = "readme-http-status="


class Block:
    def __init__(self, info, line, text):
        words = info.split()
        self.kind, self.more, self.line, self.text = words[0] if words else "", words[1:], line, text


def blocks(markdown):
    """The fenced blocks, each with the number of its fence and whether it follows the one before with nothing between."""
    found, lines, at = [], markdown.split("\n"), 0
    alone = True
    while at < len(lines):
        fence = re.match(r"^(```+)\s*(.*)$", lines[at])
        if not fence:
            alone = alone and not lines[at].strip()
            at += 1
            continue
        start, body = at + 1, []
        at += 1
        while at < len(lines) and lines[at].rstrip() != fence[1]:
            body.append(lines[at])
            at += 1
        block = Block(fence[2], start, "\n".join(body))
        block.follows = alone and bool(found)
        found.append(block)
        alone = True
        at += 1
    return found


def commands(text):
    """A script as its single commands: lines are joined for as long as bash finds them incomplete."""
    pending = []
    for line in text.split("\n"):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        pending.append(line)
        script = "\n".join(pending)
        check = subprocess.run(["bash", "-n", "-c", script], capture_output=True, text=True)
        if check.returncode == 0 and not line.endswith("\\") and "here-document" not in check.stderr:
            yield script
            pending = []
    if pending:
        raise SystemExit(f"not a complete command: {pending}")


def pattern(text):
    return re.compile(".*".join(re.escape(part) for part in text.split("…")), re.DOTALL)


def json_difference(expected, actual, path="$"):
    if expected == "…":
        return None
    if isinstance(expected, str) and "…" in expected:
        if isinstance(actual, str) and pattern(expected).fullmatch(actual):
            return None
        return f"{path}: {actual!r} does not match {expected!r}"
    if isinstance(expected, dict) and isinstance(actual, dict):
        if expected.keys() != actual.keys():
            missing, extra = sorted(expected.keys() - actual.keys()), sorted(actual.keys() - expected.keys())
            return f"{path}: missing {missing}, not expected {extra}"
        for key in expected:
            difference = json_difference(expected[key], actual[key], f"{path}.{key}")
            if difference:
                return difference
        return None
    if isinstance(expected, list) and isinstance(actual, list):
        if expected and expected[-1] == "…":
            expected, actual = expected[:-1], actual[: len(expected) - 1]
        if len(expected) != len(actual):
            return f"{path}: {len(actual)} elements, expected {len(expected)}"
        for index, (left, right) in enumerate(zip(expected, actual)):
            difference = json_difference(left, right, f"{path}[{index}]")
            if difference:
                return difference
        return None
    # 1 and true are equal in Python, not here.
    if type(expected) is type(actual) and expected == actual:
        return None
    return f"{path}: {actual!r}, expected {expected!r}"


def text_difference(expected, actual):
    wanted = [line.rstrip() for line in expected.rstrip("\n").split("\n")]
    got = [line.rstrip() for line in actual.replace("\r", "").rstrip("\n").split("\n")]
    source = "\n".join("(?:.*\n)*?.*" if line == "…" else pattern(line).pattern.replace(".*", "[^\n]*") for line in wanted)
    # A line of its own may stand for no line at all.
    source = source.replace("(?:.*\n)*?.*\n", "(?:[^\n]*\n)*?").replace("\n(?:.*\n)*?.*", "(?:\n[^\n]*)*?")
    if re.fullmatch(source, "\n".join(got)):
        return None
    return "the text differs"


class Shell:
    """One bash that lives through all blocks; curl reports the status of every answer beside its output."""

    def __init__(self):
        (WORK / "curl").mkdir(parents=True, exist_ok=True)
        (WORK / "curl/.curlrc").write_text(f'write-out = "%{{stderr}}\\n{STATUS}%{{http_code}}\\n"\nmax-time = 60\n')
        environment = {**os.environ, "CURL_HOME": str(WORK / "curl")}
        self.bash = subprocess.Popen(["bash"], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.bash.stdin.write("set -uo pipefail\n")

    def run(self, command):
        script, out, err = WORK / "command.sh", WORK / "stdout", WORK / "stderr"
        script.write_text(command + "\n")
        self.bash.stdin.write(f". '{script}' >'{out}' 2>'{err}' </dev/null; echo \"$?\"\n")
        self.bash.stdin.flush()
        answer = self.bash.stdout.readline()
        if not answer:
            raise SystemExit(f"FAILED: the shell ended in: {command}\n{err.read_text()}")
        notes = err.read_text(errors="replace")
        statuses = [int(s) for s in re.findall(rf"^{STATUS}(\d+)$", notes, re.MULTILINE)]
        notes = re.sub(rf"\n?{STATUS}\d+\n", "", notes)
        return int(answer), out.read_text(errors="replace"), notes, statuses


def start(command):
    log = open(WORK / "gateway.log", "w")
    process = subprocess.Popen(["bash", "-c", command], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    end = time.monotonic() + 600  # `cargo run` may build first
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"FAILED: the server ended with {process.returncode}:\n{(WORK / 'gateway.log').read_text()[-2000:]}")
        try:
            if urllib.request.urlopen(READY, timeout=2).status == 200:
                return process
        except OSError:
            time.sleep(0.2)
    os.killpg(process.pid, signal.SIGKILL)
    raise SystemExit("FAILED: the server is not ready")


def stop(process):
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise SystemExit("FAILED: the server did not end 40 s after SIGTERM")


def main():
    path = Path(sys.argv[1])
    found = blocks(path.read_text(encoding="utf-8"))
    WORK.mkdir(parents=True, exist_ok=True)
    for port in PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise SystemExit(f"FAILED: port {port} is in use; the README's commands need the default ports")
    # The README begins with no data: a directory of earlier trials is set aside and comes back.
    data, aside = ROOT / "data", WORK / f"data-set-aside-{os.getpid()}"
    if data.exists():
        data.rename(aside)
        print(f"   ./data is set aside as {aside}")
    server, shell, failures, ran, compared = None, Shell(), [], 0, 0
    try:
        for index, block in enumerate(found):
            if block.kind != "sh":
                continue
            if "server" in block.more:
                (command,) = commands(block.text)
                print(f"   {path.name}:{block.line}: {command}   (left running)", flush=True)
                server = start(command)
                ran += 1
                continue
            follower = found[index + 1] if index + 1 < len(found) else None
            answer = follower if follower and follower.follows and follower.kind in ("json", "text") else None
            scripts = list(commands(block.text))
            for number, command in enumerate(scripts):
                print(f"   {path.name}:{block.line}: {command.splitlines()[0]}", flush=True)
                code, out, notes, statuses = shell.run(command)
                ran += 1
                problems = []
                if code != 0:
                    problems.append(f"ended with {code}")
                wanted = range(200, 300)
                if answer and number == len(scripts) - 1:
                    compared += 1
                    if answer.kind == "json":
                        expected = json.loads(answer.text)
                        if isinstance(expected, dict) and isinstance(expected.get("status"), int):
                            wanted = (expected["status"],)
                        try:
                            problems.append(json_difference(expected, json.loads(out)))
                        except ValueError:
                            problems.append("no JSON was printed")
                    else:
                        line = re.match(r"HTTP/\S+ (\d+)", answer.text)
                        if line:
                            wanted = (int(line[1]),)
                        problems.append(text_difference(answer.text, out))
                    if answer.more:
                        wanted = (int(answer.more[0]),)
                problems += [f"HTTP status {status}" for status in statuses if status not in wanted]
                problems = [problem for problem in problems if problem]
                if problems:
                    failures.append(f"{path.name}:{block.line}")
                    print(f"FAILED: {path.name}:{block.line}: {'; '.join(problems)}\n{command}\n--- printed\n{out}\n--- stderr\n{notes}", file=sys.stderr)
                    if answer and number == len(scripts) - 1:
                        print(f"--- expected\n{answer.text}", file=sys.stderr)
    finally:
        shell.bash.stdin.close()
        if server:
            stop(server)
        if aside.exists():
            if data.exists():
                data.rename(WORK / f"data-of-run-{os.getpid()}")
            aside.rename(data)
    if server is None or not compared:
        raise SystemExit("FAILED: the README starts no server (```sh server) or prints no answer: nothing was checked")
    print(f"   {ran} commands run, {compared} answers compared, {len(failures)} wrong")
    sys.exit(1 if failures else 0)


main()
