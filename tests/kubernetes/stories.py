"""deploy/ on a real API server, from the install to the end: `stories.py CRDS [STORY…]`, run by tests/kubernetes/run."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

from cluster import (
    CHART,
    KUSTOMIZE,
    REPOSITORY,
    ROOT,
    Failed,
    delete_namespace,
    expect,
    get,
    helm,
    keys,
    kubectl,
    left_over,
    names,
    new_namespace,
    refused,
    refused_pods,
    running,
    same_pods,
    secret,
    wait_for,
)

CRDS = sys.argv[1]
EXAMPLES = CHART / "examples"
IMAGE = ("--set", f"image.repository={REPOSITORY}")
STRICTLY = ("apply", "--server-side", "--validate=strict", "--warnings-as-errors")
VERSION = re.search(r"^appVersion: (\S+)", (CHART / "Chart.yaml").read_text(), re.MULTILINE)[1]
CONFIG = (KUSTOMIZE / "base/gateway.toml").read_text()


# ---- what is refused, so that what is not refused below means something ------------------------------------------------


def a_bad_pod_is_noticed():
    """The profile `restricted` is enforced here, warnings are errors, and refused pods are found."""
    new_namespace("bad")
    bad = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: bad}
spec:
  selector: {matchLabels: {app: bad}}
  template:
    metadata: {labels: {app: bad}}
    spec: {containers: [{name: bad, image: bad}]}
"""
    refused(
        "would violate PodSecurity",
        kubectl,
        *STRICTLY,
        "--dry-run=server",
        "--namespace",
        "bad",
        "--filename",
        "-",
        stdin=bad,
    )
    refused("warns", kubectl, "apply", "--server-side", "--namespace", "bad", "--filename", "-", stdin=bad)
    wait_for("refused pods are found", lambda: any("violates PodSecurity" in one for one in refused_pods("bad")))
    refused(
        "spec.replica",
        kubectl,
        *STRICTLY,
        "--dry-run=server",
        "--namespace",
        "bad",
        "--filename",
        "-",
        stdin=bad.replace("selector:", "replica: 2\n  selector:"),
    )
    delete_namespace("bad")


def without_the_operators_crds():
    """A monitor where its kind is not known: refused as a whole, with the kind's name."""
    new_namespace("plain")
    keys("plain", "one")
    refused(
        'no matches for kind "PodMonitor"',
        helm,
        "install",
        "mq-gateway",
        CHART,
        "--namespace",
        "plain",
        *IMAGE,
        "--values",
        EXAMPLES / "monitoring.yaml",
    )
    expect(not left_over("plain"), f"an install that was refused leaves {left_over('plain')}")
    expect(
        helm("list", "--all", "--short", "--namespace", "plain").strip() == "",
        "an install that was refused leaves a release",
    )
    refused('no matches for kind "PodMonitor"', kubectl, *STRICTLY, "--kustomize", KUSTOMIZE / "overlays/monitoring")
    helm("install", "mq-gateway", CHART, "--namespace", "plain", *IMAGE, "--wait", "--timeout", "2m")
    running("plain", 2)
    helm("uninstall", "mq-gateway", "--namespace", "plain", "--wait")
    delete_namespace("plain")
    # What of the overlay was known before the monitor was not.
    kubectl("delete", "namespace", "mq-gateway", "--ignore-not-found")


def install_crds():
    kubectl(
        "apply",
        "--server-side",
        *(
            part
            for name in ("podmonitors", "servicemonitors", "prometheusrules")
            for part in ("--filename", f"{CRDS}/monitoring.coreos.com_{name}.yaml")
        ),
    )
    kubectl(
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "crd/podmonitors.monitoring.coreos.com",
        "crd/servicemonitors.monitoring.coreos.com",
        "crd/prometheusrules.monitoring.coreos.com",
    )


# ---- Helm --------------------------------------------------------------------------------------------------------------


def strictly_without_a_warning():
    """Everything that is rendered, by a strict dry run on the server."""
    new_namespace("strict")
    for values in (
        (),
        *(("--values", EXAMPLES / f"{name}.yaml") for name in ("embedded", "rocketmq", "monitoring", "tracing", "consuming")),
        ("--set", "autoscaling.enabled=true,autoscaling.requestsInFlight.enabled=true"),
        ("--values", EXAMPLES / "monitoring.yaml", "--set", "metrics.monitor.kind=ServiceMonitor"),
        (
            "--set",
            "service.ipFamilyPolicy=PreferDualStack,service.sessionAffinity=ClientIP,service.trafficDistribution=PreferSameZone",
        ),
    ):
        text = helm("template", "mq-gateway", CHART, "--namespace", "strict", *IMAGE, *values)
        kubectl(*STRICTLY, "--dry-run=server", "--namespace", "strict", "--filename", "-", stdin=text)
    delete_namespace("strict")
    new_namespace("mq-gateway")
    for folder in ("base", *(f"overlays/{name}" for name in ("embedded", "rocketmq", "monitoring", "tracing", "consuming"))):
        kubectl(*STRICTLY, "--dry-run=server", "--kustomize", KUSTOMIZE / folder)
    delete_namespace("mq-gateway")


def a_release_from_install_to_uninstall():
    """Changed configuration rolls the pods, changed keys do not, a rollback brings the old one back, and nothing is left."""
    space = "shop-mq"
    new_namespace(space)
    keys(space, "one")
    common = ("mq-gateway", CHART, "--namespace", space, *IMAGE, "--wait", "--timeout", "2m")
    helm("install", *common)
    first = running(space, 2)
    checksum = {pod["metadata"]["annotations"].get("checksum/config") for pod in first}
    expect(len(checksum) == 1 and None not in checksum, f"the pods have not one checksum/config: {checksum}")
    expect(len({pod["spec"]["nodeName"] for pod in first}) == 2, "both pods are on one node")
    expect(
        first[0]["spec"]["containers"][0]["image"] == f"{REPOSITORY}:{VERSION}",
        "the pods' image is not the one that was asked for",
    )
    expect("prometheus.io/scrape" in first[0]["metadata"]["annotations"], "the pods have no scrape annotations")
    expect(
        names(get("networkpolicies,poddisruptionbudgets,services,serviceaccounts", namespace=space))
        >= {"mq-gateway", "mq-gateway-management"},
        "objects are missing",
    )

    keys(space, "two")
    helm("upgrade", *common)
    same_pods(space, names(first))

    changed = CONFIG.replace('"CID_billing"', '"CID_billing", "CID_audit"')
    expect(changed != CONFIG, "the configuration was not changed")
    with_file(changed, lambda path: helm("upgrade", *common, "--set-file", f"config={path}"))
    second = running(space, 2)
    expect(
        not names(first) & names(second),
        f"a changed configuration does not roll the pods: {names(first)} and {names(second)}",
    )
    expect(not checksum & {pod["metadata"]["annotations"]["checksum/config"] for pod in second}, "the checksum is the same")
    expect(
        "CID_audit" in get("configmap", "mq-gateway-config", space)["data"]["gateway.toml"],
        "the ConfigMap has the old configuration",
    )

    refused("set it to more than 25", helm, "upgrade", *common, "--set", "terminationGracePeriodSeconds=20")
    same_pods(space, names(second), 1)

    helm("upgrade", *common, "--values", EXAMPLES / "monitoring.yaml")
    monitored = running(space, 2)
    expect(
        "prometheus.io/scrape" not in monitored[0]["metadata"]["annotations"],
        "monitored pods have scrape annotations as well",
    )
    expect(names(get("podmonitors", namespace=space)) == {"mq-gateway"}, "there is no PodMonitor")
    rules = get("prometheusrules", "mq-gateway", space)
    expect(
        rules and any("alert" in rule for group in rules["spec"]["groups"] for rule in group["rules"]),
        "the PrometheusRule has no alerts",
    )
    expect(
        get("configmap", "mq-gateway-dashboard", space)["metadata"]["labels"]["grafana_dashboard"] == "1",
        "the dashboard has no label",
    )

    helm("upgrade", *common, "--values", EXAMPLES / "tracing.yaml")
    traced = running(space, 2)
    expect(4317 in ports_out(space), "the pods are not let out to the collector")
    expect(
        any(volume.get("secret", {}).get("secretName") == "mq-gateway-otlp" for volume in traced[0]["spec"]["volumes"]),
        "the headers for the collector are not mounted",
    )

    secrets_of_consuming(space)
    helm("upgrade", *common, "--values", EXAMPLES / "consuming.yaml")
    consuming = running(space, 2)
    mounted = {volume.get("secret", {}).get("secretName") for volume in consuming[0]["spec"]["volumes"]}
    expect({"mq-gateway-mail", "mq-gateway-operator"} <= mounted, "what subscriptions sign with, or the operators' token, is not mounted")
    expect(get("service", "mq-gateway", space)["spec"]["sessionAffinity"] == "ClientIP", "a stream's acknowledgements go anywhere")

    helm("upgrade", *common, "--set", "replicaCount=3")
    running(space, 3)
    expect(4317 not in ports_out(space), "the pods are let out to a collector though there are no traces any more")
    helm("upgrade", *common, "--set", "autoscaling.enabled=true")
    # Kubernetes falls back to one for a moment; see values.yaml.
    wait_for("the autoscaler has at least two", lambda: get("deployment", "mq-gateway", space)["spec"]["replicas"] >= 2)
    expect(
        get("horizontalpodautoscaler", "mq-gateway", space)["spec"]["minReplicas"] == 2, "the autoscaler is not as wanted"
    )

    helm("rollback", "mq-gateway", "1", "--namespace", space, "--wait", "--timeout", "2m")
    back = running(space, 2)
    expect(
        {pod["metadata"]["annotations"]["checksum/config"] for pod in back} == checksum,
        "the rollback does not bring the first configuration back",
    )
    expect(
        get("configmap", "mq-gateway-config", space)["data"]["gateway.toml"].strip() == CONFIG.strip(),
        "the ConfigMap is not the first one",
    )
    expect(
        not get("podmonitors", namespace=space) and not get("horizontalpodautoscalers", namespace=space),
        "the rollback leaves objects of later revisions",
    )

    helm("uninstall", "mq-gateway", "--namespace", space, "--wait")
    wait_for("nothing is left", lambda: not left_over(space))
    expect(get("secret", "mq-gateway-credentials", space), "the uninstall takes the keys away")
    delete_namespace(space)


def secrets_of_consuming(space):
    secret("mq-gateway-mail", space, signing="whsec_cGxhY2Vob2xkZXItb2YtMzItYnl0ZXMtaW4tYWxsLTE=")
    secret("mq-gateway-operator", space, token="placeholder-of-a-token-for-operators")


def ports_out(space):
    egress = get("networkpolicy", "mq-gateway", space)["spec"]["egress"]
    return {port["port"] for rule in egress for port in rule["ports"]}


def a_release_with_a_volume():
    """The embedded endpoint: one pod, whose claim outlives it and the release."""
    space = "embedded"
    new_namespace(space)
    common = (
        "messages",
        CHART,
        "--namespace",
        space,
        *IMAGE,
        "--values",
        EXAMPLES / "embedded.yaml",
        "--wait",
        "--timeout",
        "2m",
    )
    helm("install", *common)
    (first,) = running(space, 1)
    expect(first["metadata"]["name"] == "messages-mq-gateway-0", f"the pod is called {first['metadata']['name']}")
    (claim,) = get("persistentvolumeclaims", namespace=space)
    expect(claim["status"]["phase"] == "Bound", "the claim is not bound")

    changed = (KUSTOMIZE / "overlays/embedded/gateway.toml").read_text().replace('"1GiB"', '"512MiB"')
    with_file(changed, lambda path: helm("upgrade", *common, "--set-file", f"config={path}"))
    (second,) = running(space, 1)
    expect(second["metadata"]["uid"] != first["metadata"]["uid"], "a changed configuration does not replace the pod")
    refused("set replicaCount to 1", helm, "upgrade", *common, "--set", "replicaCount=2")

    helm("uninstall", "messages", "--namespace", space, "--wait")
    wait_for("nothing is left", lambda: not left_over(space))
    expect(
        names(get("persistentvolumeclaims", namespace=space)) == {claim["metadata"]["name"]},
        "the uninstall takes the messages away",
    )
    delete_namespace(space)


# ---- kustomize ---------------------------------------------------------------------------------------------------------


def kustomize_base_and_overlays():
    """Each applied for real, with a changed configuration and changed keys, and deleted."""
    for folder, number in (
        ("base", 2),
        ("overlays/embedded", 1),
        ("overlays/rocketmq", 2),
        ("overlays/monitoring", 2),
        ("overlays/tracing", 2),
        ("overlays/consuming", 2),
    ):
        with tempfile.TemporaryDirectory() as copy:
            there = pathlib.Path(copy) / "kubernetes"
            shutil.copytree(KUSTOMIZE, there)
            kubectl(*STRICTLY, "--kustomize", there / folder)
            keys("mq-gateway", "one")
            if folder == "overlays/consuming":
                secrets_of_consuming("mq-gateway")
            first = running("mq-gateway", number)
            expect(
                get("namespace", "mq-gateway")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted",
                "the namespace lets every pod in",
            )
            keys("mq-gateway", "two")
            kubectl(*STRICTLY, "--kustomize", there / folder)
            same_pods("mq-gateway", names(first))
            config = there / (folder if (there / folder / "gateway.toml").exists() else "base") / "gateway.toml"
            config.write_text(config.read_text() + '\n[log]\nlevel = "debug"\n')
            kubectl(*STRICTLY, "--kustomize", there / folder)
            second = running("mq-gateway", number)
            expect(
                not {pod["metadata"]["uid"] for pod in first} & {pod["metadata"]["uid"] for pod in second},
                f"{folder}: a changed configuration does not roll the pods",
            )
            expect(
                bool(get("podmonitors", namespace="mq-gateway")) == (folder == "overlays/monitoring"),
                f"{folder}: PodMonitor",
            )
            kubectl("delete", "--kustomize", there / folder, "--wait=false")
            wait_for("the namespace is gone", lambda: get("namespace", "mq-gateway") is None)


# ---- the README's own words --------------------------------------------------------------------------------------------


def the_readme_word_for_word():
    """The commands of the chart's README, in its order, as a new operator types them at the top of the repository."""
    with tempfile.TemporaryDirectory() as top:
        top = pathlib.Path(top)
        for name in ("deploy", "config"):
            (top / name).symlink_to(ROOT / name)
        (top / "access_key").write_text("placeholder-access-key")
        (top / "secret_key").write_text("placeholder-secret-key")

        def type_in(kind):
            blocks = re.findall(rf"^```sh {kind}\n(.*?)^```$", (CHART / "README.md").read_text(), re.MULTILINE | re.DOTALL)
            expect(len(blocks) > 2, f"the chart's README has no blocks ```sh {kind}")
            for block in blocks:
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", block], cwd=top, capture_output=True, text=True, timeout=240
                )
                said = done.stdout + done.stderr
                expect(done.returncode == 0, f"the README's `{block.strip()}` ended with {done.returncode}: {said[-1500:]}")
                expect("warning" not in said.lower(), f"the README's `{block.strip()}` warns: {said[-1500:]}")
                if " install " in block:
                    running("mq-gateway", 1 if kind == "try" else 2)

        type_in("try")
        wait_for(
            "nothing is left of the trial",
            lambda: not left_over("mq-gateway") and not get("persistentvolumeclaims", namespace="mq-gateway"),
        )
        type_in("mq")
        config = get("configmap", "mq-gateway-config", "mq-gateway")["data"]["gateway.toml"]
        expect(
            config.strip() == (ROOT / "config/examples/kubernetes.toml").read_text().strip(),
            "the configuration is not the one of the README",
        )
        kubectl("delete", "namespace", "mq-gateway")


def with_file(text, use):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        use(file.name)


STORIES = [
    a_bad_pod_is_noticed,
    without_the_operators_crds,
    install_crds,
    strictly_without_a_warning,
    a_release_from_install_to_uninstall,
    a_release_with_a_volume,
    kustomize_base_and_overlays,
    the_readme_word_for_word,
]


def main():
    wanted = sys.argv[2:]
    unknown = set(wanted) - {story.__name__ for story in STORIES}
    if unknown:
        sys.exit(f"no such story: {', '.join(sorted(unknown))}; there are {', '.join(story.__name__ for story in STORIES)}")
    failed = []
    for story in STORIES:
        if wanted and story.__name__ not in wanted and story is not install_crds:
            continue
        begun = time.monotonic()
        try:
            story()
            print(f"   {story.__name__.replace('_', ' ')}: good, {time.monotonic() - begun:.0f} s", flush=True)
        except Exception as failure:  # an object that is not as expected is a failed story, too
            failed.append(story.__name__)
            words = str(failure) if isinstance(failure, Failed) else traceback.format_exc()
            print(f"   {story.__name__.replace('_', ' ')}: FAILED: {words}", flush=True)
    if failed:
        sys.exit(f"FAILED: {', '.join(failed)}")
    print(f"   {len(wanted) or len(STORIES)} stories are good")


main()
