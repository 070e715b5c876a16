"""What deploy/ promises, checked on rendered manifests, kustomize's or Helm's: `manifest_promises.py RENDERED.yaml…`.

Before that, each promise has to notice the damage that is meant for it, done to the first file that has such an object.
"""

import copy
import hashlib
import re
import sys
import tomllib

import yaml

SEEN_WITHIN = 2  # seconds until the readiness probe has failed
METADATA_SERVICES = {"169.254.169.254/32", "100.100.100.200/32", "fd00:ec2::254/128"}
WORKLOADS = ("Deployment", "StatefulSet")
MONITORS = ("PodMonitor", "ServiceMonitor")


def promises(objects):
    """Text and truth of each promise. A missing part raises, and that breaks the promise, too."""

    def of(*kinds):
        return [one for one in objects if one["kind"] in kinds]

    def only(kind, name=None):
        found = [one for one in of(kind) if name in (None, one["metadata"]["name"])]
        assert len(found) == 1, f"{len(found)} objects of kind {kind} {name or ''}"
        return found[0]

    workloads = of(*WORKLOADS)
    assert len(workloads) == 1, f"{len(workloads)} workloads"
    workload = workloads[0]
    name, spec, stateful = workload["metadata"]["name"], workload["spec"], workload["kind"] == "StatefulSet"
    template, pod = spec["template"], spec["template"]["spec"]
    container, labels = pod["containers"][0], template["metadata"]["labels"]
    annotations = template["metadata"].get("annotations", {})
    security, pod_security = container["securityContext"], pod["securityContext"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    claims = {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
    config = only("ConfigMap", volumes["config"]["configMap"]["name"])
    text = config["data"]["gateway.toml"]
    toml = tomllib.loads(text)
    server = toml["server"]
    drain = seconds(server.get("drain_delay", "5s"))
    scalers = of("HorizontalPodAutoscaler")

    # ---- how many, and how they go
    if stateful:
        yield "one pod with the store, and no autoscaler", lambda: spec["replicas"] == 1 and not scalers
    elif scalers:
        yield "two replicas or more, and their number is the autoscaler's alone", lambda: (
            "replicas" not in spec
            and scalers[0]["spec"]["minReplicas"] >= 2
            and scalers[0]["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        )
    else:
        yield "two replicas or more", lambda: spec["replicas"] >= 2
    if not stateful:
        yield "no replica is missed in a rollout", lambda: spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    yield "grace is longer than drain and shutdown", lambda: (
        pod["terminationGracePeriodSeconds"] > drain + seconds(server.get("shutdown_timeout", "20s"))
    )
    yield "the drain is the gateway's own, with no preStop", lambda: "lifecycle" not in container
    readiness = container["readinessProbe"]
    yield "readiness is noticed within the drain", lambda: (
        readiness["periodSeconds"] * readiness["failureThreshold"] <= SEEN_WITHIN < drain
    )
    for probe, path in (("startupProbe", "/startupz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        yield f"{probe} asks the management port", lambda probe=probe, path=path: (
            container[probe]["httpGet"] == {"path": path, "port": "management"}
        )
    yield "the budget and the spread select these pods", lambda: (
        selects(only("PodDisruptionBudget")["spec"]["selector"], labels)
        and all(selects(one["labelSelector"], labels) for one in pod["topologySpreadConstraints"])
    )
    yield "one pod at a time leaves", lambda: only("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    yield "a changed configuration rolls the pods", lambda: (
        annotations.get("checksum/config") == hashlib.sha256(text.encode()).hexdigest()
        or re.fullmatch(r".+-config-[a-z0-9]{10}", config["metadata"]["name"]) is not None
    )

    # ---- Pod Security
    yield "runs as 65532, never as root", lambda: pod_security["runAsNonRoot"] and pod_security["runAsUser"] == 65532
    yield "read-only root file system", lambda: security["readOnlyRootFilesystem"] is True
    yield "no capability, no escalation", lambda: (
        security["capabilities"] == {"drop": ["ALL"]} and security["allowPrivilegeEscalation"] is False
    )
    yield "the runtime's seccomp profile", lambda: pod_security["seccompProfile"]["type"] == "RuntimeDefault"
    yield "no service-account token", lambda: (
        pod["automountServiceAccountToken"] is False
        and only("ServiceAccount", pod["serviceAccountName"])["automountServiceAccountToken"] is False
    )
    yield "memory is limited, CPU and memory requested, CPU not limited", lambda: (
        set(container["resources"]["requests"]) == {"cpu", "memory"} and set(container["resources"]["limits"]) == {"memory"}
    )
    for namespace in of("Namespace"):
        yield "the namespace enforces the profile restricted", lambda namespace=namespace: (
            namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        )

    # ---- keys, configuration, data
    pairs = [pair["directory"] for pair in toml.get("credentials", {}).values()]
    tracing = toml.get("tracing", {})
    files = [tracing[key] for key in tracing.keys() & {"headers_file"}]
    files += [toml["management"][key] for key in toml["management"].keys() & {"token_file"}]
    files += [file for subscription in toml.get("subscriptions", {}).values() for file in subscription.get("secrets", [])]
    directories = {*pairs, *(file.rpartition("/")[0] for file in files)}
    for directory in sorted(directories):
        yield f"keys are a read-only directory, {directory}", lambda directory=directory: (
            mounts[directory]["readOnly"] is True
            and "subPath" not in mounts[directory]
            and volumes[mounts[directory]["name"]]["secret"]["defaultMode"] == 0o440
        )
    yield "every Secret that is mounted is used", lambda: (
        sum("secret" in volume for volume in volumes.values()) == len(directories)
    )
    yield "no key in the rendered objects", lambda: not of("Secret")
    yield "no key in the environment", lambda: not container.get("env") and not container.get("envFrom")
    yield "every mount has a volume", lambda: {mount["name"] for mount in mounts.values()} == set(volumes) | claims
    yield "the configuration listens where the ports are", lambda: (
        server["listen"] == f"0.0.0.0:{ports['data']}" and toml["management"]["listen"] == f"0.0.0.0:{ports['management']}"
    )
    yield "a volume where messages are kept, and only there", lambda: (
        stateful == bool(claims) == toml.get("embedded", {}).get("enabled", False)
    )
    if stateful:
        yield "the data directory is the gateway's own, below the volume", lambda: (
            container["args"][-2:] == ["--data-dir", "/data/mq-gateway"]
            and mounts["/data"]["name"] in claims
            and pod_security["fsGroupChangePolicy"] == "OnRootMismatch"
        )
        yield "the StatefulSet's service is headless", lambda: only("Service", spec["serviceName"])["spec"][
            "clusterIP"
        ] == "None"

    # ---- the network
    for service, port in ((name, "data"), (f"{name}-management", "management")):
        yield f"service {service} leads to {port}", lambda service=service, port=port: (
            selects({"matchLabels": only("Service", service)["spec"]["selector"]}, labels)
            and [one["targetPort"] for one in only("Service", service)["spec"]["ports"]] == [port]
            and port in ports
        )
    policy = only("NetworkPolicy")["spec"]
    ingress, egress = policy["ingress"], policy["egress"]
    yield "the policy is for these pods, both ways", lambda: (
        selects(policy["podSelector"], labels) and policy["policyTypes"] == ["Ingress", "Egress"]
    )
    yield "nobody reaches a port unnamed", lambda: ingress and all(
        rule.get("from") and rule.get("ports") for rule in ingress
    )
    yield "management and data have different guests", lambda: (
        [[port["port"] for port in rule["ports"]] for rule in ingress] == [["data"], ["management"]]
        and ingress[0]["from"] != ingress[1]["from"]
    )
    yield "out to named ports only", lambda: egress and all(rule.get("to") and rule.get("ports") for rule in egress)
    yield "names are asked of the cluster's DNS and of NodeLocal DNSCache", lambda: (
        {(port["protocol"], port["port"]) for port in egress[0]["ports"]} == {("UDP", 53), ("TCP", 53)}
        and {"ipBlock": {"cidr": "169.254.20.10/32"}} in egress[0]["to"]
        and any(peer.get("podSelector", {}).get("matchLabels") == {"k8s-app": "kube-dns"} for peer in egress[0]["to"])
    )
    collector = [rule for rule in egress[1:] if rule.get("ports") == [{"protocol": "TCP", "port": 4317}]]
    yield "out to a collector of traces where one is named, and only there", lambda: (
        len(collector) == ("endpoint" in tracing) and all(peer["namespaceSelector"] for rule in collector for peer in rule["to"])
    )
    blocks = [peer["ipBlock"] for rule in egress[1:] for peer in rule["to"] if "ipBlock" in peer]
    wide = {block["cidr"] for block in blocks}
    yield "IPv4 and IPv6 alike, and no cloud's metadata", lambda: (
        wide in (set(), {"0.0.0.0/0", "::/0"})
        and {one for block in blocks for one in block.get("except", [])} == (METADATA_SERVICES if blocks else set())
    )

    # ---- monitoring
    scraped = annotations.get("prometheus.io/scrape") == "true" and annotations["prometheus.io/port"] == str(
        ports["management"]
    )
    yield "every pod is scraped, and once", lambda: scraped + len(of(*MONITORS)) == 1
    for monitor in of(*MONITORS):
        endpoints = monitor["spec"].get("podMetricsEndpoints") or monitor["spec"]["endpoints"]
        yield "the monitor selects these pods, under a name that the alerts know", lambda monitor=monitor, endpoints=endpoints: (
            (
                selects(monitor["spec"]["selector"], labels)
                if monitor["kind"] == "PodMonitor"
                else any(selects(monitor["spec"]["selector"], service["metadata"]["labels"]) for service in of("Service"))
            )
            and [one["port"] for one in endpoints] == ["management"]
            and [(one["targetLabel"], "mq-gateway" in one["replacement"]) for one in endpoints[0]["relabelings"]]
            == [("job", True)]
        )

    # ---- all
    places = {one["metadata"].get("namespace") for one in objects if one["kind"] != "Namespace"}
    yield "all is in one namespace, and has our label", lambda: (
        len(places) == 1
        and None not in places
        and all(one["metadata"]["labels"]["app.kubernetes.io/name"] == "mq-gateway" for one in objects)
    )


def seconds(duration):
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)(ms|h|m|s)", duration))


def selects(selector, labels):
    return bool(selector["matchLabels"]) and selector["matchLabels"].items() <= labels.items()


def broken(objects):
    """The promises that do not hold, and all of them."""
    found, all_of_them = [], []
    for text, holds in promises(objects):
        all_of_them.append(text)
        try:
            good = bool(holds())
        except (AssertionError, KeyError, IndexError, TypeError):
            good = False
        if not good:
            found.append(text)
    return found, all_of_them


# ---- the damage that each promise is for: words of the promise, kind of object, path, what is put there (None: taken away) ----

POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)
DAMAGES = [
    ("two replicas", "Deployment", ("spec", "replicas"), 1),
    ("missed in a rollout", "Deployment", ("spec", "strategy", "rollingUpdate", "maxUnavailable"), 1),
    ("grace is longer", "Deployment", (*POD, "terminationGracePeriodSeconds"), 25),
    ("no preStop", "Deployment", (*CONTAINER, "lifecycle"), {"preStop": {"sleep": {"seconds": 5}}}),
    ("within the drain", "Deployment", (*CONTAINER, "readinessProbe", "failureThreshold"), 5),
    ("startupProbe asks", "Deployment", (*CONTAINER, "startupProbe", "httpGet", "port"), "data"),
    ("livenessProbe asks", "Deployment", (*CONTAINER, "livenessProbe", "httpGet", "path"), "/readyz"),
    ("readinessProbe asks", "Deployment", (*CONTAINER, "readinessProbe", "httpGet", "path"), "/livez"),
    ("select these pods", "PodDisruptionBudget", ("spec", "selector", "matchLabels"), {"app": "other"}),
    ("one pod at a time", "PodDisruptionBudget", ("spec", "maxUnavailable"), 0),
    ("never as root", "Deployment", (*POD, "securityContext", "runAsUser"), 0),
    ("read-only root", "Deployment", (*CONTAINER, "securityContext", "readOnlyRootFilesystem"), False),
    ("no capability", "Deployment", (*CONTAINER, "securityContext", "capabilities", "add"), ["NET_BIND_SERVICE"]),
    ("seccomp", "Deployment", (*POD, "securityContext", "seccompProfile"), None),
    ("service-account token", "ServiceAccount", ("automountServiceAccountToken",), True),
    ("memory is limited", "Deployment", (*CONTAINER, "resources", "limits"), None),
    ("enforces the profile", "Namespace", ("metadata", "labels", "pod-security.kubernetes.io/enforce"), "baseline"),
    ("keys are a read-only", "Deployment", (*CONTAINER, "volumeMounts", 1, "subPath"), "access_key"),
    ("Secret that is mounted", "Deployment", (*POD, "volumes", 0, "secret"), {"secretName": "other"}),
    ("no key in the rendered", "Service", ("kind",), "Secret"),
    ("no key in the environment", "Deployment", (*CONTAINER, "env"), [{"name": "SECRET_KEY", "value": "x"}]),
    ("mount has a volume", "Deployment", (*CONTAINER, "volumeMounts", 1, "name"), "other"),
    ("listens where", "Deployment", (*CONTAINER, "ports", 0, "containerPort"), 8088),
    ("a volume where", "Deployment", ("spec", "volumeClaimTemplates"), [{"metadata": {"name": "data"}}]),
    ("leads to data", "Service", ("spec", "ports", 0, "targetPort"), "management"),
    ("for these pods, both ways", "NetworkPolicy", ("spec", "policyTypes"), ["Ingress"]),
    ("nobody reaches", "NetworkPolicy", ("spec", "ingress", 0, "from"), []),
    ("different guests", "NetworkPolicy", ("spec", "ingress", 0, "ports", 0, "port"), "management"),
    ("out to named", "NetworkPolicy", ("spec", "egress", 1, "ports"), None),
    ("NodeLocal", "NetworkPolicy", ("spec", "egress", 0, "to", 1), None),
    ("IPv6 alike", "NetworkPolicy", ("spec", "egress", 1, "to", 1), None),
    ("collector", "NetworkPolicy", ("spec", "egress", 1, "ports"), [{"protocol": "TCP", "port": 4317}]),
    ("metadata", "NetworkPolicy", ("spec", "egress", 1, "to", 0, "ipBlock", "except"), None),
    ("scraped, and once", "Deployment", ("spec", "template", "metadata", "annotations"), None),
    ("one namespace", "ServiceAccount", ("metadata", "namespace"), "other"),
    ("one pod with the store", "StatefulSet", ("spec", "replicas"), 2),
    ("data directory", "StatefulSet", (*CONTAINER, "args", 3), "/data"),
    ("data directory", "StatefulSet", (*POD, "securityContext", "fsGroupChangePolicy"), "Always"),
    ("service is headless", "StatefulSet", ("spec", "serviceName"), "mq-gateway"),
    ("autoscaler's alone", "HorizontalPodAutoscaler", ("spec", "minReplicas"), 1),
    ("monitor selects", "PodMonitor", ("spec", "podMetricsEndpoints", 0, "relabelings", 0, "replacement"), "app"),
    ("monitor selects", "PodMonitor", ("spec", "selector", "matchLabels"), {"app": "other"}),
    ("rolls the pods", "Deployment", (*POD, "volumes", 0, "configMap", "name"), "fixed"),
]


def damaged(objects, kind, path, value):
    objects = copy.deepcopy(objects)
    target = next(one for one in objects if one["kind"] == kind)
    if value == "fixed":  # the ConfigMap as well, so that it is found under the name without a hash
        next(one for one in objects if one["kind"] == "ConfigMap")["metadata"]["name"] = value
    for step in path[:-1]:
        target = target[step]
    if value is None:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return objects


def read(path):
    return [one for one in yaml.safe_load_all(open(path, encoding="utf-8")) if one]


def main():
    bad = []
    files = {path: read(path) for path in sys.argv[1:]}
    for words, kind, path, value in DAMAGES:
        whole = next((objects for objects in files.values() if any(one["kind"] == kind for one in objects)), None)
        if whole is None:
            sys.exit(f"none of the files has a {kind}, so the promise about `{words}` cannot be tried")
        if not any(words in text for text in broken(damaged(whole, kind, path, value))[0]):
            bad.append(f"no promise about `{words}` notices {kind} {path} = {value}")
    print(f"   {len(DAMAGES)} kinds of damage are noticed" if not bad else "   some damage is not noticed")
    for path, objects in files.items():
        found, all_of_them = broken(objects)
        print(f"   {path.rsplit('/', 1)[-1]}: {len(all_of_them) - len(found)} of {len(all_of_them)} promises hold")
        bad += [f"{path}: {text}" for text in found]
    if bad:
        sys.exit("FAILED: " + "\n        ".join(bad))


main()
