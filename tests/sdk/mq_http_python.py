"""The unmodified MQ HTTP SDK for Python (PyPI mq-http-sdk) against an endpoint.

    MQ_URL=http://127.0.0.1:8090 MQ_ACCESS_KEY=… MQ_SECRET_KEY=… python3 mq_http_python.py
"""

import hashlib
import re
import threading
import time

from mq_http_sdk.mq_client import MQClient
from mq_http_sdk.mq_exception import MQServerException
from mq_http_sdk.mq_producer import TopicMessage
from mq_http_sdk.mq_request import ConsumeMessageRequest, ConsumeMessageResponse

from checks import ACCESS_KEY, SECRET_KEY, URL, check, fresh, main, same, true, until_hidden_no_more

INSTANCE = "MQ_INST_1234567890_BXxxxxxx"
GROUP = "GID_sdk"


def client(access_key=ACCESS_KEY, secret_key=SECRET_KEY):
    # One for each check: the SDK's objects are not thread-safe.
    return MQClient(URL, access_key, secret_key)


class Pair:
    """A producer and a consumer of a topic of their own."""

    def __init__(self, tag="", instance="", topic=None, of=None):
        self.topic, self.client = topic or fresh("sdk-py"), of or client()
        self.producer = self.client.get_producer(instance, self.topic)
        self.consumer = self.client.get_consumer(instance, self.topic, GROUP, tag)

    def publish(self, body, tag="", key=None, shard=None, deliver_at=None, properties=()):
        message = TopicMessage(body, tag)
        for name, value in dict(properties).items():
            message.put_property(name, value)
        if key:
            message.set_message_key(key)
        if shard:
            message.set_sharding_key(shard)
        if deliver_at:
            message.set_start_deliver_time(deliver_at)
        return self.producer.publish_message(message)

    def poll(self, batch=16, wait=-1, ordered=False):
        """What one poll brings; an empty one is no error."""
        try:
            ask = self.consumer.consume_message_orderly if ordered else self.consumer.consume_message
            return ask(batch, wait)
        except MQServerException as error:
            same("the error", error.type, "MessageNotExist")
            return []

    def ack(self, *messages):
        self.consumer.ack_message([message.receipt_handle for message in messages])

    def take(self, count, acknowledge=True, seconds=15):
        taken, end = [], time.monotonic() + seconds
        while len(taken) < count and time.monotonic() < end:
            messages = self.poll(wait=2)
            taken += messages
            if messages and acknowledge:
                self.ack(*messages)
        same("the number of messages", len(taken), count)
        return taken


def md5(text):
    return hashlib.md5(text.encode()).hexdigest().upper()


def now():
    return int(time.time() * 1000)


def refused(code, action):
    """The SDK raises the server's error of this code."""
    try:
        action()
    except MQServerException as error:
        same("the code", error.type, code)
        true("there is no request id", bool(error.request_id))
        return error
    raise AssertionError(f"nothing was raised instead of {code}")


@check("publish: a message id of 32 upper-case hex digits, and the body's MD5")
def _():
    result = Pair().publish("Hello, mq!")
    true(f"the id is {result.message_id}", re.fullmatch("[0-9A-F]{32}", result.message_id))
    same("the MD5", result.message_body_md5, md5("Hello, mq!"))
    same("the receipt handle", result.receipt_handle, "")


@check("consume: body with all that XML escapes, tag, key, properties, times")
def _():
    pair, body, before = Pair(), "Hello <b>&\"'世界</b> ]]> \n\ttail 😀 ", now()
    sent = pair.publish(body, "TagA", key="K1", properties={"a": "值", "b": "two words"})
    same("the MD5 of the publish", sent.message_body_md5, md5(body))
    (message,) = pair.take(1)
    same("body", message.message_body, body)
    same("MD5", message.message_body_md5, md5(body))
    same("id", message.message_id, sent.message_id)
    same("tag", message.message_tag, "TagA")
    same("key", message.get_message_key(), "K1")
    same("properties", (message.get_property("a"), message.get_property("b")), ("值", "two words"))
    same("consumed times", message.consumed_times, 1)
    for name in ("publish_time", "first_consume_time"):
        true(f"{name} is not the time", before - 2000 <= getattr(message, name) <= now() + 2000)
    true("next_consume_time is not ahead", message.next_consume_time > before)


@check("consume: neither tag nor key nor properties")
def _():
    pair = Pair()
    pair.publish("bare")
    (message,) = pair.take(1)
    true(f"the tag is {message.message_tag!r}", not message.message_tag)
    same("the key", message.get_message_key(), "")
    same("the properties", message.properties, {})


@check("line ends and white space survive")
def _():
    pair, body = Pair(), "  one\r\ntwo\rthree\n\n"
    same("the MD5 of the publish", pair.publish(body).message_body_md5, md5(body))
    same("body", pair.take(1)[0].message_body, body)
    pair.publish(" ")
    same("a blank body", pair.take(1)[0].message_body, " ")


@check("a body of 20,000 characters of three bytes each survives")
def _():
    # 60,000 bytes: below the smallest limit of any profile.
    pair, body = Pair(), "世" * 20_000
    pair.publish(body)
    same("the MD5", pair.take(1)[0].message_body_md5, md5(body))


@check("delayed: not before its time, and not long after")
def _():
    pair = Pair()
    due = now() + 2000
    pair.publish("later", deliver_at=due)
    same("before", pair.poll(), [])
    pair.take(1)
    true(f"it came {due - now()} ms early", now() >= due)
    true(f"it came {now() - due} ms late", now() < due + 6000)


@check("in order: two shards, each locked until it is acknowledged")
def _():
    pair = Pair()
    for number in range(4):
        for shard in ("s1", "s2"):
            pair.publish(str(number), shard=shard)
    (first,) = pair.poll(1, 5, ordered=True)
    shard, seen = first.get_sharding_key(), {"s1": [], "s2": []}
    same("the first of its shard", first.message_body, "0")
    other = pair.poll(16, 5, ordered=True)
    true("the other shard is locked, too", other)
    same("the shards", {message.get_sharding_key() for message in other}, {"s1", "s2"} - {shard})
    for message in [first, *other]:
        seen[message.get_sharding_key()].append(int(message.message_body))
    pair.ack(first)
    pair.ack(*other)
    end = time.monotonic() + 15
    while sum(map(len, seen.values())) < 8 and time.monotonic() < end:
        messages = pair.poll(16, 2, ordered=True)
        for message in messages:
            seen[message.get_sharding_key()].append(int(message.message_body))
        if messages:
            pair.ack(*messages)
    same("the order", seen, {"s1": [0, 1, 2, 3], "s2": [0, 1, 2, 3]})


@check("in order: not acknowledged, the same ones come again, and nothing after them before")
def _():
    pair = Pair()
    for number in range(3):
        pair.publish(str(number), shard="s1")
    (first,) = pair.poll(1, 5, ordered=True)
    same("while the shard is locked", pair.poll(16, ordered=True), [])
    until_hidden_no_more()
    again = pair.poll(16, 5, ordered=True)
    same("the first again", (again[0].message_id, again[0].message_body), (first.message_id, "0"))
    same("the order", [message.message_body for message in again], ["0", "1", "2"][: len(again)])
    pair.ack(*again)


@check("tag filter TagA||TagB")
def _():
    pair = Pair("TagA||TagB")
    for tag in ("TagA", "TagC", "TagB", "", "TagAB"):
        pair.publish(f"with {tag}", tag)
    same("the tags", sorted(message.message_tag for message in pair.take(2)), ["TagA", "TagB"])
    same("afterwards", pair.poll(wait=1), [])


@check("a batch of 16, and the rest; nothing comes again after the acknowledgement of all")
def _():
    pair = Pair()
    ids = [pair.publish(f"message {number}").message_id for number in range(20)]
    batch = pair.poll(16, 5)
    same("the batch", len(batch), 16)
    rest = pair.poll(16, 5)
    same("the rest", len(rest), 4)
    same("the ids", sorted(message.message_id for message in batch + rest), sorted(ids))
    pair.ack(*batch)
    pair.ack(*rest)
    until_hidden_no_more()
    same("after the acknowledgement", pair.poll(), [])


@check("an empty poll raises MessageNotExist: at once without a wait, after it with one, over the same connection")
def _():
    pair = Pair()
    begun = time.monotonic()
    refused("MessageNotExist", lambda: pair.consumer.consume_message(1))
    true(f"it took {time.monotonic() - begun:.1f} s", time.monotonic() - begun < 2)
    connection, begun = pair.client.http.conn.sock, time.monotonic()
    refused("MessageNotExist", lambda: pair.consumer.consume_message(1, 2))
    true(f"it waited {time.monotonic() - begun:.1f} s", 1.5 < time.monotonic() - begun < 6)
    true("the connection was closed", connection is not None and pair.client.http.conn.sock is connection)


@check("a waiting poll is woken by another client's publish")
def _():
    pair = Pair()
    threading.Timer(1, lambda: Pair(topic=pair.topic).publish("wake up")).start()
    begun = time.monotonic()
    messages = pair.poll(16, 25)
    waited = time.monotonic() - begun
    same("the bodies", [message.message_body for message in messages], ["wake up"])
    true(f"it took {waited:.1f} s", waited < 8)


@check("a partly failed acknowledgement lists the bad handle only; the good one stays acknowledged")
def _():
    pair = Pair()
    pair.publish("good")
    (message,) = pair.take(1, acknowledge=False)
    bogus = "0CDF995D144446189BB88022596156CA-1eVQN8N1RbOiIL60mWdT8Q=="
    error = refused("ReceiptHandleError", lambda: pair.consumer.ack_message([message.receipt_handle, bogus]))
    same("the handles", [item["ReceiptHandle"] for item in error.sub_errors], [bogus])
    same("the codes", [item["ErrorCode"] for item in error.sub_errors], ["ReceiptHandleError"])
    until_hidden_no_more()
    same("after the acknowledgement", pair.poll(), [])


@check("an acknowledgement that is repeated is no error")
def _():
    # The SDK itself repeats it when the connection broke before the answer.
    pair = Pair()
    pair.publish("once")
    (message,) = pair.take(1)
    pair.ack(message)


@check("not acknowledged, it comes again: consumed times 2, the same id, another handle; the old handle is stale")
def _():
    pair = Pair()
    sent = pair.publish("again")
    (first,) = pair.take(1, acknowledge=False)
    same("while it is hidden", pair.poll(), [])
    until_hidden_no_more()
    (second,) = pair.take(1, acknowledge=False)
    same("consumed times", (first.consumed_times, second.consumed_times), (1, 2))
    same("the ids", (first.message_id, second.message_id), (sent.message_id, sent.message_id))
    same("first consume time", second.first_consume_time, first.first_consume_time)
    true("the handle is the old one", first.receipt_handle != second.receipt_handle)
    refused("ReceiptHandleError", lambda: pair.ack(first))
    pair.ack(second)


@check("a wrong secret key: 403 SignatureDoesNotMatch, for publish, consume and acknowledge")
def _():
    pair = Pair(of=client(secret_key="not-the-secret-key"))
    refused("SignatureDoesNotMatch", lambda: pair.publish("x"))
    refused("SignatureDoesNotMatch", lambda: pair.consumer.ack_message(["handle"]))
    answer = ConsumeMessageResponse()
    request = ConsumeMessageRequest("", pair.topic, GROUP, 1, "")
    refused("SignatureDoesNotMatch", lambda: pair.client.consume_message(request, answer))
    same("the status", answer.status, 403)


@check("an unknown access key: InvalidAccessKeyId")
def _():
    pair = Pair(of=client(access_key="nobodys-key"))
    refused("InvalidAccessKeyId", lambda: pair.publish("x"))
    refused("InvalidAccessKeyId", lambda: pair.consumer.consume_message(1))


@check("with an instance, and without one")
def _():
    for instance in (INSTANCE, "", None):
        pair = Pair(instance=instance)
        id_ = pair.publish(f"instance {instance}", "TagA").message_id
        same("the id", pair.take(1)[0].message_id, id_)


@check("half messages are refused: publish, consume, commit and rollback")
def _():
    of = client()
    producer = of.get_trans_producer(INSTANCE, fresh("sdk-py"), GROUP)
    message = TopicMessage("half")
    message.set_trans_check_immunity_time(10)
    refused("InvalidArgument", lambda: producer.publish_message(message))
    refused("InvalidArgument", lambda: producer.consume_half_message(1, 1))
    refused("InvalidArgument", lambda: producer.commit("handle"))
    refused("InvalidArgument", lambda: producer.rollback("handle"))


@check("more than 16 messages or 30 s are refused, and so is nothing to acknowledge")
def _():
    pair = Pair()
    refused("InvalidArgument", lambda: pair.consumer.consume_message(17))
    refused("InvalidArgument", lambda: pair.consumer.consume_message(1, 31))
    refused("MissingReceiptHandle", lambda: pair.consumer.ack_message([]))


@check("a base URL with a slash at its end")
def _():
    pair = Pair(of=MQClient(URL + "/", ACCESS_KEY, SECRET_KEY))
    pair.publish("x")
    pair.take(1)


@check("two groups get a copy each")
def _():
    pair = Pair()
    pair.publish("for both")
    other = pair.client.get_consumer("", pair.topic, "GID_other")
    same("one", pair.take(1)[0].message_body, "for both")
    same("the other", other.consume_message(1, 5)[0].message_body, "for both")


@check("20 messages, three consumers at once: none lost, none twice")
def _():
    pair, lock, taken = Pair(), threading.Lock(), []
    ids = [pair.publish(f"message {number}").message_id for number in range(20)]

    def work():
        worker, end = Pair(topic=pair.topic), time.monotonic() + 15
        while time.monotonic() < end and len(taken) < 20:
            messages = worker.poll(3, 1)
            if messages:
                worker.ack(*messages)
            with lock:
                taken.extend(message.message_id for message in messages)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    same("the ids", sorted(taken), sorted(ids))


main()
