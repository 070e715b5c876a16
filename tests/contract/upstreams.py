"""What the contract says that each upstream can do. Written from the contract's text: nothing is asked of the gateway."""

from dataclasses import dataclass

from rest import Gateway


@dataclass(frozen=True)
class Upstream:
    """One gateway whose topics are all on one kind of MQ."""

    name: str
    gateway: Gateway
    # Seconds that a delivery is hidden where the receive does not say.
    hidden: int
    max_bytes: int = 64 << 10
    max_receive: int = 32
    empty_body: bool = False
    properties: bool = False
    binary: bool = False
    # A receive may filter by tag.
    tags: bool = False
    # A group filters by the tags of its configuration: `GID_tags` on `T-tags` by `A`.
    group_tags: bool = False
    # Receives choose the visibility timeout, and nack and extend are there.
    leases: bool = False
    shortest_lease: int = 1
    # A stale handle is told: 410, else 204 with `late`.
    tells_stale: bool = False
    # Groups must be made by an operator, and one that was not is told.
    knows_groups: bool = False
    # Whether a topic is not there or not ours is not told apart from wrong keys.
    hides_topics: bool = False
    # Topics take one type of message.
    typed: bool = False
    # The group `GID_fifo` receives in order with nothing more of a message group before an acknowledgement.
    locks: bool = False
    # `T-other` is signed with a wrong secret.
    wrong_keys: bool = True
    # Deliveries before a message of `GID_dead` is a dead letter.
    deliveries: int = 3


KINDS = {
    "ons-http": {"empty_body": True, "hides_topics": True},
    "mq-http": {
        "max_bytes": 4 << 20,
        "max_receive": 16,
        "properties": True,
        "tags": True,
        "tells_stale": True,
        "locks": True,
    },
    "embedded": {"empty_body": True, "hides_topics": True, "binary": True, "leases": True, "wrong_keys": False},
    "rocketmq": {
        "max_bytes": 4 << 20,
        "properties": True,
        "binary": True,
        "group_tags": True,
        "leases": True,
        "shortest_lease": 10,
        "tells_stale": True,
        "knows_groups": True,
        "typed": True,
        "locks": True,
    },
}
