"""What the Deployment says about replacing pods: its probes, its strategy and its grace period, from the file itself."""

import pathlib
import re
import tomllib
from dataclasses import dataclass

BASE = pathlib.Path(__file__).resolve().parents[2] / "deploy/kubernetes/base"
CONTAINER = "spec.template.spec.containers"


@dataclass(frozen=True)
class Probe:
    """A probe with Kubernetes' own defaults for what it does not say."""

    path: str
    period: float
    timeout: float
    failures: int


@dataclass(frozen=True)
class Manifest:
    startup: Probe
    liveness: Probe
    readiness: Probe
    replicas: int
    grace: float
    # The settings of [server] in the ConfigMap's gateway.toml, besides where it listens.
    server: dict


def scalars(text):
    """The scalars of a YAML file by their path of keys. It knows what a Deployment is written in: block maps, and lists of them."""
    found, path = {}, []
    for line in text.splitlines():
        match = re.match(r"( *)((?:- )*)([\w./-]+):(?: +([^#\s][^#]*))?(?: *#.*)?$", line)
        if not match:
            continue
        indent = len(match[1]) + len(match[2])
        while path and path[-1][0] >= indent:
            path.pop()
        path.append((indent, match[3]))
        if match[4]:
            found.setdefault(".".join(key for _, key in path), match[4].strip().strip('"'))
    return found


def read():
    """The timings of deploy/kubernetes/base."""
    file = BASE / "deployment.yaml"
    values = scalars(file.read_text(encoding="utf-8"))

    def value(path, default=None):
        found = values.get(path, default)
        if found is None:
            raise SystemExit(f"{file} does not say {path}: name it there, or change tests/rollout/manifest.py")
        return found

    def probe(name):
        where = f"{CONTAINER}.{name}Probe"
        return Probe(
            path=value(f"{where}.httpGet.path"),
            period=float(value(f"{where}.periodSeconds", "10")),
            timeout=float(value(f"{where}.timeoutSeconds", "1")),
            failures=int(value(f"{where}.failureThreshold", "3")),
        )

    strategy = [value(f"spec.strategy.rollingUpdate.{key}") for key in ("maxSurge", "maxUnavailable")]
    if strategy != ["1", "0"] or any("preStop" in path for path in values):
        raise SystemExit(f"{file}: tests/rollout knows maxSurge 1, maxUnavailable 0 and no preStop hook; teach it the new one")
    server = tomllib.loads((BASE / "gateway.toml").read_text(encoding="utf-8")).get("server", {})
    server.pop("listen", None)
    return Manifest(
        startup=probe("startup"),
        liveness=probe("liveness"),
        readiness=probe("readiness"),
        replicas=int(value("spec.replicas")),
        grace=float(value("spec.template.spec.terminationGracePeriodSeconds")),
        server=server,
    )
