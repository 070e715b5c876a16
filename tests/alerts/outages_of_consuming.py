"""Outages of subscriptions and streams."""

import http.server
import threading
import urllib.request

from bench import Outage
from gateway import Failed

SUBSCRIPTION = """
[subscriptions.billing]
topic = "orders"
group = "GID_billing"
url = "{url}"
timeout = "2s"
connect_timeout = "1s"
{more}
"""
MOST_STREAMS = 10


class Target:
    """A service that answers every request with `status`."""

    def __init__(self):
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(target.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.status = 204
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Subscribed(Outage):
    """A gateway that sends what is published to a service, which takes it until it does not."""

    more = ""

    def prepare(self):
        self.target = Target()
        self.bench.fakes.append(self.target)
        text = SUBSCRIPTION.replace("{more}", self.more).replace("{url}", self.target.url)
        self.gateway = self.bench.embedded(self.namespace, more=text.replace("{directory}", str(self.bench.directory)))
        self.bench.load(self.gateway)


class TargetAway(Subscribed):
    row, namespace = "A subscription's target takes nothing", "target"
    # For the dashboard, beside it one that is paused: its alert takes a quarter of an hour.
    more = '[subscriptions.resting]\ntopic = "orders"\ngroup = "GID_resting"\nurl = "{url}"\npaused = true'

    def provoke(self):
        self.target.status = 500


class GivenUp(Subscribed):
    row, namespace = "A subscription gives messages up", "given-up"
    more = 'retry_schedule = ["1s"]\n[subscriptions.billing.dead_letter]\ntopic = "given-up"'

    def provoke(self):
        """Few enough that most are taken."""
        self.target.status = 413
        self.gateway.publish()
        for _ in range(100):
            if self.gateway.receive(topic="given-up", group="GID_look", wait_seconds=1):
                self.target.status = 204
                return
        raise Failed("no dead letter came")


class SecretsKeptOld(Subscribed):
    row, namespace = "Changed secrets of a subscription cannot be used", "webhook-keys"
    more = 'secrets = ["{directory}/webhook-secret"]'

    def prepare(self):
        self.secret = self.bench.directory / "webhook-secret"
        self.secret.write_text("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5\n")
        self.secret.chmod(0o600)
        super().prepare()

    def provoke(self):
        self.secret.write_text("half a sec")


class StreamsNearLimit(Outage):
    row, namespace = "The streams are nearly used up", "streams"

    def prepare(self):
        self.gateway = self.bench.embedded(self.namespace, limits=f"streams = {MOST_STREAMS}")
        self.bench.load(self.gateway, receives=False)
        self.open = []
        self.add(MOST_STREAMS // 2)

    def provoke(self):
        self.open.pop().close()
        self.add(MOST_STREAMS - 1 - len(self.open))

    def add(self, count):
        for _ in range(count):
            url = f"{self.gateway.data}/v1/topics/orders/groups/GID_stream/messages:stream?max_in_flight=1"
            self.open.append(urllib.request.urlopen(url, timeout=600))


OUTAGES = [TargetAway, GivenUp, SecretsKeptOld, StreamsNearLimit]
