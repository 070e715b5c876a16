"""The kinds of work that are counted: what a caller sends, and what it must get back.

A step is the smallest piece of work: one publish, or one receive and the acknowledgement of all that it brought. A step that does not
end as it must raises `Unexpected`.
"""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate

ONS_TOPIC, MQ_TOPIC, GROUP = "cost-ons", "cost-mq", "GID_cost"
ACCESS_KEY, SECRET_KEY = "cost-caller-access", "cost-caller-secret-not-real"
BODY = "x" * 1024


class Unexpected(Exception):
    """A response that is not the success which is counted."""


class Connection:
    """One keep-alive connection; a request leaves in one piece."""

    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.address, self.socket = address, socket.create_connection((host, int(port)), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, method, target, headers, body=""):
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.address}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
        response = http.client.HTTPResponse(self.socket, method=method)
        response.begin()
        return response.status, response.read().decode()

    def close(self):
        self.socket.close()


def must_be(expected, status, body):
    if status != expected:
        raise Unexpected(f"{status}, not {expected}: {body[:300]}")


def signature(secret, text):
    return base64.b64encode(hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()).decode()


# ---- through /v1 -------------------------------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
ENVELOPE = json.dumps({"body": BODY, "tag": "cost", "keys": ["cost"]}, separators=(",", ":"))


def publish(connection, topic):
    status, body = connection.ask("POST", f"/v1/topics/{topic}/messages", JSON, ENVELOPE)
    must_be(201, status, body)
    if json.loads(body)["outcome"] != "published":
        raise Unexpected(body)


def receive_and_acknowledge(connection, topic, batch, group=GROUP, spoil=str):
    """`spoil` is what happens to a receipt handle before it is sent back."""
    base = f"/v1/topics/{topic}/groups/{group}/messages"
    status, body = connection.ask("POST", f"{base}:receive", JSON, f'{{"max_messages":{batch}}}')
    must_be(200, status, body)
    messages = json.loads(body)["messages"]
    if [message["body"] for message in messages] != [BODY] * batch:
        raise Unexpected(f"{len(messages)} messages, not {batch}, or not those that were published")
    handles = [spoil(message["receipt_handle"]) for message in messages]
    status, body = connection.ask("POST", f"{base}:ack", JSON, json.dumps({"receipt_handles": handles}, separators=(",", ":")))
    must_be(200, status, body)
    if json.loads(body)["results"] != [{"receipt_handle": handle, "status": 204} for handle in handles]:
        raise Unexpected(body[:300])


# ---- as the vendors' clients --------------------------------------------------------------------------------------------

XML = (f'<?xml version="1.0" encoding="utf-8"?><Message xmlns="http://mq.aliyuncs.com/doc/v1/"><MessageBody>{BODY}</MessageBody>'
       "<Properties>KEYS:cost|</Properties><MessageTag>cost</MessageTag></Message>")


def publish_as_ons_client(connection, topic, secret=SECRET_KEY):
    now = int(time.time() * 1000)
    text = "\n".join([topic, "PID_client", hashlib.md5(BODY.encode()).hexdigest(), str(now)])
    headers = {"Accept-Encoding": "identity", "AccessKey": ACCESS_KEY, "ProducerID": "PID_client",
               "Content-type": "text/html;charset=UTF-8", "Signature": signature(secret, text)}
    status, body = connection.ask("POST", f"/message/?topic={topic}&time={now}&tag=cost&key=cost", headers, BODY)
    must_be(201, status, body)
    if json.loads(body)["sendStatus"] != "SEND_OK":
        raise Unexpected(body)


def publish_as_mq_client(connection, topic, secret=SECRET_KEY):
    target, content_type, date = f"/topics/{topic}/messages?ns=MQ_INST_cost", "text/xml;charset=UTF-8", formatdate(usegmt=True)
    text = "\n".join(["POST", "", content_type, date, "x-mq-version:2015-06-06", target])
    headers = {"Accept-Encoding": "identity", "Connection": "Keep-Alive", "content-type": content_type, "x-mq-version": "2015-06-06",
               "date": date, "user-agent": "mq-python-sdk/1.0.3(Linux/6.1;3.11.2)",
               "Authorization": f"MQ {ACCESS_KEY}:{signature(secret, text)}"}
    status, body = connection.ask("POST", target, headers, XML)
    must_be(201, status, body)
    if "<MessageId>" not in body:
        raise Unexpected(body)


# ---- all kinds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kind:
    """One kind of work, and one row of the table."""

    name: str
    description: str
    step: Callable  # takes a connection and `arguments`
    arguments: dict
    upstream: dict  # how many requests reach the MQ in one step, by method
    steps: tuple  # of the shorter and of the longer run
    spoiled: tuple  # arguments with which a step must fail
    messages: int = 1  # in one step; what is counted is divided by it

    def run(self, connection, **spoiled):
        try:
            self.step(connection, **{**self.arguments, **spoiled})
        except Unexpected as error:
            raise Unexpected(f"{self.description}: {error}") from None


PUBLISH = {"upstream": {"POST": 1}, "steps": (50, 450)}
ANYBODY, WITH_KEY = ({"topic": "nowhere"},), ({"topic": "nowhere"}, {"secret": "another"})
RECEIVE = {"steps": (5, 35), "spoiled": ({"group": "nobody"}, {"spoil": lambda handle: handle[:-1]})}

KINDS = [
    Kind("publish-ons", "publish through /v1, ons-http", publish, {"topic": ONS_TOPIC}, **PUBLISH, spoiled=ANYBODY),
    Kind("publish-mq", "publish through /v1, mq-http", publish, {"topic": MQ_TOPIC}, **PUBLISH, spoiled=ANYBODY),
    Kind("dropin-ons", "publish as ONS HTTP client with a key, ons-http", publish_as_ons_client, {"topic": ONS_TOPIC}, **PUBLISH,
         spoiled=WITH_KEY),
    Kind("dropin-mq", "publish as MQ HTTP client with a key, mq-http", publish_as_mq_client, {"topic": MQ_TOPIC}, **PUBLISH,
         spoiled=WITH_KEY),
    Kind("receive-ons", "receive 32 and acknowledge, ons-http, each message", receive_and_acknowledge, {"topic": ONS_TOPIC, "batch": 32},
         {"GET": 1, "DELETE": 32}, **RECEIVE, messages=32),
    Kind("receive-mq", "receive 16 and acknowledge, mq-http, each message", receive_and_acknowledge, {"topic": MQ_TOPIC, "batch": 16},
         {"GET": 1, "DELETE": 1}, **RECEIVE, messages=16),
]
