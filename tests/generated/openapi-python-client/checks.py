"""Uses the client that openapi-python-client makes; ../README.md says how it is run."""

import io
import os
import sys
import time
import traceback
from datetime import UTC, datetime

from mq_gateway_client import Client
from mq_gateway_client.api.publish import publish_batch, publish_message
from mq_gateway_client.api.receive import acknowledge_messages, extend_messages, give_back_messages, receive_messages
from mq_gateway_client.api.topics import get_topic, list_topics
from mq_gateway_client.models import (
    AckRequest, Batch, ExtendRequest, Message, MessageProperties, NackRequest, Problem, Published, ReceiveRequest,
)
from mq_gateway_client.types import UNSET, File

TOPIC, JOBS, GROUP = os.environ["MQ_TOPIC"], os.environ["MQ_JOBS"], "GID_generated"
client = Client(base_url=os.environ["MQ_GATEWAY_URL"])
results = []


def check(what, actual, expected):
    good = actual == expected
    results.append(good)
    print(f"ok      {what}" if good else f"FAILED  {what}: {actual!r}, expected {expected!r}", flush=True)


def received(topic, count):
    """So many messages, by long polls; fewer after ten seconds."""
    messages, end = [], time.monotonic() + 10
    while len(messages) < count and time.monotonic() < end:
        messages += receive_messages.sync(topic, GROUP, client=client, body=ReceiveRequest(wait_seconds=2)).messages
    return messages


def discovery():
    info = get_topic.sync(TOPIC, client=client)
    check("a topic's protocol", info.protocol, "mq-http")
    check("a topic's capabilities", (info.capabilities.properties, info.capabilities.idempotency), (True, False))
    check("a topic's limits", info.limits.max_message_bytes, 65536)
    check("the list has the topic", TOPIC in [each.topic for each in list_topics.sync(client=client).topics], True)


def publishing():
    properties = MessageProperties.from_dict({"source": "checks"})
    text = Message(body="hello", tag="created", keys=["order-7", "user-3"], properties=properties)
    stored = publish_message.sync(TOPIC, client=client, body=text)
    check("a text is published", (type(stored), stored.topic, stored.outcome, stored.attempts), (Published, TOPIC, "published", 1))
    check("its id is told", len(stored.message_id) > 0, True)
    json = publish_message.sync(TOPIC, client=client, body=Message(body={"order": 7, "lines": [1, None]}))
    check("a JSON document is published", json.outcome, "published")
    plain = publish_message.sync_detailed(TOPIC, client=client, body=Message(body="only a body"))
    check("a message with a body alone is published", plain.status_code, 201)
    raw = publish_message.sync(TOPIC, client=client, body=File(payload=io.BytesIO(b"\x00\xff")), tag="raw")
    check("bytes are published as they are", raw.outcome, "published")


def problems():
    wrong = Message(body="x", delay_seconds=1, deliver_at=datetime(2026, 1, 1, tzinfo=UTC))
    problem = publish_message.sync(TOPIC, client=client, body=wrong)
    check("a problem is typed", type(problem), Problem)
    check("its code", (problem.status, problem.code), (422, "validation-failed"))
    check("where it is", [error.pointer for error in problem.errors], ["/delay_seconds"])
    check("the outcome", (problem.outcome, problem.retryable), ("not_published", False))
    unknown = get_topic.sync("no-such-topic", client=client)
    check("an unknown topic", (unknown.status, unknown.code, unknown.outcome), (404, "unknown-topic", UNSET))
    lacking = give_back_messages.sync(TOPIC, GROUP, client=client, body=NackRequest(receipt_handles=["v2.x"]))
    check("a verb that the protocol lacks", (lacking.status, lacking.code), (501, "capability-not-supported"))


def batch():
    messages = [Message(body={"line": 1}), Message(body="x" * 70_000)]
    answer = publish_batch.sync_detailed(TOPIC, client=client, body=Batch(messages=messages))
    good, bad = answer.parsed.results
    check("a mixed batch", (answer.status_code, good.status, bad.status), (207, 201, 413))
    check("its published message", (good.index, good.outcome, good.problem, bool(good.message_id)), (0, "published", UNSET, True))
    check("its refused message", (bad.index, bad.problem.code, bad.problem.outcome), (1, "message-too-large", "not_published"))
    check("the limit", (bad.problem.limit, bad.message_id), (65536, UNSET))


def receiving():
    messages = {message.body: message for message in received(TOPIC, 5)}
    bodies = ["hello", '{"order":7,"lines":[1,null]}', "only a body", '{"line":1}', "AP8="]
    check("the messages", sorted(messages), sorted(bodies))
    text, plain, raw = messages["hello"], messages["only a body"], messages["AP8="]
    expected = ("created", ["order-7", "user-3"], {"source": "checks"})
    check("tag, keys and properties", (text.tag, text.keys, text.properties.to_dict()), expected)
    check("what is not set", (plain.tag, plain.keys, plain.properties.to_dict(), plain.message_group), (None, [], {}, None))
    check("bytes that are no text", (raw.encoding, raw.tag), ("base64", "raw"))
    check("the delivery", (text.encoding, text.delivery_attempt, text.visible_again_at > text.published_at), ("text", 1, True))
    handles = [message.receipt_handle for message in messages.values()]
    request = AckRequest(receipt_handles=[*handles, "v2.damaged"])
    answer = acknowledge_messages.sync_detailed(TOPIC, GROUP, client=client, body=request)
    check("each handle has a result", [result.status for result in answer.parsed.results], [204, 204, 204, 204, 204, 400])
    check("of the one that failed", (answer.status_code, answer.parsed.results[-1].problem.code), (207, "invalid-receipt-handle"))
    check("of one that was done", (answer.parsed.results[0].receipt_handle, answer.parsed.results[0].problem), (handles[0], UNSET))


def changing():
    publish_message.sync(JOBS, client=client, body=Message(body="job"))
    [job] = received(JOBS, 1)
    request = ExtendRequest(receipt_handles=[job.receipt_handle], visibility_timeout_seconds=600)
    [kept] = extend_messages.sync(JOBS, GROUP, client=client, body=request).results
    check("a delivery is kept longer", (kept.status, kept.visible_again_at > job.visible_again_at), (204, True))
    [back] = give_back_messages.sync(JOBS, GROUP, client=client, body=NackRequest(receipt_handles=[kept.receipt_handle])).results
    check("a delivery is given back", (back.status, back.problem), (204, UNSET))
    [again] = received(JOBS, 1)
    check("and comes again", (again.message_id, again.delivery_attempt), (job.message_id, 2))
    done = acknowledge_messages.sync(JOBS, GROUP, client=client, body=AckRequest(receipt_handles=[again.receipt_handle]))
    check("and is done", done.results[0].status, 204)


for group in (discovery, publishing, problems, batch, receiving, changing):
    try:
        group()
    except Exception:  # whatever it is, the others run
        results.append(False)
        print(f"FAILED  {group.__name__}: {traceback.format_exc()}", flush=True)
print(f"{results.count(True)} checks good, {results.count(False)} failed")
sys.exit(0 if all(results) else 1)
