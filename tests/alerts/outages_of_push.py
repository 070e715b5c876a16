"""Outages of those whom messages are pushed to, and too many who stream."""

import base64
import threading

from bench import Outage
from load import open_streams

BAD = "not-understood"


class TargetAway(Outage):
    row, namespace = "A subscription's target is away", "push-away"

    def prepare(self):
        self.target = self.bench.target()
        self.bench.load(self.bench.pushing(self.namespace, self.target))

    def provoke(self):
        self.target.close()


class TargetGone(Outage):
    row, namespace = "A subscription's target answers that it is gone", "push-gone"

    def prepare(self):
        self.target = self.bench.target()
        self.bench.load(self.bench.pushing(self.namespace, self.target))

    def provoke(self):
        self.target.status = lambda body: 410


class NotUnderstood(Outage):
    """A message now and then that the target refuses; it takes all others."""

    row, namespace = "A subscription's target does not understand messages", "push-refused"
    lines = 'retry_schedule = ["1s", "1s", "1s"]\n[subscriptions.mail.dead_letter]\ntopic = "failures"\n'
    status, body = 422, BAD

    def prepare(self):
        self.target = self.bench.target()
        self.target.status = lambda body: self.status if BAD.encode() in body else 204
        self.gateway = self.bench.pushing(self.namespace, self.target, self.lines)
        self.bench.load(self.gateway)
        self.ended = threading.Event()

    def provoke(self):
        threading.Thread(target=self.publish, daemon=True).start()

    def publish(self):
        for _ in range(20):
            self.gateway.publish(body=self.body)
            self.ended.wait(3)


class Unpublished(NotUnderstood):
    """Those messages fit the MQ as they are, and not with what a dead letter tells besides: with ONS HTTP all is in the body."""

    row, namespace = "A subscription's dead letters cannot be published", "push-unpublished"
    status, body = 415, BAD + "x" * 65_500


class SecretFile(Outage):
    row, namespace = "Changed secrets of a subscription cannot be used", "push-secret"

    def write(self, text):
        new = self.secret.with_suffix(".new")
        new.write_text(text)
        new.chmod(0o600)
        new.rename(self.secret)

    def prepare(self):
        directory = self.bench.directory / f"{self.namespace}-secrets"
        directory.mkdir()
        self.secret = directory / "signing"
        self.write("whsec_" + base64.b64encode(b"a secret of thirty-two bytes. OK").decode())
        lines = f'secrets = ["{self.secret}"]\n'
        self.bench.load(self.bench.pushing(self.namespace, self.bench.target(), lines))

    def provoke(self):
        self.write("no secret")


class Streams(Outage):
    row, namespace = "The streams are nearly used up", "streams"
    limits, callers = "connections = 60\nstreams = 20", 18

    def prepare(self):
        self.gateway = self.bench.on_shared(self.namespace, limits=self.limits)
        self.bench.load(self.gateway)

    def provoke(self):
        self.sockets = open_streams(self.gateway, self.callers)


OUTAGES = [TargetAway, TargetGone, NotUnderstood, Unpublished, SecretFile, Streams]
