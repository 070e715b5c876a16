"""What callers ask of a relay, and what they must get back.

A step is the smallest piece of it: one request that publishes, or one receive and the acknowledgement of all that it brought. Each
kind of work has a `step` for a connection of ours, and a script with which wrk does the same on many.
"""

import http.client
import json
import re
import socket

from names import CONSUMER_GROUP

BODY = "x" * 1024
JSON = {"Content-Type": "application/json"}
QUERY = "?tag=http&key=http"


class Unexpected(Exception):
    """A response, or an end of a program, that makes a run worth nothing."""


class Connection:
    """One keep-alive connection; a request leaves in one piece."""

    def __init__(self, port):
        self.port, self.socket = port, socket.create_connection(("127.0.0.1", port), 60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def ask(self, method, target, headers, body=""):
        content = body.encode()
        lines = [f"{method} {target} HTTP/1.1", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + content)
        response = http.client.HTTPResponse(self.socket, method=method)
        response.begin()
        return response.status, response.read().decode()


# ---- publish -----------------------------------------------------------------------------------------------------------


def text_itself(texts):
    return texts[0]


def one_envelope(texts):
    return json.dumps(envelope(texts[0]), ensure_ascii=False, separators=(",", ":"))


def batch_of_envelopes(texts):
    return json.dumps({"messages": [envelope(text) for text in texts]}, ensure_ascii=False, separators=(",", ":"))


def envelope(text):
    return {"body": text, "tag": "http", "keys": ["http"]}


# wrk sends the same request again and again, made once.
PUBLISH_SCRIPT = """\
local file = io.open({body}, "rb")
wrk.method, wrk.body = "POST", file:read("*a")
wrk.headers["Content-Type"] = "{content_type}"
file:close()
"""


class Publish:
    """Publishes to `target`, each message a body of `size` bytes unless other texts are given."""

    counted, latency_tells, most_connections = "published", True, 1024

    def __init__(self, description, target, content, size=1024, messages=1, status=201):
        self.description, self.target, self.content, self.size, self.messages = description, target, content, size, messages
        self.status, self.requests = status, 1
        self.headers = {"Content-Type": "text/plain"} if content is text_itself else JSON

    def step(self, connection, texts=None):
        """The ids that the MQ gave, in the order of the texts."""
        texts = texts or ["x" * self.size] * self.messages
        status, body = connection.ask("POST", self.target, self.headers, self.content(texts))
        ids = re.findall(r'"(?:msgId|message_id)":\s*"([^"]+)"', body)
        if status != self.status or len(ids) != len(texts):
            raise Unexpected(f"{self.description}: {status}: {body[:300]}")
        return ids

    def script(self, directory):
        body = directory / "wrk.body"
        body.write_text(self.content(["x" * self.size] * self.messages))
        return PUBLISH_SCRIPT.format(body=json.dumps(str(body)), content_type=self.headers["Content-Type"])


# ---- receive and acknowledge -------------------------------------------------------------------------------------------

# Whichever connection is free acknowledges what the oldest unanswered receive has brought.
RECEIVE_SCRIPT = """\
local waiting, first, last = {{}}, 1, 0
wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
local receive
function init()
  receive = wrk.format("POST", "{base}:receive", nil, '{{"max_messages":{batch}}}')
end
function request()
  if first > last then return receive end
  local handles = waiting[first]
  waiting[first], first = nil, first + 1
  return wrk.format("POST", "{base}:ack", nil, '{{"receipt_handles":[' .. handles .. "]}}")
end
function response(status, headers, body)
  local handles = {{}}
  if body:sub(1, 12) == '{{"messages":' then
    for handle in body:gmatch('"receipt_handle":("[^"]*")') do handles[#handles + 1] = handle end
    last = last + 1
    waiting[last] = table.concat(handles, ",")
  end
end
"""


class Receive:
    """Receives `messages` at once from `topic`, and acknowledges them at once."""

    # A receive and an acknowledgement take turns, and a latency over both says nothing.
    counted, latency_tells = "acknowledged", False
    # More callers with 32 acknowledgements each would be more than the gateway has connections for (1,024), and some would be refused.
    most_connections = 16

    def __init__(self, description, topic, messages):
        self.description, self.messages, self.requests = description, messages, 2
        self.target = f"/v1/topics/{topic}/groups/{CONSUMER_GROUP}/messages"

    def step(self, connection):
        """The bodies that were received and acknowledged."""
        status, body = connection.ask("POST", f"{self.target}:receive", JSON, json.dumps({"max_messages": self.messages}))
        messages = json.loads(body)["messages"] if status == 200 else []
        if len(messages) != self.messages:
            raise Unexpected(f"{self.description}: {status}, {len(messages)} messages: {body[:300]}")
        handles = [message["receipt_handle"] for message in messages]
        status, body = connection.ask("POST", f"{self.target}:ack", JSON, json.dumps({"receipt_handles": handles}))
        if status != 200 or json.loads(body)["results"] != [{"receipt_handle": handle, "status": 204} for handle in handles]:
            raise Unexpected(f"{self.description}: {status}: {body[:300]}")
        return [message["body"] for message in messages]

    def script(self, _):
        return RECEIVE_SCRIPT.format(base=self.target, batch=self.messages)
