"""Load by wrk: the same work again and again on many connections, each with one request under way."""

import json
import os
import re
import subprocess

from processes import ENVIRONMENT
from work import Unexpected

END_SECONDS = 30

TELL = """
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"seconds":%f,"failed":%d,"p50_us":%d,"p99_us":%d}\\n', summary.requests, summary.duration / 1e6,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(50), latency:percentile(99)))
end
"""


def load(port, work, connections, seconds, cpu, directory):
    """What wrk has seen. A run in which a request failed counts for nothing."""
    script = directory / "wrk.lua"
    script.write_text(work.script(directory) + TELL)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", script, f"http://127.0.0.1:{port}{work.target}"]
    done = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds + END_SECONDS, preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    told = re.search(r'^\{"requests".*', done.stdout, re.M)
    if not told:
        raise Unexpected(f"wrk told nothing: {done.stdout[-1000:]}")
    seen = json.loads(told[0])
    if seen["failed"] or not seen["requests"]:
        raise Unexpected(f"{work.description}: {seen['failed']} of {seen['requests']} requests failed")
    return seen
