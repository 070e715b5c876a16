"""What Schemathesis cannot know about this API."""

import schemathesis
from schemathesis import GenerationMode


@schemathesis.hook
def before_call(context, case, kwargs):
    """A long poll on an empty topic lasts as long as it is asked to: one second shows as much as thirty."""
    for values in (case.body, case.query):
        if isinstance(values, dict):
            wait = values.get("wait_seconds")
            if isinstance(wait, int) and not isinstance(wait, bool) and 1 < wait <= 30:
                values["wait_seconds"] = 1


@schemathesis.check
def refusals_have_a_reason(context, response, case):
    """Valid data is refused only for what the document cannot say: the protocol's limits, the present time, options in the
    query beside an envelope."""
    mode = case.meta.generation.mode if case.meta else None
    if mode != GenerationMode.POSITIVE or response.status_code != 422:
        return
    problem = response.json()
    if problem["code"] == "capability-not-supported":
        return
    if problem["code"] == "validation-failed":
        media_type = (case.media_type or "").split(";")[0]
        places = [error.get("pointer", error.get("parameter", "")) for error in problem.get("errors", [])]
        if media_type == "application/json" and case.query:
            return
        if places and all(place.endswith("deliver_at") for place in places):
            return
    raise AssertionError(f"valid data refused: {problem}")
