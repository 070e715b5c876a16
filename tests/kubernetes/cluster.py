"""What the stories say to the cluster: kubectl and helm, whose warnings are errors here; waiting; looking for refused pods."""

import json
import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/mq-gateway"
KUSTOMIZE = ROOT / "deploy/kubernetes"
REPOSITORY = "registry.example.com/mq-gateway"


class Failed(Exception):
    """A promise that does not hold, in words."""


def run(*command, stdin=None, cwd=ROOT):
    """What the command says. It has to end well, and without a warning of the API server's."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=cwd, timeout=240, env=os.environ)
    if done.returncode != 0:
        raise Failed(
            f"`{' '.join(map(str, command))}` ended with {done.returncode}: {(done.stderr + done.stdout).strip()[-1500:]}"
        )
    warnings = [line for line in done.stderr.splitlines() if "warning" in line.lower() or "would violate" in line]
    if warnings:
        raise Failed(f"`{' '.join(map(str, command))}` warns: {' '.join(warnings)[:1500]}")
    return done.stdout


def kubectl(*arguments, **how):
    return run("kubectl", *arguments, **how)


def helm(*arguments, **how):
    return run("helm", *arguments, **how)


def refused(message, function, *arguments, **how):
    """The call fails, with these words in what it says."""
    try:
        function(*arguments, **how)
    except Failed as failure:
        expect(message in str(failure), f"refused without {message!r}: {failure}")
        return
    raise Failed(f"not refused, though it should say {message!r}: {' '.join(map(str, arguments))}")


def expect(truth, words):
    if not truth:
        raise Failed(words)


def wait_for(words, condition, seconds=60):
    """Until the condition is true; what it returns then."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed(f"after {seconds} s still not so: {words}")
        time.sleep(0.2)


def get(kind, name=None, namespace=None, selector=None):
    """The object, or None; without a name, the list."""
    command = ["get", kind, *([name] if name else []), "--output", "json", "--ignore-not-found"]
    command += ["--namespace", namespace] if namespace else []
    command += ["--selector", selector] if selector else []
    text = kubectl(*command)
    found = json.loads(text) if text.strip() else None
    return found if name else (found or {"items": []})["items"]


def new_namespace(name):
    kubectl("create", "namespace", name)
    kubectl(
        "label",
        "namespace",
        name,
        *(f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn", "audit")),
    )


def delete_namespace(name):
    kubectl("delete", "namespace", name, "--wait=false")
    wait_for(f"the namespace {name} is gone", lambda: get("namespace", name) is None)


def keys(namespace, access_key):
    secret("mq-gateway-credentials", namespace, access_key=access_key, secret_key="s")


def secret(name, namespace, **files):
    """A Secret, made or changed."""
    text = kubectl(
        "create",
        "secret",
        "generic",
        name,
        *(f"--from-literal={file}={text}" for file, text in files.items()),
        "--dry-run=client",
        "--output",
        "yaml",
        "--namespace",
        namespace,
    )
    kubectl("apply", "--server-side", "--filename", "-", stdin=text)


def pods(namespace):
    return [
        pod
        for pod in get("pods", namespace=namespace, selector="app.kubernetes.io/name=mq-gateway")
        if "deletionTimestamp" not in pod["metadata"]
    ]


def names(objects):
    return {one["metadata"]["name"] for one in objects}


def running(namespace, number):
    """So many pods and no others, all of them ready; the pods. None was refused on the way."""

    def ready():
        found = pods(namespace)
        states = [
            condition["status"]
            for pod in found
            for condition in pod["status"].get("conditions", [])
            if condition["type"] == "Ready"
        ]
        return found if len(found) == number and states == ["True"] * number else None

    def settled():
        workloads = get("deployments,statefulsets", namespace=namespace)
        return len(workloads) == 1 and all(
            one["status"].get("observedGeneration") == one["metadata"]["generation"]
            and one["status"].get("updatedReplicas") == one["status"].get("replicas") == number
            for one in workloads
        )

    try:
        wait_for(f"the rollout in {namespace} is over", settled)
        return wait_for(f"{number} pods of {namespace} are ready", ready)
    finally:
        expect(not refused_pods(namespace), f"pods were refused: {refused_pods(namespace)}")


def refused_pods(namespace):
    """Pod Security and quotas judge pods, not Deployments: a Deployment is taken, and its pods never come."""
    found = [
        f"{one['kind']} {one['metadata']['name']}: {condition['message']}"
        for one in get("deployments,replicasets,statefulsets", namespace=namespace)
        for condition in one["status"].get("conditions", [])
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]
    found += [event["message"] for event in get("events", namespace=namespace) if event["reason"] == "FailedCreate"]
    return found


def same_pods(namespace, before, seconds=3):
    """Nothing rolls, also not a little later: a rollout begins within one second here."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        expect(
            names(pods(namespace)) == before,
            f"pods were replaced, and should not have been: {before} became {names(pods(namespace))}",
        )
        time.sleep(0.2)


def left_over(namespace):
    """What is there besides what every namespace has, and what we made ourselves."""
    kinds = "deployments,statefulsets,replicasets,pods,services,configmaps,serviceaccounts"
    kinds += ",networkpolicies,poddisruptionbudgets,horizontalpodautoscalers"
    return {f"{one['kind']} {one['metadata']['name']}" for one in get(kinds, namespace=namespace)} - {
        "ConfigMap kube-root-ca.crt",
        "ServiceAccount default",
    }
