"""Uses the Python client that openapi-generator makes; ../README.md says how it is run."""

import os
import sys
import time
import traceback

import mq_gateway
from mq_gateway.exceptions import ApiException

TOPIC, JOBS, GROUP = os.environ["MQ_TOPIC"], os.environ["MQ_JOBS"], "GID_generated"
client = mq_gateway.ApiClient(mq_gateway.Configuration(host=os.environ["MQ_GATEWAY_URL"]))
publish, receive, topics = mq_gateway.PublishApi(client), mq_gateway.ReceiveApi(client), mq_gateway.TopicsApi(client)
results = []


def check(what, actual, expected):
    good = actual == expected
    results.append(good)
    print(f"ok      {what}" if good else f"FAILED  {what}: {actual!r}, expected {expected!r}", flush=True)


def problem_of(call):
    """The problem that a call is refused with."""
    try:
        call()
    except ApiException as error:
        return error.data
    raise AssertionError("no problem")


def received(topic, count):
    """So many messages, by long polls; fewer after ten seconds."""
    messages, end = [], time.monotonic() + 10
    while len(messages) < count and time.monotonic() < end:
        request = mq_gateway.ReceiveRequest(wait_seconds=2)
        messages += receive.receive_messages(topic, GROUP, receive_request=request).messages
    return messages


def discovery():
    info = topics.get_topic(TOPIC)
    check("a topic's protocol", info.protocol, "mq-http")
    check("a topic's capabilities", (info.capabilities.properties, info.capabilities.idempotency), (True, False))
    check("a topic's limits", info.limits.max_message_bytes, 65536)
    check("the list has the topic", TOPIC in [each.topic for each in topics.list_topics().topics], True)


def publishing():
    text = mq_gateway.Message(body="hello", tag="created", keys=["order-7", "user-3"], properties={"source": "checks"})
    stored = publish.publish_message(TOPIC, message=text)
    check("a text is published", (stored.topic, stored.outcome, stored.attempts), (TOPIC, "published", 1))
    check("its id is told", len(stored.message_id) > 0, True)
    json = publish.publish_message(TOPIC, message=mq_gateway.Message(body={"order": 7, "lines": [1, None]}))
    check("a JSON document is published", json.outcome, "published")
    plain = publish.publish_message_with_http_info(TOPIC, message=mq_gateway.Message(body="only a body"))
    check("a message with a body alone is published", plain.status_code, 201)


def problems():
    wrong = mq_gateway.Message(body="x", delay_seconds=1, deliver_at="2026-01-01T00:00:00Z")
    problem = problem_of(lambda: publish.publish_message(TOPIC, message=wrong))
    check("a problem is typed", type(problem), mq_gateway.Problem)
    check("its code", (problem.status, problem.code), (422, "validation-failed"))
    check("where it is", [error.pointer for error in problem.errors], ["/delay_seconds"])
    check("the outcome", (problem.outcome, problem.retryable), ("not_published", False))
    unknown = problem_of(lambda: topics.get_topic("no-such-topic"))
    check("an unknown topic", (unknown.status, unknown.code, unknown.outcome), (404, "unknown-topic", None))
    nack = mq_gateway.NackRequest(receipt_handles=["v2.x"])
    lacking = problem_of(lambda: receive.give_back_messages(TOPIC, GROUP, nack_request=nack))
    check("a verb that the protocol lacks", (lacking.status, lacking.code), (501, "capability-not-supported"))


def batch():
    messages = [mq_gateway.Message(body={"line": 1}), mq_gateway.Message(body="x" * 70_000)]
    answer = publish.publish_batch_with_http_info(TOPIC, batch=mq_gateway.Batch(messages=messages))
    good, bad = answer.data.results
    check("a mixed batch", (answer.status_code, good.status, bad.status), (207, 201, 413))
    check("its published message", (good.index, good.outcome, good.problem, bool(good.message_id)), (0, "published", None, True))
    check("its refused message", (bad.index, bad.problem.code, bad.problem.outcome), (1, "message-too-large", "not_published"))
    check("the limit", (bad.problem.limit, bad.message_id), (65536, None))


def receiving():
    messages = {message.body: message for message in received(TOPIC, 4)}
    check("the messages", sorted(messages), sorted(["hello", '{"order":7,"lines":[1,null]}', "only a body", '{"line":1}']))
    text, plain = messages["hello"], messages["only a body"]
    check("tag, keys and properties", (text.tag, text.keys, text.properties), ("created", ["order-7", "user-3"], {"source": "checks"}))
    check("what is not set", (plain.tag, plain.keys, plain.properties, plain.message_group), (None, [], {}, None))
    check("the delivery", (text.encoding, text.delivery_attempt, text.visible_again_at > text.published_at), ("text", 1, True))
    handles = [message.receipt_handle for message in messages.values()]
    damaged = mq_gateway.AckRequest(receipt_handles=[*handles, "v2.damaged"])
    answer = receive.acknowledge_messages_with_http_info(TOPIC, GROUP, ack_request=damaged)
    check("each handle has a result", [result.status for result in answer.data.results], [204, 204, 204, 204, 400])
    check("of the one that failed", (answer.status_code, answer.data.results[-1].problem.code), (207, "invalid-receipt-handle"))
    check("of one that was done", (answer.data.results[0].receipt_handle, answer.data.results[0].problem), (handles[0], None))


def changing():
    publish.publish_message(JOBS, message=mq_gateway.Message(body="job"))
    [job] = received(JOBS, 1)
    request = mq_gateway.ExtendRequest(receipt_handles=[job.receipt_handle], visibility_timeout_seconds=600)
    [kept] = receive.extend_messages(JOBS, GROUP, extend_request=request).results
    check("a delivery is kept longer", (kept.status, kept.visible_again_at > job.visible_again_at), (204, True))
    request = mq_gateway.NackRequest(receipt_handles=[kept.receipt_handle])
    [back] = receive.give_back_messages(JOBS, GROUP, nack_request=request).results
    check("a delivery is given back", (back.status, back.problem), (204, None))
    [again] = received(JOBS, 1)
    check("and comes again", (again.message_id, again.delivery_attempt), (job.message_id, 2))
    done = mq_gateway.AckRequest(receipt_handles=[again.receipt_handle])
    check("and is done", receive.acknowledge_messages(JOBS, GROUP, ack_request=done).results[0].status, 204)


for group in (discovery, publishing, problems, batch, receiving, changing):
    try:
        group()
    except Exception:  # whatever it is, the others run
        results.append(False)
        print(f"FAILED  {group.__name__}: {traceback.format_exc()}", flush=True)
print(f"{results.count(True)} checks good, {results.count(False)} failed")
sys.exit(0 if all(results) else 1)
