"""The relays: what each needs, how it is made ready, how it is started; and what is asked of each."""

import base64
import glob
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import names
from processes import ENVIRONMENT, Program, found
from work import QUERY, Publish, Receive, batch_of_envelopes, one_envelope, text_itself

HERE = Path(__file__).resolve().parent
RELAYS = HERE / "relays"
NGINX_MODULES, LUA_LIBRARIES = "/usr/lib/nginx/modules", "/usr/lib/*/lua/5.1"
SIGNER = ["@PORT@", "@UPSTREAM_PORT@", names.TOPIC, names.PRODUCER_GROUP, names.ACCESS_KEY, names.SECRET_KEY]
WRONG_KEYS = "wrong-keys"
V1 = f"/v1/topics/{names.TOPIC}/messages"
V1_MQ = f"/v1/topics/{names.MQ_TOPIC}/messages"

BASELINE = "HAProxy"
SMALL, LARGE = "publish 1 KB", "publish 16 KB"


def publish(content, target="/"):
    """The work that all relays can do."""
    return [Publish(SMALL, target, content), Publish(LARGE, target, content, size=16384)]


@dataclass(frozen=True)
class Relay:
    """A program that takes publishes and passes them on to the MQ."""

    name: str
    what: str  # for the report
    needs: list  # programs, and patterns of files
    command: list
    works: list
    build: list = field(default_factory=list)
    build_needs: list = field(default_factory=list)
    signs: bool = True
    wrong_keys: str = ""  # a directory of keys that the MQ does not know

    def lacks(self):
        return [need for need in self.needs + self.build_needs if not (glob.glob(need) if need.startswith("/") else found(need))]

    def make(self, directory):
        """Builds what must be built. What the compiler said, if it could not."""
        if not self.build:
            return None
        environment = {**ENVIRONMENT, "HOME": str(directory), "GO111MODULE": "off"}
        command = [filled(part, {"DIRECTORY": directory}) for part in self.build]
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return done.stdout if done.returncode else None

    def start(self, directory, port, upstream_port, cpu, wrapper=(), environment=None, keys="keys"):
        values = {
            "PORT": port, "UPSTREAM_PORT": upstream_port, "DIRECTORY": directory, "RELAYS": RELAYS, "NGINX_MODULES": NGINX_MODULES,
            "LUA_LIBRARIES": next(iter(glob.glob(LUA_LIBRARIES)), ""), "KEYS": keys, "TOPIC": names.TOPIC, "MQ_TOPIC": names.MQ_TOPIC,
            "PRODUCER_GROUP": names.PRODUCER_GROUP, "CONSUMER_GROUP": names.CONSUMER_GROUP, "ACCESS_KEY": names.ACCESS_KEY,
            "SECRET_KEY": names.SECRET_KEY, "SECRET_KEY_BASE64": base64.b64encode(names.SECRET_KEY.encode()).decode(),
        }
        for configuration in [*RELAYS.glob("*.conf"), *RELAYS.glob("*.cfg"), *RELAYS.glob("*.toml")]:
            (directory / configuration.name).write_text(filled(configuration.read_text(), values))
        command = [*wrapper, *(filled(part, values) for part in self.command)]
        return Program(command, port, cpu, directory / "relay.log", environment)


def write_keys(directory):
    """The gateway's, and such as the MQ does not know."""
    for keys, secret in [("keys", names.SECRET_KEY), (WRONG_KEYS, "another secret")]:
        (directory / keys).mkdir()
        (directory / keys / "access_key").write_text(names.ACCESS_KEY)
        (directory / keys / "secret_key").write_text(secret)


def filled(text, values):
    return re.sub(r"@([A-Z0-9_]+)@", lambda name: str(values[name[1]]), text)


PEERS = [
    Relay("floor", "a relay in C that does nothing but hash and pass on, without limits or handling of errors", [],
          ["@DIRECTORY@/floor", *SIGNER], publish(text_itself, f"/{QUERY}"),
          ["gcc", "-O2", "-o", "@DIRECTORY@/floor", str(RELAYS / "floor.c"), "-lcrypto"], ["gcc", "/usr/include/openssl/md5.h"]),
    Relay("nginx, signs nothing", "`proxy_pass` alone", ["nginx"], ["nginx", "-c", "@DIRECTORY@/nginx.conf"],
          publish(text_itself), signs=False),
    Relay("HAProxy", "signs in its configuration, no Lua; the body as it comes", ["haproxy"],
          ["haproxy", "-db", "-f", "@DIRECTORY@/haproxy.cfg"], publish(text_itself, f"/{QUERY}")),
    Relay("nginx + Lua", "LuaJIT and lua-cjson; JSON envelope",
          ["nginx", f"{NGINX_MODULES}/ngx_http_lua_module.so", f"{LUA_LIBRARIES}/cjson.so"],
          ["nginx", "-c", "@DIRECTORY@/nginx-lua.conf"], publish(one_envelope)),
    Relay("Go", "`httputil.ReverseProxy`; JSON envelope", [], ["@DIRECTORY@/signer", *SIGNER], publish(one_envelope),
          ["go", "build", "-o", "@DIRECTORY@/signer", str(RELAYS / "go" / "main.go")], ["go"]),
]


def gateway(binary):
    works = [
        *publish(one_envelope, V1),
        Publish("batch of ten, 1 KB", f"{V1}:batch", batch_of_envelopes, messages=10, status=200),
        Publish("publish 1 KB, mq-http", V1_MQ, one_envelope),
        Receive("receive and ack, 32 × 1 KB", names.TOPIC, 32),
        Receive("receive and ack, 16 × 1 KB, mq-http", names.MQ_TOPIC, 16),
    ]
    return Relay("mq-gateway", "JSON envelope", [], [str(binary), "--config", "@DIRECTORY@/gateway.toml"], works, wrong_keys=WRONG_KEYS)
