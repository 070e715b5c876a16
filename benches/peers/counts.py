"""What an MQ has counted so far."""

import json

from work import Connection


def counts(port):
    with Connection(port) as connection:
        return json.loads(connection.ask("GET", "/counts", {})[1])
