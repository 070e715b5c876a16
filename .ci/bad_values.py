"""Values that make no gateway that runs are refused by the chart, with what to do: `bad_values.py HELM CHART OUT`.

What unusual and good values make is written to OUT/good-N.yaml, for others to validate.
"""

import concurrent.futures
import pathlib
import subprocess
import sys

import yaml

HELM, CHART, OUT = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
CONFIG = yaml.safe_load((CHART / "values.yaml").read_text())["config"]
TRACING = yaml.safe_load((CHART / "examples/tracing.yaml").read_text())
CONSUMING = yaml.safe_load((CHART / "examples/consuming.yaml").read_text())
EMBEDDED = yaml.safe_load((CHART / "examples/embedded.yaml").read_text())


def config(old, new):
    assert old in CONFIG, old
    return {"config": CONFIG.replace(old, new)}


LISTEN = 'listen = "0.0.0.0:8080"'
# Values, and words of the message.
BAD = [
    # ---- types and names
    ({"replicas": 3}, "additional properties 'replicas' not allowed"),
    ({"replicaCount": "2"}, "/replicaCount': got string, want integer"),
    ({"replicaCount": 0}, "/replicaCount': minimum: got 0, want 1"),
    (
        {"image": {"repository": "registry.example.com/mq-gateway:1.0"}},
        "/image/repository': 'registry.example.com/mq-gateway:1.0' does not match",
    ),
    ({"image": {"pullPolicy": "always"}}, "/image/pullPolicy': value must be one of 'IfNotPresent', 'Always', 'Never'"),
    ({"image": {"digest": "latest"}}, "/image/digest': 'latest' does not match"),
    ({"imagePullSecrets": ["registry"]}, "/imagePullSecrets/0': got string, want object"),
    ({"credentials": [{"name": "keys", "mountPath": "/run/secrets/mq"}]}, "missing property 'secretName'"),
    (
        {"credentials": [{"secretName": "keys", "mountPath": "/run/secrets/mq", "accessKey": "LTAI"}]},
        "additional properties 'accessKey' not allowed",
    ),
    ({"accessKey": "LTAI"}, "additional properties 'accessKey' not allowed"),
    ({"podAnnotations": {"example.com/on": True}}, "/podAnnotations/example.com~1on': got boolean, want string"),
    ({"service": {"port": 80800}}, "/service/port': maximum: got 80,800, want 65,535"),
    ({"service": {"type": "Internal"}}, "/service/type': value must be one of"),
    ({"podDisruptionBudget": {"maxUnavailable": 0}}, "/podDisruptionBudget/maxUnavailable"),
    ({"podDisruptionBudget": {"maxUnavailable": "0%"}}, "/podDisruptionBudget/maxUnavailable"),
    ({"networkPolicy": {"mq": [{"to": [], "ports": [443]}]}}, "/networkPolicy/mq/0/to': minItems: got 0, want 1"),
    (
        {"networkPolicy": {"mq": [{"to": [{"ipBlock": {"cidr": "10.0.0.1"}}], "ports": [443]}]}},
        "/ipBlock/cidr': '10.0.0.1' does not match",
    ),
    (
        {"networkPolicy": {"collector": [{"to": [{"podSelector": {}}], "ports": ["4317"]}]}},
        "/networkPolicy/collector/0/ports/0': got string, want integer",
    ),
    ({"networkPolicy": {"clients": [{"namespaceselector": {}}]}}, "additional properties 'namespaceselector' not allowed"),
    (
        {"metrics": {"monitor": {"kind": "Probe"}}},
        "/metrics/monitor/kind': value must be one of 'PodMonitor', 'ServiceMonitor'",
    ),
    ({"metrics": {"monitor": {"interval": "15"}}}, "/metrics/monitor/interval': '15' does not match"),
    ({"persistence": {"size": 2}}, "/persistence/size': got number, want string"),
    # ---- gateway.toml
    ({"config": "[server\n"}, "config is not TOML: toml: line"),
    (config(LISTEN, ""), 'config: [server] listen = "not set" reaches nobody outside of the pod: set "0.0.0.0:PORT"'),
    (
        config(LISTEN, 'listen = "127.0.0.1:8080"'),
        'config: [server] listen = "127.0.0.1:8080" reaches nobody outside of the pod',
    ),
    (
        config('listen = "0.0.0.0:8081"', 'listen = "localhost:8081"'),
        'config: [management] listen = "localhost:8081" reaches nobody',
    ),
    (config(LISTEN, 'listen = "0.0.0.0:8081"'), "[server] and [management] listen on the same port"),
    (
        config("/run/secrets/mq", "/etc/keys"),
        '[credentials.main] directory = "/etc/keys" is mounted by nothing: add an entry with secretName and this '
        "mountPath to credentials (there are: /run/secrets/mq)",
    ),
    ({"credentials": []}, '[credentials.main] directory = "/run/secrets/mq" is mounted by nothing'),
    # ---- traces
    (
        TRACING | {"tracing": {"headersSecret": ""}},
        'config: [tracing] headers_file = "/run/secrets/otlp/headers" is mounted by nothing: name the Secret with it in '
        "tracing.headersSecret, which is mounted at /run/secrets/otlp",
    ),
    (
        {"tracing": {"headersSecret": "otlp"}, "config": CONFIG + '[tracing]\nendpoint = "http://collector:4317"\n'},
        'tracing.headersSecret mounts headers that nothing reads: set [tracing] headers_file = "/run/secrets/otlp/headers"',
    ),
    (
        {"tracing": {"headersSecret": "otlp"}, "config": CONFIG + '[tracing]\nheaders_file = "/run/secrets/otlp/headers"\n'},
        "tracing.headersSecret: headers go with traces, and there are none: set [tracing] endpoint in config",
    ),
    ({"tracing": {"headersSecret": "authorization: Bearer x"}}, "/tracing/headersSecret': 'authorization: Bearer x' does not"),
    # ---- streams, subscriptions, operators
    ({"service": {"sessionAffinity": "Cookie"}}, "/service/sessionAffinity': value must be one of 'None', 'ClientIP'"),
    ({"service": {"sessionAffinitySeconds": 0}}, "/service/sessionAffinitySeconds': minimum: got 0, want 1"),
    ({"networkPolicy": {"targets": [{"to": [{"podSelector": {}}]}]}}, "missing property 'ports'"),
    (
        CONSUMING | {"credentials": [{"secretName": "keys", "mountPath": "/run/secrets/mq"}]},
        'config: [subscriptions.mail] secrets: "/run/secrets/mail/signing" is mounted by nothing: add an entry with secretName '
        "and mountPath to credentials, or a volume to extraVolumes and extraVolumeMounts (there are: /run/secrets/mq)",
    ),
    (
        CONSUMING
        | {
            "config": CONSUMING["config"].replace(
                'secrets = ["/run/secrets/mail/signing"]',
                'secrets = ["/run/secrets/mail/signing", {file = "/run/secrets/old/signing", until = "2030-01-31T00:00:00Z"}]',
            )
        },
        'config: [subscriptions.mail] secrets: "/run/secrets/old/signing" is mounted by nothing',
    ),
    (
        CONSUMING
        | {"config": CONSUMING["config"].replace("secrets = [", 'headers_file = "/etc/mail/headers"\n  secrets = [')},
        'config: [subscriptions.mail] headers_file: "/etc/mail/headers" is mounted by nothing',
    ),
    (
        CONSUMING | {"management": {"tokenSecret": ""}},
        'config: [management] token_file = "/run/secrets/operator/token" is mounted by nothing: name the Secret with it in '
        "management.tokenSecret, which is mounted at /run/secrets/operator",
    ),
    (
        {"management": {"tokenSecret": "operator"}},
        'management.tokenSecret mounts a token that nothing reads: set [management] token_file = "/run/secrets/operator/token"',
    ),
    ({"management": {"token": "secret"}}, "additional properties 'token' not allowed"),
    # ---- times
    (
        {"terminationGracePeriodSeconds": 25},
        "terminationGracePeriodSeconds is 25, but at the stop the gateway goes on serving for drain_delay (5000 ms) "
        "and then gives running requests shutdown_timeout (20000 ms): set it to more than 25",
    ),
    (
        config(LISTEN, LISTEN + '\ndrain_delay = "1m30s"'),
        "terminationGracePeriodSeconds is 45, but at the stop the gateway goes on serving for drain_delay " "(90000 ms)",
    ),
    (config(LISTEN, LISTEN + '\nshutdown_timeout = "1h"'), "set it to more than 3605"),
    (
        {"extraEnv": [{"name": "MQ_GATEWAY__SERVER__SHUTDOWN_TIMEOUT", "value": "45s"}]},
        "shutdown_timeout (45000 ms): set it to more than 50",
    ),
    (
        config(LISTEN, LISTEN + '\ndrain_delay = "500ms"'),
        "drain_delay is 500 ms, but it takes 2 s until the readiness probe has noticed",
    ),
    # ---- the embedded endpoint
    (
        EMBEDDED | {"replicaCount": 2},
        "[embedded] enabled = true keeps messages in one pod, and others would not find them: set replicaCount to 1",
    ),
    (EMBEDDED | {"autoscaling": {"enabled": True}}, "set replicaCount to 1 and autoscaling.enabled to false"),
    (
        EMBEDDED | {"persistence": {"enabled": False}},
        "[embedded] keeps messages on disk, and the pod has none: set persistence.enabled to true",
    ),
    ({"persistence": {"enabled": True}, "replicaCount": 1}, "persistence.enabled makes a volume that nothing writes to"),
    # ---- what is the chart's own
    (
        {"extraEnv": [{"name": "MQ_GATEWAY__SERVER__LISTEN", "value": "0.0.0.0:80"}]},
        "extraEnv: MQ_GATEWAY__SERVER__LISTEN is the chart's own",
    ),
    ({"extraArgs": ["--data-dir=/tmp"]}, "extraArgs: --data-dir=/tmp is the chart's own"),
    ({"serviceAccount": {"create": False}}, "serviceAccount.create is false: name one that exists in serviceAccount.name"),
    # ---- autoscaling
    ({"autoscaling": {"enabled": True, "minReplicas": 11}}, "autoscaling.minReplicas is more than autoscaling.maxReplicas"),
    ({"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": 0}}, "autoscaling has no measure"),
    (
        {"autoscaling": {"enabled": True}, "resources": {"requests": {"cpu": None}}},
        "relative to resources.requests.cpu, which is not set",
    ),
]
# Unusual, and good: what is refused above is refused for its reason, not for being unusual.
GOOD = [
    {},
    EMBEDDED,
    {"global": {"anything": 1}, "commonLabels": {"team": "payments"}, "podLabels": {"a": "b"}, "podAnnotations": {"a": "b"}},
    config(LISTEN, LISTEN + '\ndrain_delay = "20s"\nshutdown_timeout = "24s"'),
    {
        "extraEnv": [
            {"name": "MQ_GATEWAY__SERVER__DRAIN_DELAY", "value": "10s"},
            {"name": "MQ_GATEWAY__LOG__LEVEL", "value": "debug"},
        ]
    },
    config(LISTEN, 'listen = "[::]:8080"')
    | {"service": {"ipFamilyPolicy": "PreferDualStack", "ipFamilies": ["IPv6", "IPv4"]}},
    {
        "image": {"repository": "localhost:5000/a/mq-gateway", "digest": "sha256:" + "0" * 64},
        "imagePullSecrets": [{"name": "registry"}],
    },
    {"networkPolicy": {"clients": [], "monitoring": [], "dns": [], "mq": []}},
    TRACING
    | {"networkPolicy": {"mq": [], "collector": [{"to": [{"ipBlock": {"cidr": "10.0.0.7/32"}}], "ports": [4317, 443]}]}},
    TRACING | {"networkPolicy": {"dns": [], "mq": [], "collector": []}},
    {
        "tracing": {"headersSecret": "otlp"},
        "extraEnv": [
            {"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "valueFrom": {"configMapKeyRef": {"name": "otlp", "key": "endpoint"}}},
            {"name": "MQ_GATEWAY__TRACING__HEADERS_FILE", "value": "/run/secrets/otlp/other"},
        ],
    },
    CONSUMING | {"networkPolicy": {"dns": [], "mq": []}},
    {
        "management": {"tokenSecret": "operator"},
        "extraEnv": [{"name": "MQ_GATEWAY__MANAGEMENT__TOKEN_FILE", "value": "/run/secrets/operator/other"}],
    },
    {"networkPolicy": {"enabled": False}, "podDisruptionBudget": {"maxUnavailable": "25%"}},
    {
        "credentials": [
            {"secretName": "a", "mountPath": "/run/secrets/mq"},
            {"secretName": "b", "mountPath": "/run/secrets/shop"},
        ]
    },
    {
        "credentials": [],
        "extraVolumes": [{"name": "keys", "csi": {"driver": "secrets-store.csi.k8s.io", "readOnly": True}}],
        "extraVolumeMounts": [{"name": "keys", "mountPath": "/run/secrets"}],
    },
    {
        "podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None},
        "securityContext": {"runAsUser": None, "runAsGroup": None},
    },
    {"autoscaling": {"enabled": True, "requestsInFlight": {"enabled": True}}, "resources": {"requests": {"cpu": 1}}},
    {
        "service": {
            "sessionAffinity": "ClientIP",
            "trafficDistribution": "PreferSameZone",
            "type": "LoadBalancer",
            "annotations": {"a": "b"},
        }
    },
    {
        "serviceAccount": {"create": False, "name": "shared"},
        "priorityClassName": "high",
        "dnsConfig": {"options": [{"name": "ndots", "value": "2"}]},
    },
    {
        "nodeSelector": {"pool": "mq"},
        "tolerations": [{"operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [],
    },
    {"metrics": {"monitor": {"enabled": True, "kind": "ServiceMonitor", "interval": "", "labels": {"release": "x"}}}},
    {"nameOverride": "gateway", "extraArgs": ["--embedded-listen=127.0.0.1:0"]},
    EMBEDDED
    | {
        "persistence": {"enabled": False},
        "config": EMBEDDED["config"].replace("enabled = true", 'enabled = true\nstorage = "memory"'),
    },
]


def template(values):
    return subprocess.run(
        [HELM, "template", "mq-gateway", str(CHART), "--namespace", "mq-gateway", "--values", "-"],
        input=yaml.safe_dump(values),
        capture_output=True,
        text=True,
        timeout=60,
    )


def main():
    wrong = []
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for (values, message), run in zip(BAD, pool.map(lambda row: template(row[0]), BAD)):
            if run.returncode == 0:
                wrong.append(f"not refused: {values}, which should say {message!r}")
            elif message not in run.stderr:
                wrong.append(f"refused without {message!r}: {values}\n{run.stderr}")
        for number, (values, run) in enumerate(zip(GOOD, pool.map(template, GOOD))):
            if run.returncode != 0:
                wrong.append(f"refused: {values}\n{run.stderr}")
            (OUT / f"good-{number}.yaml").write_text(f"# {values}\n".replace("\\n", " ") + run.stdout)
    if wrong:
        sys.exit("FAILED: " + "\n        ".join(wrong))
    print(f"   {len(BAD)} wrong values are refused with what to do, {len(GOOD)} unusual ones are not")


main()
