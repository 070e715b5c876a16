"""The MQs behind the replicas: the embedded endpoint of a gateway that is never replaced, by both its protocols; RocketMQ 5."""

import json
import subprocess

from pods import Process

MQ = """
data_dir = "{directory}/data"
[server]
listen = "127.0.0.1:0"
[management]
listen = "127.0.0.1:0"
[embedded]
enabled = true
listen = "127.0.0.1:0"
visibility_timeout = "15s"
[profiles.embedded]
protocol = "ons-http"
endpoints = ["embedded"]
credentials = "embedded"
producer_group = "PID_audit"
[[topics]]
name = "*"
profile = "embedded"
groups = ["*"]
"""
REPLICA = """
[server]
listen = "127.0.0.1:0"
{server}
[management]
listen = "127.0.0.1:0"
[profiles.main]
{profile}
[[topics]]
name = "{topic}"
profile = "main"
groups = {groups}
[[topics]]
name = "{idle}"
profile = "main"
groups = ["GID_work"]
"""
KEYS = """
[credentials.main]
directory = "{directory}"
"""
PROFILES = {
    "ons-http": 'protocol = "ons-http"\nproducer_group = "PID_rollout"\nvisibility_timeout = "15s"',
    "mq-http": 'protocol = "mq-http"',
    "rocketmq": 'protocol = "rocketmq"',
}


class Kind:
    """One kind of MQ: what a replica's file says, and who audits."""

    # Seconds that what is received stays hidden; `None` where the MQ alone decides.
    hidden = None

    def __init__(self, protocol, endpoint, keys, topic, auditor=None):
        self.profile = f'{PROFILES[protocol]}\nendpoints = ["{endpoint}"]'
        self.keys, self.topic, self.auditor = keys, topic, auditor
        if keys:
            self.profile += '\ncredentials = "main"'
        if protocol == "rocketmq":
            self.hidden = 15

    def replica(self, server, groups=("GID_work", "GID_audit")):
        """Its file; `server` is what [server] says besides where it listens."""
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in server.items())
        text = REPLICA.format(server=lines, profile=self.profile, topic=self.topic, idle=f"{self.topic}-idle", groups=json.dumps(groups))
        return text + (KEYS.format(directory=self.keys) if self.keys else "")


def written(directory, access_key, secret_key):
    """A pair of keys as a mounted Secret has it."""
    directory.mkdir(mode=0o700)
    for file, text in (("access_key", access_key), ("secret_key", secret_key)):
        path = directory / file
        path.touch(mode=0o600)
        path.write_text(text)
    return directory


class Embedded:
    """The gateway whose embedded endpoint is the MQ."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory

    async def start(self):
        self.process = await Process(self.program, self.directory / "mq", MQ).start()
        host, port = await self.process.listening("embedded")
        self.endpoint, self.data = f"http://{host}:{port}", await self.process.listening("data")
        command = [self.program, "embedded-mq", "credentials", "--data-dir", self.directory / "mq/data"]
        shown = subprocess.run(command, check=True, capture_output=True)
        pair = json.loads(shown.stdout)
        self.keys = written(self.directory / "keys", pair["access_key"], pair["secret_key"])

    def kind(self, protocol, topic):
        return Kind(protocol, self.endpoint, self.keys, topic, self.data)

    async def stop(self):
        await self.process.stop()


class RocketMq:
    """A cluster that runs already, with the topics T-rollout and T-rollout-idle and the groups GID_work and GID_audit; its
    auditor is a gateway that is never replaced."""

    def __init__(self, program, directory, endpoint, secret):
        keys = written(directory / "rocketmq-keys", "rocketmq", secret) if secret else None
        self.kind = Kind("rocketmq", endpoint, keys, "T-rollout")
        self.process = Process(program, directory / "rocketmq-auditor", self.kind.replica({}))

    async def start(self):
        await self.process.start()
        self.kind.auditor = await self.process.listening("data")

    async def stop(self):
        await self.process.stop()
