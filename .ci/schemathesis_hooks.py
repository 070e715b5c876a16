"""What Schemathesis cannot know about this API."""

import re

import schemathesis
from schemathesis import GenerationMode


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE


def with_plain_integers(value):
    """10.0 is an integer for JSON Schema, but not for a typed program, and no client spells one so."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [with_plain_integers(element) for element in value]
    if isinstance(value, dict):
        return {key: with_plain_integers(element) for key, element in value.items()}
    return value


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """The document is written for those who make clients of it: answers are open for what may be added, optional fields of requests do
    without `null`, which is taken for nothing, and a link has no body. What is asked here is stricter: answers have no field and no value
    that the document does not name, requests have such nulls, and a received message is acknowledged."""
    for schema in raw_schema["components"]["schemas"].values():
        if schema["type"] != "object":
            continue
        of_request = "additionalProperties" in schema
        schema["additionalProperties"] = False
        for name, field in schema["properties"].items():
            if of_request and name not in schema.get("required", []):
                schema["properties"][name] = {"anyOf": [field, {"type": "null"}]}
            elif not of_request and "examples" in field:
                field["enum"] = field["examples"]
    receive = raw_schema["paths"]["/v1/topics/{topic}/groups/{group}/messages:receive"]["post"]
    receive["responses"]["200"]["links"]["acknowledge"]["requestBody"] = {
        "receipt_handles": ["$response.body#/messages/0/receipt_handle"]
    }


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    """A name with a percent sign is legal and is tested elsewhere: Schemathesis unquotes `%9C` in a name before it quotes it."""
    return not any(isinstance(v, str) and re.search("%[0-9A-Fa-f]{2}", v) for v in (path_parameters or {}).values())


@schemathesis.hook
def before_call(context, case, kwargs):
    # Only where something changes: an assignment makes Schemathesis judge the whole case anew, an absent body included.
    if is_positive(case) and isinstance(case.body, (dict, list)):
        plain = with_plain_integers(case.body)
        if repr(plain) != repr(case.body):
            case.body = plain
    # A long poll on an empty topic lasts as long as it is asked to: one second shows as much as thirty.
    for values in (case.body, case.query):
        if isinstance(values, dict):
            wait = values.get("wait_seconds")
            if isinstance(wait, int) and not isinstance(wait, bool) and 1 < wait <= 30:
                values["wait_seconds"] = 1


@schemathesis.check
def refusals_have_a_reason(context, response, case):
    """Valid data is refused only for what the document cannot say: what the topic's protocol carries, how far ahead a time is,
    two times or a time and a message group at once, options in the query beside an envelope."""
    if not is_positive(case) or response.status_code != 422:
        return
    problem = response.json()
    if problem["code"] == "capability-not-supported":
        return
    if problem["code"] == "validation-failed":
        places = [error.get("pointer", error.get("parameter", "")) for error in problem.get("errors", [])]
        if places and all(place.endswith(("deliver_at", "delay_seconds", "message_group")) for place in places):
            return
        # Characters and sizes that this protocol does not carry, named with it.
        if places and all("mq-http" in error["detail"] for error in problem["errors"]):
            return
        if (case.media_type or "").startswith("application/json") and case.query:
            return
    raise AssertionError(f"valid data refused: {problem}")
