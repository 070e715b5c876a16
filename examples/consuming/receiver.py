"""Takes a subscription's messages, which the gateway sends, signed by Standard Webhooks. Standard library only; PyPI `standardwebhooks`
verifies the same.

    PORT=9000 WEBHOOK_SECRETS=whsec_… python3 receiver.py
"""

import base64
import hashlib
import hmac
import json
import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# One, or several with blanks between while they rotate.
SECRETS = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in os.environ["WEBHOOK_SECRETS"].split()]
TOLERANCE = 300  # seconds
LARGEST = 8 << 20  # bytes: above what the MQ takes, as 413 makes a dead letter
# Ids of what was done, and of what is being done. A service remembers them where it keeps the work's result, in the same transaction, and
# for longer than the retry schedule takes.
done, busy, lock = set(), set(), threading.Lock()


def work(event):
    """What the service is for."""
    print("processing", event["id"], json.dumps(event.get("data")), flush=True)


def is_genuine(headers, body):
    """Whether somebody who has a secret signed these very bytes a moment ago."""
    event, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not at.isdigit() or abs(time.time() - int(at)) > TOLERANCE:
        return False
    signed = f"{event}.{at}.".encode() + body
    good = ["v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode() for secret in SECRETS]
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(one.encode(), other.encode()) for one in good for other in given)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        length = self.headers.get("content-length", "")
        if not length.isdigit() or int(length) > LARGEST:
            self.close_connection = True
            return self.answer(413 if length.isdigit() else 411)
        # The bytes as they came: whatever parses them first cannot verify them any more.
        body = self.rfile.read(int(length))
        if not is_genuine(self.headers, body):
            return self.answer(401)  # comes again by the schedule: the secret may be on its way to us
        event = self.headers["webhook-id"]
        with lock:
            if event in done:
                return self.answer(204)  # the answer to the first did not arrive
            if event in busy:
                return self.answer(409)  # comes again, when the first has ended
            busy.add(event)
        try:
            work(json.loads(body))
            done.add(event)
            self.answer(204)  # after the work: the message is acknowledged now
        except Exception as error:
            print("failed:", event, error, flush=True)
            self.answer(500)  # comes again by the schedule
        finally:
            busy.discard(event)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "9000"))), Receiver)
print("listening on", server.server_port, flush=True)
server.serve_forever()
