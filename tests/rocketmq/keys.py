"""A cluster that checks keys: right ones, and wrong ones by the profile `wrong`."""

import sys

from client import collect, drain, publish, receive, row, run_rows


@row
def right_keys():
    """signed with the right pair: publish, receive, ack"""
    drain("T-normal", "GID_a")
    status, answer = publish("T-normal", "signed")
    assert status == 201, answer
    assert [m["body"] for m in collect("T-normal", "GID_a", 1)] == ["signed"]


@row
def wrong_keys():
    """signed with a wrong secret: 502 and certainly not stored"""
    for status, answer in [publish("T-other", "x"), receive("T-other", "GID_a", wait=1)]:
        assert (status, answer["code"]) == (502, "upstream-auth-rejected"), answer
        assert "secret" not in answer["detail"], answer
    assert publish("T-other", "x")[1]["outcome"] == "not_published"


sys.exit(0 if run_rows() else 1)
