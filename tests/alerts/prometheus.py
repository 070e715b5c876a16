"""A real Prometheus with the rules as they are shipped, and the Alertmanager that it tells."""

import json
import pathlib
import re
import subprocess
import time
import urllib.parse

from gateway import Failed, call
from ports import own_port

CONFIGURATION = """
global:
  scrape_interval: {interval}
  scrape_timeout: {interval}
  evaluation_interval: {interval}
rule_files: ["{rules}/*.yml"]
alerting:
  alertmanagers:
    - static_configs: [{targets: ["127.0.0.1:{alertmanager}"]}]
scrape_configs:
  - job_name: mq-gateway
    file_sd_configs: [{files: ["{targets}"]}]
"""


def with_its_share(program):
    """Debian's Alertmanager reads its templates below /usr/share. Where its package is only unpacked, it sees them there all the same."""
    share = pathlib.Path(program).resolve().parents[1] / "share/prometheus/alertmanager"
    script = 'mount -t tmpfs tmpfs /usr/share && mkdir /usr/share/prometheus && cp -r "$0" /usr/share/prometheus/ && exec "$@"'
    if not share.exists() or share == pathlib.Path("/usr/share/prometheus/alertmanager"):
        return [program]
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, str(share), program]


class Monitoring:
    """`alertmanager` may be None: then nobody is told."""

    def __init__(self, prometheus, alertmanager, root, directory, interval="1s"):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir()
        self.targets, self.known = self.directory / "targets.json", []
        self.publish_targets()
        port, manager = own_port(), own_port()
        self.url, self.manager = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{manager}"
        text = CONFIGURATION.replace("{rules}", str(root / "deploy/prometheus/rules"))
        text = text.replace("{alertmanager}", str(manager)).replace("{targets}", str(self.targets))
        text = text.replace("{interval}", interval)
        (self.directory / "prometheus.yml").write_text(text)
        # Nobody is to be told: the receivers' names do not exist. All else is as shipped.
        shipped = (root / "deploy/prometheus/alertmanager.yml").read_text()
        (self.directory / "alertmanager.yml").write_text(re.sub(r"http://\w+\.example\.com", "http://127.0.0.1:9", shipped))
        self.processes = [
            self.run("prometheus", prometheus, f"--config.file={self.directory}/prometheus.yml",
                     f"--storage.tsdb.path={self.directory}/tsdb", f"--web.listen-address=127.0.0.1:{port}",
                     "--rules.alert.resend-delay=5s"),
        ]
        if alertmanager:
            self.processes.append(
                self.run("alertmanager", *with_its_share(alertmanager), f"--config.file={self.directory}/alertmanager.yml",
                         f"--storage.path={self.directory}/alertmanager", f"--web.listen-address=127.0.0.1:{manager}",
                         "--cluster.listen-address=")
            )
        try:
            self.wait_for(f"{self.url}/-/ready")
            if alertmanager:
                self.wait_for(f"{self.manager}/-/ready")
        except Failed:
            self.stop()
            raise

    def run(self, name, program, *arguments):
        with (self.directory / f"{name}.log").open("wb") as log:
            return subprocess.Popen([program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def wait_for(self, url):
        end = time.monotonic() + 60
        while call(url, timeout=5)[0] != 200:
            if time.monotonic() > end or any(process.poll() is not None for process in self.processes):
                logs = [path.read_text()[-1500:] for path in self.directory.glob("*.log")]
                raise Failed("Prometheus or Alertmanager does not run:\n" + "\n".join(logs))
            time.sleep(0.2)

    def add_target(self, address, namespace, pod):
        """What Kubernetes' service discovery would say of a pod."""
        self.known.append({"targets": [address], "labels": {"namespace": namespace, "pod": pod, "instance": pod}})
        self.publish_targets()

    def remove_target(self, pod):
        self.known = [target for target in self.known if target["labels"]["pod"] != pod]
        self.publish_targets()

    def publish_targets(self):
        new = self.targets.with_suffix(".new")
        new.write_text(json.dumps(self.known))
        new.rename(self.targets)

    def query(self, expression, path="query", **parameters):
        query = urllib.parse.urlencode({"query": expression, **parameters})
        status, answer = call(f"{self.url}/api/v1/{path}?{query}")
        if status != 200:
            raise Failed(f"Prometheus does not understand {expression}: {answer}")
        return json.loads(answer)["data"]["result"]

    def firing(self):
        """Namespace and name of each alert that fires now."""
        found = self.query('ALERTS{alertstate="firing"}')
        return {(it["metric"].get("namespace", ""), it["metric"]["alertname"]) for it in found}

    def notified(self):
        """Namespace and name of the alerts that Alertmanager has, and whether they are all silent for others."""
        status, answer = call(f"{self.manager}/api/v2/alerts?active=true&inhibited=true")
        if status != 200:
            raise Failed(f"Alertmanager answers {status}: {answer}")
        found = {}
        for alert in json.loads(answer):
            key = (alert["labels"].get("namespace", ""), alert["labels"]["alertname"])
            found[key] = found.get(key, True) and bool(alert["status"]["inhibitedBy"])
        return found

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
