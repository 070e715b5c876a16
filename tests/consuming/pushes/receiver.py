"""A receiver of pushes that believes only what the official Python library of Standard Webhooks verifies.

Prints a JSON line for each request: whether it was good, its id, and the type of its event. The secret is in a file, read anew for each
request, as its own rotation would have it.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SECRET_FILE = sys.argv[1]


class Hooks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        with open(SECRET_FILE, encoding="ascii") as file:
            webhook = Webhook(file.read().strip())
        try:
            event = webhook.verify(body, dict(self.headers))
            told = {"good": True, "id": self.headers["webhook-id"], "type": event["type"]}
        except (WebhookVerificationError, ValueError) as error:
            told = {"good": False, "why": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)
        self.send_response(204 if told["good"] else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hooks)
print(json.dumps({"port": server.server_address[1]}), flush=True)
server.serve_forever()
