"""What the Python programs here share: settings from the environment, checks that run side by side, one line for each."""

import os
import sys
import time
import traceback
import uuid
from concurrent.futures import ThreadPoolExecutor


def setting(name, default=None):
    value = os.environ.get(name, default)
    if not value:
        sys.exit(f"{name} is not set: see tests/sdk/README.md")
    return value


URL = setting("MQ_URL").rstrip("/")
ACCESS_KEY = setting("MQ_ACCESS_KEY")
SECRET_KEY = setting("MQ_SECRET_KEY")
# What the endpoint has, so that redelivery can be waited for.
VISIBILITY = float(setting("MQ_VISIBILITY_SECONDS", "3"))


def fresh(prefix):
    """A name that no other check and no other run uses."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def same(what, actual, expected):
    if actual != expected:
        raise AssertionError(f"{what} is {actual!r}, expected {expected!r}")


def true(what, condition):
    if not condition:
        raise AssertionError(what)


def until_hidden_no_more(seconds=VISIBILITY):
    """Until whatever was delivered and not acknowledged can be delivered again."""
    time.sleep(seconds + 1)


CHECKS = []


def check(name):
    """Marks a function as a check of that name."""
    return lambda function: CHECKS.append((name, function)) or function


def _run(function):
    try:
        function()
        return None
    except Exception as error:  # a check fails by any exception
        return error


def main():
    """Runs all checks, each with clients of its own, and ends the process: 0 only if every one was good."""
    failed = 0
    with ThreadPoolExecutor(len(CHECKS)) as pool:
        results = [(name, pool.submit(_run, function)) for name, function in CHECKS]
        for name, result in results:
            error = result.result()
            if error is None:
                print(f"ok      {name}", flush=True)
                continue
            failed += 1
            place = traceback.extract_tb(error.__traceback__)[1:]
            at = ", ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in place[:2])
            print(f"FAILED  {name}: {type(error).__name__}: {str(error).strip()} ({at})", flush=True)
    print(f"{len(CHECKS) - failed} checks good, {failed} failed")
    sys.exit(1 if failed else 0)
