"""A client of the ONS HTTP interface, written the way of the vendor's Python sample: the whole URL as the request target, one
kept connection, `num=32`, a DELETE for each message with its handle as it came. No package is needed.

    MQ_URL=http://127.0.0.1:8090 MQ_ACCESS_KEY=… MQ_SECRET_KEY=… python3 ons_http_python.py
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
import threading
import time
from urllib.parse import quote

from checks import ACCESS_KEY, SECRET_KEY, URL, VISIBILITY, check, fresh, main, same, true, until_hidden_no_more

AUTHORITY = URL.split("://", 1)[1]


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One group's requests over one connection, as the samples send them."""

    def __init__(self, topic, group, secret=SECRET_KEY, access_key=ACCESS_KEY, path="/message/"):
        self.topic, self.group, self.secret, self.access_key, self.path = topic, group, secret, access_key, path
        self.connection = http.client.HTTPConnection(AUTHORITY, timeout=60)

    def sign(self, *parts):
        text = "\n".join(str(part) for part in parts)
        return base64.b64encode(hmac.new(self.secret.encode(), text.encode(), hashlib.sha1).digest()).decode()

    def send(self, method, query, headers, body=None, without=()):
        """`without` names parameters and headers that are left out."""
        target = "&".join(f"{name}={value}" for name, value in query.items() if name not in without)
        headers = {name: value for name, value in headers.items() if name not in without}
        self.connection.request(method, f"{URL}{self.path}?{target}", body, headers)
        return Answer(self.connection.getresponse())

    def publish(self, body, time_ms=None, headers=None, without=(), **query):
        body = body if isinstance(body, bytes) else body.encode()
        time_ms = time_ms or now()
        query = {"topic": self.topic, "time": time_ms, **{name: quote(str(value)) for name, value in query.items()}}
        signature = self.sign(self.topic, self.group, hashlib.md5(body).hexdigest(), time_ms)
        headers = {
            "Signature": signature,
            "AccessKey": self.access_key,
            "ProducerID": self.group,
            "Content-type": "text/html;charset=UTF-8",
            **(headers or {}),
        }
        return self.send("POST", query, headers, body, without)

    def consume(self, time_ms=None, without=(), **query):
        time_ms = time_ms or now()
        query = {"topic": self.topic, "time": time_ms, "num": 32, **query}
        headers = {
            "Signature": self.sign(self.topic, self.group, time_ms),
            "AccessKey": self.access_key,
            "ConsumerID": self.group,
        }
        return self.send("GET", query, headers, None, without)

    def delete(self, handle, time_ms=None, without=()):
        time_ms = time_ms or now()
        # Raw, as the sample does it: a handle must bear that.
        query = {"msgHandle": handle, "topic": self.topic, "time": time_ms}
        headers = {
            "Signature": self.sign(self.topic, self.group, handle, time_ms),
            "AccessKey": self.access_key,
            "ConsumerID": self.group,
        }
        return self.send("DELETE", query, headers, None, without)

    def take(self, count, acknowledge=True, seconds=15):
        """The sample's loop: until so many came. Each is deleted over the same connection."""
        taken, end = [], time.monotonic() + seconds
        while len(taken) < count and time.monotonic() < end:
            answer = self.consume()
            same("the status", answer.status, 200)
            for message in answer.json:
                taken.append(message)
                if acknowledge:
                    same("the delete's status", self.delete(message["msgHandle"]).status, 204)
        same("the number of messages", len(taken), count)
        return taken


def now():
    return int(time.time() * 1000)


def pair(topic=None):
    """A producer and a consumer of a topic of their own."""
    topic = topic or fresh("sdk-ons-py")
    return Client(topic, "PID_sdk"), Client(topic, "CID_sdk")


def published(answer):
    same("the publish's status", answer.status, 201)
    return answer.json["msgId"]


@check("publish: 201, msgId of 32 upper-case hex digits, SEND_OK, and not application/json")
def _():
    producer, _ = pair()
    answer = producer.publish("HelloMQ", tag="http", key="http")
    same("the status", answer.status, 201)
    same("the fields", sorted(answer.json), ["msgId", "sendStatus"])
    same("sendStatus", answer.json["sendStatus"], "SEND_OK")
    true(f"msgId is {answer.json['msgId']}", re.fullmatch("[0-9A-F]{32}", answer.json["msgId"]))
    true("the type is JSON's", "json" not in answer.headers["Content-Type"])


@check("consume: tag, key, a Chinese body; the seven fields in order and of the right type; then deleted")
def _():
    producer, consumer = pair()
    body = "你好, <b>&\"'\n 世界 %2B+"
    before = now()
    id_ = published(producer.publish(body, tag="标签", key="K1"))
    (message,) = consumer.take(1, acknowledge=False)
    same("the fields", list(message), ["body", "bornTime", "key", "msgHandle", "msgId", "reconsumeTimes", "tag"])
    same("body, key, tag", (message["body"], message["key"], message["tag"]), (body, "K1", "标签"))
    same("msgId", message["msgId"], id_)
    same("reconsumeTimes", message["reconsumeTimes"], 0)
    true("bornTime is no string", isinstance(message["bornTime"], str))
    true("bornTime is not the time", before - 2000 <= int(message["bornTime"]) <= now() + 2000)
    answer = consumer.delete(message["msgHandle"])
    same("the delete's answer", (answer.status, answer.body), (204, b""))
    until_hidden_no_more()
    same("after the delete", consumer.consume(timeout=0).json, [])


@check("no tag, no key: both are empty strings")
def _():
    producer, consumer = pair()
    published(producer.publish("bare"))
    (message,) = consumer.take(1)
    same("key, tag", (message["key"], message["tag"]), ("", ""))


@check("the paths /message, /message/ and //message/")
def _():
    topic = fresh("sdk-ons-py")
    for path in ("/message", "/message/", "//message/"):
        published(Client(topic, "PID_sdk", path=path).publish(path))
        (message,) = Client(topic, "CID_sdk", path=path).take(1)
        same("body", message["body"], path)


@check("nothing there: 200 and [], after the wait that was asked for")
def _():
    _, consumer = pair()
    begun = time.monotonic()
    answer = consumer.consume(timeout=1500)
    waited = time.monotonic() - begun
    same("the answer", (answer.status, answer.body), (200, b"[]"))
    true(f"it waited {waited:.1f} s", 1.2 < waited < 6)


@check("a waiting GET is woken by a publish")
def _():
    producer, consumer = pair()
    threading.Timer(1, lambda: producer.publish("wake up")).start()
    begun = time.monotonic()
    answer = consumer.consume(timeout=25000)
    waited = time.monotonic() - begun
    same("the bodies", [message["body"] for message in answer.json], ["wake up"])
    true(f"it took {waited:.1f} s", waited < 8)


@check("startdelivertime: not before, and not long after")
def _():
    producer, consumer = pair()
    due = now() + 2000
    published(producer.publish("later", startdelivertime=due))
    same("before", consumer.consume(timeout=0).json, [])
    (message,) = consumer.take(1)
    true(f"it came {due - now()} ms early", now() >= due)
    true(f"it came {now() - due} ms late", now() < due + 6000)
    same("body", message["body"], "later")


@check("isOrder and shardingKey: 50 messages, fetched without deleting, come in order")
def _():
    producer, consumer = pair()
    for number in range(50):
        published(producer.publish(str(number), headers={"isOrder": "true", "shardingKey": "user-7"}))
    taken = consumer.take(50, acknowledge=False, seconds=VISIBILITY)
    same("the order", [int(message["body"]) for message in taken], list(range(50)))
    for message in taken:
        same("the delete's status", consumer.delete(message["msgHandle"]).status, 204)


@check("an empty shardingKey is none")
def _():
    producer, consumer = pair()
    published(producer.publish("plain", headers={"isOrder": "true", "shardingKey": ""}))
    same("body", consumer.take(1)[0]["body"], "plain")


@check("not deleted: it comes again, with reconsumeTimes 1, the same msgId and another handle")
def _():
    producer, consumer = pair()
    id_ = published(producer.publish("again"))
    (first,) = consumer.take(1, acknowledge=False)
    same("while it is hidden", consumer.consume(timeout=0).json, [])
    until_hidden_no_more()
    (second,) = consumer.take(1)
    same("msgIds", (first["msgId"], second["msgId"]), (id_, id_))
    same("reconsumeTimes", second["reconsumeTimes"], 1)
    true("the handle is the old one", first["msgHandle"] != second["msgHandle"])


@check("DELETE of a used handle: 204 again")
def _():
    producer, consumer = pair()
    published(producer.publish("once"))
    (message,) = consumer.take(1)
    same("the second delete", consumer.delete(message["msgHandle"]).status, 204)


@check("DELETE of a stale handle: 204, and nothing is deleted by it")
def _():
    # A client that gets anything else for it repeats it for ever and consumes no more (protocol notes ONS 7, item 15).
    producer, consumer = pair()
    published(producer.publish("again"))
    (first,) = consumer.take(1, acknowledge=False)
    until_hidden_no_more()
    (second,) = consumer.take(1, acknowledge=False)
    same("the stale delete", consumer.delete(first["msgHandle"]).status, 204)
    until_hidden_no_more()
    (third,) = consumer.take(1)
    same("the ids", {second["msgId"], third["msgId"]}, {first["msgId"]})


@check("two groups get a copy each")
def _():
    producer, consumer = pair()
    published(producer.publish("for both"))
    other = Client(consumer.topic, "CID_other")
    same("one", consumer.take(1)[0]["body"], "for both")
    same("other", other.take(1)[0]["body"], "for both")


@check("20 messages, two consumers of a group: none lost, none twice")
def _():
    producer, consumer = pair()
    ids = [published(producer.publish(f"message {number}")) for number in range(20)]
    second, taken, end = Client(consumer.topic, consumer.group), [], time.monotonic() + 15
    while len(taken) < 20 and time.monotonic() < end:
        for client in (consumer, second):
            for message in client.consume(timeout=0, num=3).json:
                taken.append(message["msgId"])
                client.delete(message["msgHandle"])
    same("the ids", sorted(taken), sorted(ids))


@check("a wrong secret key: 403 and no body, for all three methods")
def _():
    topic = fresh("sdk-ons-py")
    wrong = Client(topic, "CID_sdk", secret="not-the-secret-key")
    for name, answer in (("POST", wrong.publish("x")), ("GET", wrong.consume()), ("DELETE", wrong.delete("abc"))):
        same(name, (answer.status, answer.body), (403, b""))


@check("an unknown access key: 403 and no body")
def _():
    answer = Client(fresh("sdk-ons-py"), "PID_sdk", access_key="nobodys-key").publish("x")
    same("the answer", (answer.status, answer.body), (403, b""))


@check("a time 20 s old, or an hour ahead: 403 and no body")
def _():
    producer, consumer = pair()
    for answer in (producer.publish("x", time_ms=now() - 20_000), consumer.consume(time_ms=now() + 3_600_000)):
        same("the answer", (answer.status, answer.body), (403, b""))


@check("something required is missing: 400, SC_BAD_REQUEST, and its name")
def _():
    producer, consumer = pair()
    info = "parameter:{} is invalid,can not be null or empty"
    cases = (
        ("Signature", lambda: producer.publish("x", without={"Signature"})),
        ("AccessKey", lambda: producer.publish("x", without={"AccessKey"})),
        ("ProducerId", lambda: producer.publish("x", without={"ProducerID"})),
        ("Topic", lambda: producer.publish("x", without={"topic"})),
        ("Time", lambda: consumer.consume(without={"time"})),
        ("ConsumerId", lambda: consumer.consume(without={"ConsumerID"})),
        ("MsgHandle", lambda: consumer.delete("abc", without={"msgHandle"})),
    )
    for name, request in cases:
        answer = request()
        same(f"the status without {name}", answer.status, 400)
        same(f"the body without {name}", answer.json, {"code": "SC_BAD_REQUEST", "info": info.format(name)})


@check("a body of 65,536 bytes is taken; one more is 400 BODY_TOO_BIG")
def _():
    producer, consumer = pair()
    published(producer.publish("x" * 65_536))
    same("the length", len(consumer.take(1)[0]["body"]), 65_536)
    answer = producer.publish("x" * 65_537)
    same("the status", answer.status, 400)
    same("the code", answer.json["code"], "BODY_TOO_BIG")


main()
