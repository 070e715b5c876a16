"""A service that messages are pushed to, and that does what an outage needs."""

import http.server
import threading
import time


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Gateways are killed in the middle of requests."""


class Target:
    """One listener on a free port. Its properties may be changed at any time."""

    def __init__(self):
        self.delay = 0  # seconds
        self.status = lambda body: 204  # by the message's body
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(target.delay)
                self.send_response(target.status(body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/messages"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """Nobody listens there any more; connections that are open answer 503, as a proxy does whose service is gone."""
        self.status = lambda body: 503
        self.server.shutdown()
        self.server.server_close()
