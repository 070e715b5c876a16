"""What deploy/kubernetes promises, checked on the rendered manifests: `manifest_promises.py RENDERED.yaml`."""

import sys

import yaml

DRAIN_SECONDS = 5  # the gateway goes on serving for so long after readiness failed
SHUTDOWN_SECONDS = 20  # running requests then get so long

objects = [o for o in yaml.safe_load_all(open(sys.argv[1], encoding="utf-8")) if o]


def only(kind, name=None):
    found = [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects of kind {kind} {name or ''}"
    return found[0]


failures = []


def promise(text, holds):
    print(f"   {'yes' if holds else 'NO '} {text}")
    if not holds:
        failures.append(text)


deployment = only("Deployment")["spec"]
pod = deployment["template"]["spec"]
container = pod["containers"][0]
labels = deployment["template"]["metadata"]["labels"]
security, pod_security = container["securityContext"], pod["securityContext"]
ports = {p["name"]: p["containerPort"] for p in container["ports"]}
ingress, egress = only("NetworkPolicy")["spec"]["ingress"], only("NetworkPolicy")["spec"]["egress"]

promise("two replicas or more", deployment["replicas"] >= 2)
promise("no replica is missed in a rollout", deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 0)
promise("grace is longer than drain and shutdown", pod["terminationGracePeriodSeconds"] > DRAIN_SECONDS + SHUTDOWN_SECONDS)
readiness = container["readinessProbe"]
promise(
    "readiness is noticed within the drain",
    readiness["periodSeconds"] * readiness["failureThreshold"] < DRAIN_SECONDS,
)
for probe, path in (("startupProbe", "/startupz"), ("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
    promise(f"{probe} asks the management port", container[probe]["httpGet"] == {"path": path, "port": "management"})
promise("runs as 65532, never as root", pod_security["runAsNonRoot"] and pod_security["runAsUser"] == 65532)
promise("read-only root file system", security["readOnlyRootFilesystem"] is True)
promise("no capability, no escalation", security["capabilities"] == {"drop": ["ALL"]} and not security["allowPrivilegeEscalation"])
promise("the runtime's seccomp profile", pod_security["seccompProfile"]["type"] == "RuntimeDefault")
promise("no service-account token", pod["automountServiceAccountToken"] is False)
promise("memory is limited, CPU and memory requested", {"cpu", "memory"} <= set(container["resources"]["requests"]) and "memory" in container["resources"]["limits"])
mounts = {m["mountPath"]: m for m in container["volumeMounts"]}
promise("keys are a read-only directory", mounts["/run/secrets/mq"].get("readOnly") and "subPath" not in mounts["/run/secrets/mq"])
promise("no key in the rendered objects", not any(o["kind"] == "Secret" for o in objects))
promise("no key in the environment", not container.get("env") and not container.get("envFrom"))
promise("the budget and the spread select these pods", only("PodDisruptionBudget")["spec"]["selector"]["matchLabels"].items() <= labels.items()
        and all(c["labelSelector"]["matchLabels"].items() <= labels.items() for c in pod["topologySpreadConstraints"]))
for name, port in (("mq-gateway", "data"), ("mq-gateway-management", "management")):
    service = only("Service", name)["spec"]
    promise(f"service {name} leads to {port}", service["selector"].items() <= labels.items()
            and [p["targetPort"] for p in service["ports"]] == [port] and port in ports)
promise("nobody reaches a port unnamed", all(rule.get("from") and rule.get("ports") for rule in ingress))
promise("management and data have different guests", len(ingress) == 2)
promise("out to named ports only", all(rule.get("to") and rule.get("ports") for rule in egress))
toml = only("ConfigMap")["data"]["gateway.toml"]
promise("the configuration listens where the ports are", f'"0.0.0.0:{ports["data"]}"' in toml and f'"0.0.0.0:{ports["management"]}"' in toml)

sys.exit(f"FAILED: {', '.join(failures)}" if failures else 0)
